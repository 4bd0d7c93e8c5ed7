"""Packets whose ends change still add up, whatever was left to devices to be summed."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pystack.netfilter.conntrack.tuples import IPPROTO_SCTP, IPPROTO_UDPLITE, Tuple
from pystack.netfilter.nat.manip import End, translate_at
from pystack.netfilter.nat.ranges import MANIP_DST, MANIP_SRC
from pystack.wire import icmp, ipv4, tcp, udp
from pystack.wire.checksum import pseudo_header_sum, transport_sum, verifies
from pystack.wire.crc32c import crc32c
from pystack.wire.ipv4 import HEADER_LENGTH, IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP, Ipv4Header
from pystack.wire.tcp import TcpHeader

Build = Callable[[int, int, bytes], bytes]

addresses = st.integers(0, 0xFFFFFFFF)
ports = st.integers(0, 0xFFFF)
manips = st.sampled_from((MANIP_SRC, MANIP_DST))


def tcp_segment(saddr: int, daddr: int, data: bytes) -> bytes:
    return tcp.build(TcpHeader(1000, 80, seq=1, flags=2), data, saddr, daddr)


def udp_datagram(saddr: int, daddr: int, data: bytes) -> bytes:
    return udp.build(1000, 53, data, saddr, daddr)


def echo(saddr: int, daddr: int, data: bytes) -> bytes:
    return icmp.build(icmp.ICMP_ECHO, 0, 1000, 1, data)


def packet(protocol: int, saddr: int, daddr: int, body: bytes) -> bytearray:
    return bytearray(ipv4.build(Ipv4Header(saddr, daddr, protocol, id=7), len(body)) + body)


def adds_up(data: bytearray) -> bool:
    head = ipv4.parse(data, 0)
    if not isinstance(head, Ipv4Header):  # whose own sum is looked at there
        return False
    body = data[head.ihl :]
    if head.protocol == IPPROTO_ICMP:
        return verifies(body)
    return transport_sum(head.saddr, head.daddr, head.protocol, body) == 0xFFFF


@given(addresses, addresses, addresses, ports, manips, st.binary(max_size=9))
@pytest.mark.parametrize(
    ("protocol", "build"), [(IPPROTO_TCP, tcp_segment), (IPPROTO_UDP, udp_datagram), (IPPROTO_ICMP, echo)]
)
def test_a_translated_packet_adds_up_and_can_be_translated_back(
    protocol: int, build: Build, old: int, peer: int, new: int, port: int, manip: int, data: bytes
) -> None:
    saddr, daddr = (old, peer) if manip == MANIP_SRC else (peer, old)
    came = packet(protocol, saddr, daddr, build(saddr, daddr, data))
    went = bytearray(came)
    assert translate_at(went, 0, End.of(Tuple(2, protocol, new, new, port, port), manip))
    at = 12 + 4 * manip
    assert went[at : at + 4] == new.to_bytes(4, "big")
    assert adds_up(went)
    own_port = int.from_bytes(came[24:26] if protocol == IPPROTO_ICMP else came[20 + 2 * manip :][:2], "big")
    assert translate_at(went, 0, End.of(Tuple(2, protocol, old, old, own_port, own_port), manip))
    assert went[12:20] == came[12:20]
    assert adds_up(went)


@given(addresses, addresses, addresses, ports, manips)
@pytest.mark.parametrize("protocol", [IPPROTO_TCP, IPPROTO_UDP])
def test_a_sum_that_is_owed_stays_that_of_the_pseudo_header(
    protocol: int, saddr: int, daddr: int, new: int, port: int, manip: int
) -> None:
    build = tcp_segment if protocol == IPPROTO_TCP else udp_datagram
    body = bytearray(build(saddr, daddr, b"data"))
    field = 16 if protocol == IPPROTO_TCP else 6
    owed = pseudo_header_sum(saddr, daddr, protocol, len(body))
    body[field : field + 2] = owed.to_bytes(2, "big")
    went = packet(protocol, saddr, daddr, bytes(body))
    assert translate_at(went, 0, End.of(Tuple(2, protocol, new, new, port, port), manip), partial=True)
    ends = (new, daddr) if manip == MANIP_SRC else (saddr, new)
    expected = pseudo_header_sum(*ends, protocol, len(body))
    told = int.from_bytes(went[20 + field : 22 + field], "big")
    assert told % 0xFFFF == expected % 0xFFFF


def test_a_udp_datagram_without_a_sum_gets_none() -> None:
    went = packet(IPPROTO_UDP, 1, 2, b"\x00\x05\x00\x06\x00\x08\x00\x00")
    assert translate_at(went, 0, End.of(Tuple(2, IPPROTO_UDP, 9, 9, 7, 7), MANIP_SRC))
    assert went[20:] == b"\x00\x07\x00\x06\x00\x08\x00\x00"


def test_sctp_is_summed_anew() -> None:
    body = bytes.fromhex("03e800500000000000000000") + b"chunks"
    went = packet(IPPROTO_SCTP, 1, 2, body)
    assert translate_at(went, 0, End.of(Tuple(2, IPPROTO_SCTP, 9, 9, 2000, 0), MANIP_SRC))
    plain = bytes(went[20:28]) + bytes(4) + bytes(went[32:])
    assert went[28:32] == crc32c(plain).to_bytes(4, "little")
    assert went[20:24] == (2000).to_bytes(2, "big") + (80).to_bytes(2, "big")


def test_pptps_calls_are_known_by_their_destination_alone() -> None:
    call = bytes.fromhex("2001880b00040005") + b"abcd"
    went = packet(47, 1, 2, call)
    assert translate_at(went, 0, End.of(Tuple(2, 47, 9, 9, 0, 77), MANIP_SRC))
    assert went[20:] == call
    assert translate_at(went, 0, End.of(Tuple(2, 47, 9, 9, 0, 77), MANIP_DST))
    assert went[26:28] == b"\x00\x4d"
    assert not translate_at(
        packet(47, 1, 2, b"\x20\x02" + call[2:]), 0, End.of(Tuple(2, 47, 9, 9), MANIP_DST)
    )


@given(st.sampled_from((1, 6, 17, 47, 99, IPPROTO_SCTP, IPPROTO_UDPLITE)), st.binary(max_size=30), manips)
def test_what_is_cut_off_is_refused_and_nothing_else_happens(protocol: int, body: bytes, manip: int) -> None:
    went = packet(protocol, 1, 2, body)
    assert translate_at(went, 0, End.of(Tuple(2, protocol, 9, 9, 7, 7), manip)) in (True, False)
    assert len(went) == HEADER_LENGTH + len(body)
