"""A line of tcpdump's becomes the packet that tcpdump would print so."""

from random import Random

import pytest

from pystack.applets.tcpdump.dissect import Dissector
from pystack.applets.tcpdump.names import Names
from pystack.applets.tcpdump.page import Look
from pystack.explain.words import NotAPacket, packet_of
from pystack.wire.ethernet import ETH_P_ARP, header

ARP = "ARP, Request who-has 10.0.0.1 tell 10.0.0.2, length 28"


def printed(words: str, verbosity: int = 0) -> str:
    made = packet_of(words)
    frame = header(bytes(6), bytes(6), made.protocol) + made.payload
    return Dissector(Look(n=2, t=1, v=verbosity), Names()).text(0, frame, len(frame)).strip()


@pytest.mark.parametrize(
    "line",
    [
        "IP 10.0.0.2 > 10.0.0.1: ICMP echo request, id 7, seq 3, length 64",
        "IP 10.0.0.2 > 10.0.0.1: ICMP echo reply, id 65535, seq 0, length 8",
        "IP 10.0.0.2.1000 > 10.0.0.1.2000: UDP, length 12",
        "IP 10.0.0.2.40112 > 10.2.0.2.8080: Flags [S], seq 9, win 64240, length 0",
        "IP 10.0.0.2.40112 > 10.2.0.2.8080: Flags [.], ack 1, win 500, length 0",
        "IP 10.0.0.2.40112 > 10.2.0.2.8080: Flags [R.], seq 0, ack 1, win 0, length 0",
        ARP,
        "ARP, Reply 10.0.0.1 is-at 02:00:00:00:00:01, length 28",
    ],
)
def test_what_tcpdump_prints_is_read_back(line: str) -> None:
    assert printed(line) == line


@pytest.mark.parametrize(
    "words",
    [
        "net 10.9.9.9 unreachable",
        "host 10.9.9.9 unreachable",
        "host 10.9.9.9 unreachable - admin prohibited filter",
        "10.9.9.9 protocol 132 unreachable",
        "10.9.9.9 udp port 53 unreachable",
        "10.9.9.9 unreachable - need to frag (mtu 1400)",
        "redirect 10.9.9.9 to host 10.0.0.3",
        "redirect 10.9.9.9 to net 10.0.0.3",
    ],
)
def test_an_icmp_error_is_read_back(words: str) -> None:
    line = f"IP 10.0.0.1 > 10.0.0.2: ICMP {words}, length 36"
    assert printed(line) == line


HEADER = "IP (tos 0x0, ttl 64, id 7, offset {}, flags [{}], proto {}, length {})\n    "


@pytest.mark.parametrize(
    "lines",
    [
        HEADER.format(0, "+", "UDP (17)", 100) + "10.0.0.2.1 > 10.0.0.1.2: UDP, length 100",
        HEADER.format(80, "none", "UDP (17)", 48) + "10.0.0.2 > 10.0.0.1: ip-proto-17",
        HEADER.format(0, "none", "ICMP (1)", 56)
        + "10.0.0.2 > 10.0.0.1: ICMP time exceeded in-transit, length 36\n\t"
        + HEADER.format(0, "none", "UDP (17)", 28)
        + "10.0.0.1.5 > 10.9.9.9.53: UDP, length 0",
    ],
)
def test_what_tcpdump_prints_with_v_is_read_back(lines: str) -> None:
    assert printed(lines, verbosity=1) == lines


@pytest.mark.parametrize(
    ("words", "length"),
    [
        ("1234+ A? example.com. (29)", 29),
        ("NTPv4, Client, length 48", 48),
        ("BOOTP/DHCP, Request, length 300", 300),
    ],
)
def test_what_tcpdump_takes_to_pieces_is_a_datagram_all_the_same(words: str, length: int) -> None:
    made = packet_of(f"10.0.0.2.40000 > 10.0.0.1.53: {words}")
    assert len(made.payload) == 20 + 8 + length


@pytest.mark.parametrize(
    "in_front",
    ["02:11:07.331204 ", "2026-11-20 02:11:07.331204 ", "02:11:07.331204 eth0  In  ", ""],
)
def test_a_time_and_a_device_in_front_are_passed_over(in_front: str) -> None:
    assert printed(in_front + ARP) == ARP


def test_link_addresses_are_taken_where_they_are_told() -> None:
    link = "02:aa:00:00:00:01 > ff:ff:ff:ff:ff:ff, ethertype ARP (0x0806), length 42: "
    made = packet_of(link + ARP)
    assert made.protocol == ETH_P_ARP
    assert made.source == bytes.fromhex("02aa00000001")
    assert made.destination == b"\xff" * 6


