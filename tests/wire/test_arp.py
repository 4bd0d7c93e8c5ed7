"""Resolution packets, as RFC 826 and the kernel read them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pystack.wire.arp import ARPOP_REPLY, ARPOP_REQUEST, Arp, build, parse
from pystack.wire.malformed import Malformed

# 10.0.0.2 at 02:00:00:00:00:01 asks for 10.0.0.1
REQUEST = bytes.fromhex("00010800060400010200000000010a0000020000000000000a000001")

MACS = st.binary(min_size=6, max_size=6)
ADDRESSES = st.integers(0, 0xFFFFFFFF)


def test_a_request_written_by_hand_parses() -> None:
    assert parse(REQUEST, 0) == Arp(
        ARPOP_REQUEST, bytes.fromhex("020000000001"), 0x0A000002, bytes(6), 0x0A000001
    )


def test_a_request_builds_to_the_bytes_written_by_hand() -> None:
    assert build(Arp(1, bytes.fromhex("020000000001"), 0x0A000002, bytes(6), 0x0A000001)) == REQUEST


def test_padding_after_the_packet_is_ignored() -> None:
    assert parse(REQUEST + bytes(18), 0) == parse(REQUEST, 0)


def test_the_packet_may_lie_behind_a_link_header() -> None:
    assert parse(bytes(14) + REQUEST, 14) == parse(REQUEST, 0)


@pytest.mark.parametrize("length", range(len(REQUEST)))
def test_a_packet_cut_short_anywhere_is_truncated(length: int) -> None:
    assert parse(REQUEST[:length], 0) is Malformed.TRUNCATED


def test_hardware_type_6_is_ethernet_too() -> None:
    """IEEE 802 networks, as Linux takes them. Linux: net/ipv4/arp.c arp_process()"""
    assert parse(b"\x00\x06" + REQUEST[2:], 0) == parse(REQUEST, 0)


@pytest.mark.parametrize(
    "changed",
    ["000208000604", "000186dd0604", "000108000804", "000108000610"],
)
def test_other_hardware_or_protocols_are_told_apart(changed: str) -> None:
    assert parse(bytes.fromhex(changed) + REQUEST[6:], 0) is Malformed.HARDWARE


@given(st.integers(0, 0xFFFF), MACS, ADDRESSES, MACS, ADDRESSES)
def test_a_packet_reads_back_as_it_was_built(
    operation: int, sha: bytes, spa: int, tha: bytes, tpa: int
) -> None:
    arp = Arp(operation, sha, spa, tha, tpa)
    assert parse(build(arp), 0) == arp


@given(st.binary(max_size=64), st.integers(0, 70))
def test_any_bytes_parse_or_are_malformed(data: bytes, offset: int) -> None:
    for form in (data, bytearray(data), memoryview(data)):
        assert isinstance(parse(form, offset), Arp | Malformed)


def test_a_reply_has_operation_2() -> None:
    assert build(Arp(ARPOP_REPLY, bytes(6), 0, bytes(6), 0))[6:8] == b"\x00\x02"
