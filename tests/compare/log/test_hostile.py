"""A log is somebody else's text: whatever stands in it, it is read, in bounded space, and does no harm."""

import random
from collections.abc import Callable

import pytest

from pystack.compare.log import report
from pystack.compare.log.lines import LONGEST, Cutter
from pystack.compare.log.reading import MOST_PACKETS, MOST_REMARKS, Reading
from tests.compare.log.logs import BRIDGE, SETUP, VM, accounts_of, echo, packets_of, reading_of, routed

WORDS = [
    *(
        "IN=",
        "OUT=",
        "IN=eth0",
        "OUT=eth0",
        "PHYSIN=",
        "MAC=",
        "MAC=00:",
        "SRC=10.0.0.1",
        "DST=10.0.0.2",
        "LEN=84",
    ),
    *(
        "TTL=64",
        "TTL=-1",
        "ID=7",
        "PROTO=ICMP",
        "PROTO=",
        "TYPE=8",
        "[SRC=1.2.3.4",
        "]",
        "[",
        "OPT (",
        "OPT (0204)",
    ),
    *(
        "FRAG:99999",
        "MAC source = ",
        f"MAC dest = {VM}",
        "proto = 0x0800",
        "MARK=0xffffffffff",
        "kernel: ",
        "kernel:",
    ),
    *(
        "{",
        "}",
        '{"MESSAGE":',
        "MESSAGE=",
        '"msg": "',
        "[" * 50,
        "\x1b[31m",
        "\x00",
        "\ud7ff",
        "…",
        "...",
        "²",
        "٣",
    ),
    *(
        "INCOMPLETE [8 bytes]",
        "GATEWAY=x",
        "SPT=53",
        "DPT=53",
        "PROTO=TCP",
        "PROTO=UDP",
        "6,1,2,-;",
        "[ 1.5] ",
    ),
]


def garbled(dice: random.Random) -> str:
    """A line of words that belong into logs, or a real line with something done to it."""
    if dice.random() < 0.5:
        return " ".join(dice.choices(WORDS, k=dice.randrange(12)))
    line = dice.choice(routed())
    at, length = dice.randrange(len(line)), dice.randrange(9)
    return (
        line[:at]
        + dice.choice(["", dice.choice(WORDS), chr(dice.randrange(1, 0xD800))])
        + line[at + length :]
    )


def test_garbled_lines_are_read_grouped_judged_and_told(scaled: Callable[[int], int]) -> None:
    dice = random.Random(6)
    for _ in range(scaled(400)):
        lines = [garbled(dice) for _ in range(25)]
        for account in accounts_of(lines, SETUP if dice.random() < 0.05 else ""):
            assert all(line.isprintable() for line in report.told(account))
            assert report.to_json(account)["packet"] == account.passage.number


def test_octets_that_are_no_text_are_read(scaled: Callable[[int], int]) -> None:
    dice = random.Random(7)
    seed = "\n".join(["__CURSOR=x", *(f"MESSAGE={line}" for line in routed()), "MESSAGE", "x" * 20]).encode()
    for _ in range(scaled(2000)):
        octets = bytearray(seed)
        for _ in range(dice.randrange(1, 20)):
            octets[dice.randrange(len(octets))] = dice.randrange(256)
        packets_of(bytes(octets))


def test_a_line_without_an_end_takes_no_more_room_than_a_line_may() -> None:
    cutter = Cutter()
    lines = [line for _ in range(100) for line in cutter.feed(b"x" * 10_000)]
    lines += cutter.feed(b"\nbehind\n")
    assert [(number, len(line)) for number, line in lines] == [(1, LONGEST), (2, len(b"behind\n"))]


def test_a_field_that_claims_to_be_endless_is_passed_over() -> None:
    octets = b"__CURSOR=s=1\nMESSAGE\n" + b"\xff" * 8 + b"\n" + "\n".join(routed()).encode()
    assert len(packets_of(octets)) == 1


@pytest.mark.slow
def test_packets_are_handed_out_before_there_are_too_many() -> None:
    reading = Reading()
    lines = (
        (number, f"6,{number},1,-;OUTPUT IN= OUT=e{number % 7} {echo(ident=number)}".encode())
        for number in range(1, 3 * MOST_PACKETS)
    )
    batches = [len(batch) for batch in reading.take_in(lines)]
    assert max(batches) <= MOST_PACKETS + 1
    assert sum(batches) + len(reading.rest()) == 3 * MOST_PACKETS - 1


def test_a_packet_does_not_grow_without_end() -> None:
    lines = [f"P{number} IN= OUT=eth0 {echo()}" for number in range(2000)]
    assert max(len(packet.lines) for packet in packets_of(lines)) == 256


def test_remarks_are_counted_when_there_are_too_many_to_tell() -> None:
    reading, _ = reading_of(["IN=eth0 OUT= "] * 1000)
    assert (len(reading.remarks), reading.remarked) == (MOST_REMARKS, 1000)
    assert list(report.remarks(reading.remarks, reading.remarked))[-1] == "… and 950 more remarks"


def test_what_would_steer_a_terminal_is_shown_and_not_obeyed() -> None:
    line = f"\x1b]0;evil\x07\x9b2J INPUT IN=eth0 OUT= MAC={BRIDGE}:{VM}:08:00 {echo()}"
    reading, packets = reading_of(
        [f"Feb 03 20:24:38 ho\x1b[2Jst kernel: {line}", "\x1b]0;x\x07 IN=eth0 OUT= SRC=\x07 "]
    )
    assert len(packets) == 1
    said = [*report.told(accounts_of([line])[0]), *report.remarks(reading.remarks, 1)]
    assert all(text.isprintable() for text in said)
    assert any("\\x1b]0;evil\\x07" in text for text in said)
