"""A line of tcpdump's becomes the packet that tcpdump would print so."""

import pytest

from pystack.applets.tcpdump.dissect import Dissector
from pystack.applets.tcpdump.names import Names
from pystack.applets.tcpdump.page import Look
from pystack.explain.words import NotAPacket, packet_of
from pystack.wire.ethernet import ETH_P_ARP, header

ARP = "ARP, Request who-has 10.0.0.1 tell 10.0.0.2, length 28"


def printed(words: str) -> str:
    made = packet_of(words)
    frame = header(bytes(6), bytes(6), made.protocol) + made.payload
    return Dissector(Look(n=2, t=1), Names()).text(0, frame, len(frame)).strip()


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
        ("10.0.0.2.1 > 10.0.0.1.2: UDP, length 70000", "more than an IPv4 packet holds"),
        ("10.0.0.2.1 > 10.0.0.1.2: Flags [X]", "not a TCP flag: X"),
        ("ARP, Announce 10.0.0.1", "not an ARP packet"),
        (
            "IP (tos 0x0, ttl 64, id 1, offset 8, flags [none], proto UDP (17), length 28)"
            " 10.0.0.2.1 > 10.0.0.1.2: UDP, length 0",
            "a fragment cannot be made from words",
        ),
    ],
)
def test_what_names_no_packet_is_refused_with_a_reason(words: str, why: str) -> None:
    with pytest.raises(NotAPacket, match=why.replace("[", r"\[")):
        packet_of(words)
