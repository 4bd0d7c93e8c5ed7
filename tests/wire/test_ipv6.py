"""IPv6 headers, what stands behind them, and how addresses are spelled."""

from ipaddress import IPv6Address

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pystack.wire import ipv6
from pystack.wire.ipv6 import Found, Ipv6Header
from pystack.wire.malformed import Malformed

A, B = int(IPv6Address("2001:db8::a")), int(IPv6Address("2001:db8::b"))
UDP = bytes.fromhex("04000035000c00006d6f7265")
DEST = bytes.fromhex("0104000000000000")[:6]  # one option that pads


def packet(next_header: int, payload: bytes) -> bytes:
    return ipv6.build(Ipv6Header(A, B, next_header, payload_len=len(payload))) + payload


def test_a_header_parses_to_the_fields_it_was_built_from() -> None:
    built = ipv6.build(Ipv6Header(A, B, 17, ttl=7, tos=0xB8, flow_label=0x12345, payload_len=12))
    header = ipv6.parse(b"link" + built + UDP, 4)
    assert isinstance(header, Ipv6Header)
    assert (header.saddr, header.daddr, header.next_header) == (A, B, 17)
    assert (header.ttl, header.tos, header.flow_label, header.tot_len) == (7, 0xB8, 0x12345, 52)


def test_a_copy_changes_alone() -> None:
    header = Ipv6Header(A, B, 17)
    header.copy().ttl = 1
    assert header.ttl == 64


@pytest.mark.parametrize(
    ("octets", "fault"), [(b"`" + bytes(38), Malformed.TRUNCATED), (b"E" + bytes(39), Malformed.VERSION)]
)
def test_what_is_no_header_has_a_name(octets: bytes, fault: Malformed) -> None:
    assert ipv6.parse(octets, 0) is fault


def test_the_payload_is_found_behind_all_extension_headers() -> None:
    chain = bytes([60, 0]) + DEST + bytes([44, 0]) + DEST + bytes([17, 0, 0, 1]) + bytes(4) + UDP
    assert ipv6.find_upper(packet(0, chain), 0) == Found(17, 64, 0)


def test_a_later_fragment_tells_what_it_carries_but_not_where() -> None:
    assert ipv6.find_upper(packet(44, bytes([17, 0, 0, 8]) + bytes(4) + b"rest"), 0) == Found(17, 40, 8)
    assert ipv6.find_upper(packet(44, bytes([60, 0, 0, 8]) + bytes(4) + b"rest"), 0) is None


def test_an_authentication_header_can_be_what_is_looked_for() -> None:
    octets = packet(51, bytes([17, 1, 0, 0]) + bytes(8) + UDP)
    assert ipv6.find_upper(octets, 0) == Found(17, 52, 0)
    assert ipv6.find_upper(octets, 0, ends_at_auth=True) == Found(51, 40, 0)
    assert ipv6.find_header(octets, 0, ipv6.NEXTHDR_AUTH) == Found(51, 40, 0)


def test_a_header_that_is_not_there_is_told_from_one_that_cannot_be_reached() -> None:
    assert ipv6.find_header(packet(17, UDP), 0, ipv6.NEXTHDR_AUTH) is None
    assert ipv6.find_header(packet(60, bytes([51, 9])), 0, ipv6.NEXTHDR_AUTH) is Malformed.TRUNCATED


@pytest.mark.parametrize(
    "octets", ["3b00", "3b0001", "3b01010400000000", "3b00050900000100", "3b00c20400010000"]
)
def test_hop_by_hop_options_that_do_not_fit_are_seen(octets: str) -> None:
    data = bytes.fromhex(octets)
    assert not ipv6.is_sound_hop_by_hop(data, 0, len(data))


def test_hop_by_hop_options_that_fit_are_sound() -> None:
    assert ipv6.is_sound_hop_by_hop(bytes.fromhex("3b00050200000000"), 0, 8)


@given(st.binary(max_size=120))
def test_no_octets_make_the_walk_over_headers_fail(octets: bytes) -> None:
    data = b"`" + bytes(5) + octets[:1] + bytes(33) + octets
    data = data if len(data) > 40 else data + bytes(40)
    ipv6.find_upper(data, 0)
    ipv6.find_header(data, 0, ipv6.NEXTHDR_AUTH)
    ipv6.is_sound_hop_by_hop(data, 40, len(data))


@given(st.integers(0, 2**128 - 1))
def test_an_address_is_read_as_it_was_written(address: int) -> None:
    assert ipv6.parse_address(ipv6.address_text(address)) == address
    assert ipv6.parse_address(ipv6.full_text(address)) == address


@pytest.mark.parametrize(
    "text", ["::", "::1", "fe80::1", "2001:db8::1:0:0:1", "::ffff:1.2.3.4", "::1.2.3.4", "1:0:2:3:4:5:6:7"]
)
def test_addresses_are_written_as_inet_ntop_does(text: str) -> None:
    address = ipv6.parse_address(text)
    assert address is not None
    assert ipv6.address_text(address) == text


@pytest.mark.parametrize("text", ["", "1.2.3.4", "fe80::1%eth0", "::1::", "12345::"])
def test_what_is_no_address_is_none(text: str) -> None:
    assert ipv6.parse_address(text) is None


def test_masks_and_groups() -> None:
    assert ipv6.netmask(64) == int(IPv6Address("ffff:ffff:ffff:ffff::"))
    assert ipv6.is_multicast(int(IPv6Address("ff02::1")))
    assert not ipv6.is_multicast(A)


def test_a_plain_packet_ends_with_its_frame() -> None:
    assert ipv6.is_plain(packet(17, UDP), 0)
    assert not ipv6.is_plain(packet(17, UDP) + b"padding", 0)
    assert not ipv6.is_plain(packet(0, UDP), 0)


def test_a_chain_of_extension_headers_leads_to_what_is_carried() -> None:
    options = bytes.fromhex("3c00010400000000") + bytes.fromhex("1101010c0000000000000000000000000000")[:16]
    data = ipv6.build(Ipv6Header(1, 2, ipv6.NEXTHDR_HOP, payload_len=32)) + options + bytes(8)
    assert ipv6.find_transport(data, 0) == (17, 64, 0)
    assert ipv6.find_transport(data[:64], 0) == (17, 64, 0)
    assert ipv6.find_transport(data[:49], 0) is None
    assert ipv6.find_transport(ipv6.build(Ipv6Header(1, 2, ipv6.NEXTHDR_NONE)), 0) is None


def test_behind_a_later_fragments_header_nothing_is_looked_for() -> None:
    header = bytes.fromhex("1100000900000001")
    assert ipv6.skip_extensions(header, ipv6.NEXTHDR_FRAGMENT, 0) == (ipv6.NEXTHDR_FRAGMENT, 0, 8)
    first = bytes.fromhex("1100000100000001")
    assert ipv6.skip_extensions(first, ipv6.NEXTHDR_FRAGMENT, 0) == (17, 8, 0)
    assert ipv6.skip_extensions(first[:3], ipv6.NEXTHDR_FRAGMENT, 0) is None