def test_the_header_of_a_verbose_line_is_taken() -> None:
    made = packet_of(
        "IP (tos 0x10, ttl 3, id 77, offset 0, flags [DF], proto UDP (17), length 28)"
        " 10.0.0.2.1 > 10.0.0.1.2: UDP, length 0"
    )
    tos, ident, frag, ttl = made.payload[1], made.payload[4:6], made.payload[6:8], made.payload[8]
    assert (tos, ident, frag, ttl) == (0x10, b"\x00\x4d", b"\x40\x00", 3)


@pytest.mark.parametrize(
    ("words", "why"),
    [
        ("", "not a packet"),
        ("hello", "not a packet"),
        ("10.0.0.2 > 10.0.0.1", "not a packet"),
        ("10.0.0.2 > 10.0.0.1: ESP(spi=0x1,seq=0x1), length 8", "not known"),
        ("10.0.0.2.1 > 10.0.0.1.99999: UDP, length 1", "99999 is not an IPv4 address"),
        ("10.0.0.300 > 10.0.0.1: ICMP echo request", "is not an IPv4 address"),
        ("10.0.0.2.1 > 10.0.0.1.http: Flags [S]", "http is the name of a port"),
        ("10.0.0.2.domain > 10.0.0.1.99: UDP, length 1", "domain is the name of a port"),
        ("10.0.0.2.1 > 10.0.0.1.2: UDP, length 70000", "more than an IPv4 packet holds"),
        ("10.0.0.2.1 > 10.0.0.1.2: Flags [X]", "not a TCP flag: X"),
        ("ARP, Announce 10.0.0.1", "not an ARP packet"),
        (
            "IP (tos 0x0, ttl 64, id 1, offset 8, flags [none]) 10.0.0.2 > 10.0.0.1: ip-proto-17",
            "a fragment needs its length and protocol",
        ),
        ("10.0.0.2 > 10.0.0.1: ICMP time exceeded in-transit", "the words do not say"),
        ("10.0.0.2 > 10.0.0.1: ICMP something new", "ICMP something new: not known"),
    ],
)
def test_what_names_no_packet_is_refused_with_a_reason(words: str, why: str) -> None:
    with pytest.raises(NotAPacket, match=why.replace("[", r"\[")):
        packet_of(words)


LINES = [
    "02:11:07.331204 IP 10.0.0.2.1000 > 10.0.0.1.2000: UDP, length 12",
    HEADER.format(80, "+", "UDP (17)", 48) + "10.0.0.2 > 10.0.0.1: ip-proto-17",
    "IP 10.0.0.1 > 10.0.0.2: ICMP redirect 10.9.9.9 to host 10.0.0.3, length 36",
    "IP 10.0.0.2.40112 > 10.2.0.2.8080: Flags [S], seq 9, win 64240, length 0",
    f"02:aa:00:00:00:01 > Broadcast, ethertype ARP (0x0806), length 42: {ARP}",
]


PIECES = ("9", "99999", ".", ":", "(", "[", "\n", " ", "x", "")


def outcome(words: str) -> bytes | str:
    """The packet, or why there is none; anything else is a fault."""
    try:
        return packet_of(words).payload
    except NotAPacket as refused:
        return str(refused)


@pytest.mark.parametrize("seed", range(40))
def test_words_that_were_mangled_make_a_packet_or_a_named_refusal(seed: int) -> None:
    rng = Random(seed)
    for _ in range(50):
        words = list(rng.choice(LINES))
        for _ in range(rng.randrange(1, 6)):
            at = rng.randrange(len(words))
            words[at : at + rng.randrange(3)] = rng.choice(PIECES)
        assert outcome("".join(words))


@pytest.mark.parametrize(
    ("line", "rest"),
    [
        ("10.0.0.2 > 10.0.0.1: ICMP echo request, id 1, seq 1, length 64 mark 7", "mark 7"),
        ("10.0.0.2.1 > 10.0.0.1.2: UDP, length 12, tos 3", "tos 3"),
        ("10.0.0.2.1 > 10.0.0.1.2: Flags [S], seq 1, mss 1460", "seq 1, mss 1460"),
        ("10.0.0.1 > 10.0.0.2: ICMP time exceeded in-transit, length 36, twice", "twice"),
        (f"{ARP} please", "length 28 please"),
    ],
)
def test_words_behind_a_packet_that_are_not_understood_are_refused_by_name(line: str, rest: str) -> None:
    with pytest.raises(NotAPacket, match="not understood behind") as caught:
        packet_of(line)
    assert rest in str(caught.value)


@pytest.mark.parametrize("between", [", ", " "])
def test_a_ttl_behind_the_packet_is_understood(between: str) -> None:
    made = packet_of(f"10.0.0.2 > 10.0.0.1: ICMP echo request, id 1, seq 1, length 64{between}ttl 3")
    assert made.payload[8] == 3
