"""Whatever stands around a message, the same message comes out of it."""

import json
import struct

import pytest

from pystack.compare.log.wrappings import Entry, Wrappings
from tests.compare.log.logs import echo, packets_of, reading_of

BODY = "[FW in] IN=eth0 OUT= " + echo().strip()
DATES = [
    "Feb 03 20:24:38",  # journalctl, rsyslog
    "Feb  3 20:24:38",
    "фев 03 20:24:38",
    "févr. 03 20:24:38",
    "2月 03 20:24:38",
    "Şub 03 20:24:38",
    "شباط 03 20:24:38",
    "2024-02-03T20:24:38+0300",  # short-iso
    "2024-02-03T20:24:38.123456+03:00",  # short-iso-precise, rsyslog's own
    "Sat 2024-02-03 20:24:38 MSK",  # short-full
    "Feb 03 20:24:38.123456",  # short-precise
    "1706981078.123456",  # short-unix
    "[  123.456789]",  # short-monotonic
    "<6>1 2024-02-03T20:24:38Z",  # RFC 5424, in front of the host
    "<30>Feb  3 20:24:38",
]
BARE = [
    "",
    "[  123.456789] ",  # dmesg
    "[Sat Feb  3 20:24:38 2024] ",  # dmesg -T
    "[Сб фев  3 20:24:38 2024] ",
    "[六 2月  3 20:24:38 2024] ",
    "[Feb 3 20:24] ",  # dmesg -H
    "[  +0.000123] ",
    "[<    0.000001>] ",
    "<6>[  123.456789] ",  # dmesg -r
    "kern  :info  : [  123.456789] ",  # dmesg -x
    "2024-02-03T20:24:38,123456+03:00 ",
    "6,1252,711100988,-;",  # /dev/kmsg
    "1252 711100988 ",
    "\x1b[32m[  123.456789] \x1b[0m",
]


def entries(text: str) -> list[Entry]:
    wrappings = Wrappings()
    found = [
        entry
        for number, line in enumerate(text.split("\n"), 1)
        for entry in wrappings.unwrap(number, line.encode())
    ]
    return [*found, *wrappings.end()]


@pytest.mark.parametrize("date", DATES)
@pytest.mark.parametrize("tag", ["kernel: ", "kernel: [  123.456789] ", "kernel[0]: "])
def test_a_date_in_any_language_and_the_host_are_taken_off(date: str, tag: str) -> None:
    (entry,) = entries(f"{date} lenovo {tag}{BODY}")
    assert (entry.text, entry.host, entry.is_bare) == (BODY, "lenovo", False)


@pytest.mark.parametrize("front", BARE)
def test_what_names_no_host_is_taken_off_too(front: str) -> None:
    (entry,) = entries(front + BODY)
    assert (entry.text, entry.host, entry.is_bare) == (BODY, "", not front)


@pytest.mark.parametrize(
    ("line", "host"),
    [
        (f"Sat Feb  3 20:24:38 2024 kern.warn kernel: [  12.345678] {BODY}", ""),  # logread
        (f"Feb  3 20:24:38 lenovo kern.info kernel: {BODY}", "lenovo"),  # busybox
        (f"<6>1 2024-02-03T20:24:38Z lenovo kernel - - - {BODY}", "lenovo"),
        (f'<6>1 2024-02-03T20:24:38Z lenovo kernel - - [meta x="1"] {BODY}', "lenovo"),
    ],
)
def test_a_facility_is_no_host(line: str, host: str) -> None:
    (entry,) = entries(line)
    assert (entry.text, entry.host) == (BODY, host)


@pytest.mark.parametrize("begin", ["", "data: ", "\x1e"])
def test_a_journal_in_json_is_read(begin: str) -> None:
    fields = {"__REALTIME_TIMESTAMP": "1", "MESSAGE": " " + BODY, "_HOSTNAME": "lenovo"}
    (entry,) = entries(begin + json.dumps(fields))
    assert (entry.text, entry.host, entry.is_bare) == (" " + BODY, "lenovo", False)


def test_a_message_that_the_journal_writes_as_octets_is_read() -> None:
    (entry,) = entries(json.dumps({"MESSAGE": [*b"\x1b[2J ", *BODY.encode()], "_HOSTNAME": "lenovo"}))
    assert entry.text == "\x1b[2J " + BODY


@pytest.mark.parametrize("first", ["MESSAGE", "_HOSTNAME"])
def test_an_entry_of_several_lines_is_one_whatever_comes_first(first: str) -> None:
    fields = {"MESSAGE": BODY, "_HOSTNAME": "lenovo"}
    ordered = {first: fields.pop(first), **fields}
    pretty = json.dumps({"__CURSOR": "s=1", **ordered, "_PID": "1"}, indent=8)
    export = "\n".join(f"{name}={value}" for name, value in ordered.items())
    for text in (pretty, f"__CURSOR=s=1\n{export}\n_PID=1\n", f"    {export}\n"):
        found = [entry for entry in entries(text + "\n" + text) if entry.is_message]
        assert [(entry.text, entry.host) for entry in found] == [(BODY, "lenovo")] * 2, text


def test_what_dmesg_writes_as_json_is_read() -> None:
    text = json.dumps({"dmesg": [{"pri": 6, "time": 1.5, "msg": BODY}]}, indent=3)
    assert [entry.text for entry in entries(text) if entry.is_message] == [BODY]


def test_a_binary_field_of_an_export_is_read_by_its_length() -> None:
    message = BODY.replace("FW in", "FW\nin").encode()
    field = b"MESSAGE\n" + struct.pack("<Q", len(message)) + message + b"\n"
    export = b"__CURSOR=s=1\n" + field + b"_HOSTNAME=lenovo\n\n"
    (packet,) = packets_of(export * 2)[:1]
    assert packet.host == "lenovo"
    assert packet.first.text == BODY


def test_a_note_is_prose_with_lines_in_it() -> None:
    reading, packets = reading_of(["и вот что я вижу:", "", f"   {BODY}", "тоесть IN= OUT=lo", "..."])
    assert [packet.first.text for packet in packets] == [BODY]
    assert packets[0].left_out == [1]
    assert [remark.line for remark in reading.remarks] == [4]


def test_prose_in_front_of_a_message_is_not_its_prefix() -> None:
    prose = "а вот здесь видно что пакет был сроутен на другую карту, хотя я просил ее об обратном: "
    assert [entry.text for entry in entries(prose + BODY)] == [BODY]


@pytest.mark.parametrize(
    "line",
    [
        "net_ratelimit: 12 callbacks suppressed",
        "Feb 03 20:24:38 lenovo kernel: __ratelimit: 5 callbacks suppressed",
        "Feb 03 20:24:38 lenovo systemd-journald[1]: Missed 15 kernel messages",
        "Feb 03 20:24:38 lenovo kernel: ** 7 printk messages dropped **",
    ],
)
def test_a_log_that_says_it_is_not_whole_is_believed(line: str) -> None:
    reading, _ = reading_of([BODY, line])
    assert "lines are missing" in reading.remarks[0].text
