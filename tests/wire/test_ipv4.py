"""IPv4 headers and dotted quads."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pystack.wire import ipv4
from pystack.wire.checksum import checksum
from pystack.wire.ipv4 import Ipv4Header, address_text, build, netmask, parse, parse_address
from pystack.wire.malformed import Malformed

# 192.168.0.11 > 192.168.0.12, ICMP, TTL 64, DF, 4 octets behind the header; summed by hand.
HEADER = bytes.fromhex("45000018123440004001a749c0a8000bc0a8000c")
PACKET = HEADER + b"abcd"
OPTIONS = bytes.fromhex("94040000")  # router alert


def rewritten(packet: bytes, at: int, octets: bytes) -> bytes:
    """Other octets in the header, and the checksum made to fit."""
    data = bytearray(packet)
    data[at : at + len(octets)] = octets
    length = max((data[0] & 15) * 4, 20)
    data[10:12] = b"\0\0"
    data[10:12] = checksum(data[:length]).to_bytes(2, "big")
    return bytes(data)


def test_a_header_written_by_hand_parses() -> None:
    header = parse(PACKET, 0)
    assert isinstance(header, Ipv4Header)
    assert (header.saddr, header.daddr, header.protocol) == (0xC0A8000B, 0xC0A8000C, 1)
    assert (header.ttl, header.tos, header.id, header.frag_off) == (64, 0, 0x1234, ipv4.IP_DF)
    assert (header.tot_len, header.ihl, header.check, header.options) == (24, 20, 0xA749, b"")
    assert not header.is_fragment


def test_a_header_builds_to_the_bytes_written_by_hand() -> None:
    header = Ipv4Header(0xC0A8000B, 0xC0A8000C, 1, id=0x1234, frag_off=ipv4.IP_DF)
    assert build(header, 4) == HEADER
    assert (header.tot_len, header.ihl, header.check) == (24, 20, 0xA749)


def test_options_are_kept_and_counted() -> None:
    header = Ipv4Header(1, 2, 17, options=OPTIONS)
    data = build(header, 0)
    parsed = parse(data, 0)
    assert data[0] == 0x46
    assert isinstance(parsed, Ipv4Header)
    assert (parsed.ihl, parsed.options) == (24, OPTIONS)


def test_the_header_may_lie_behind_a_link_header_in_any_kind_of_buffer() -> None:
    for data in (bytes(14) + PACKET, bytearray(14) + PACKET, memoryview(bytes(14) + PACKET)):
        header = parse(data, 14)
        assert isinstance(header, Ipv4Header)
        assert header.check == 0xA749


@pytest.mark.parametrize("length", range(len(PACKET)))
def test_a_packet_cut_short_anywhere_is_malformed(length: int) -> None:
    expected = Malformed.TRUNCATED if length < 20 else Malformed.TOTAL_LENGTH
    assert parse(PACKET[:length], 0) is expected


@pytest.mark.parametrize("length", range(20, 24))
def test_a_header_with_options_cut_short_is_truncated(length: int) -> None:
    data = build(Ipv4Header(1, 2, 17, options=OPTIONS), 0)
    assert parse(data[:length], 0) is Malformed.TRUNCATED


@pytest.mark.parametrize("first", [0x05, 0x55, 0x65, 0xF5])
def test_another_version_is_named(first: int) -> None:
    assert parse(rewritten(PACKET, 0, bytes([first])), 0) is Malformed.VERSION


@pytest.mark.parametrize("words", range(5))
def test_a_header_of_less_than_five_words_is_impossible(words: int) -> None:
    assert parse(rewritten(PACKET, 0, bytes([0x40 | words])), 0) is Malformed.HEADER_LENGTH


@pytest.mark.parametrize("at", range(20))
def test_one_flipped_bit_anywhere_is_noticed(at: int) -> None:
    data = bytearray(PACKET)
    data[at] ^= 1
    assert isinstance(parse(data, 0), Malformed)


def test_a_length_field_smaller_than_the_header_does_not_fit() -> None:
    assert parse(rewritten(PACKET, 2, (19).to_bytes(2, "big")), 0) is Malformed.TOTAL_LENGTH


def test_a_length_field_larger_than_the_bytes_does_not_fit() -> None:
    assert parse(rewritten(PACKET, 2, (25).to_bytes(2, "big")), 0) is Malformed.TOTAL_LENGTH


def test_octets_behind_the_packet_do_no_harm() -> None:
    header = parse(PACKET + bytes(22), 0)
    assert isinstance(header, Ipv4Header)
    assert header.tot_len == 24


def test_a_wrong_checksum_is_found_before_a_wrong_length() -> None:
    data = bytearray(PACKET)
    data[3] = 0xFF
    assert parse(data, 0) is Malformed.CHECKSUM


@pytest.mark.parametrize(
    ("frag_off", "is_fragment"), [(0, False), (0x4000, False), (0x2000, True), (1, True)]
)
def test_a_fragment_is_known_by_its_offset_or_more_bit(frag_off: int, is_fragment: bool) -> None:
    assert Ipv4Header(1, 2, 17, frag_off=frag_off).is_fragment is is_fragment


def test_a_copy_changes_alone() -> None:
    header = Ipv4Header(1, 2, 17, ttl=9, tos=4, id=5, frag_off=6, options=OPTIONS)
    build(header, 10)
    twin = header.copy()
    assert all(getattr(twin, name) == getattr(header, name) for name in Ipv4Header.__slots__)
    twin.ttl = 1
    assert header.ttl == 9


@given(
    st.integers(0, 0xFFFFFFFF),
    st.integers(0, 0xFFFFFFFF),
    st.integers(0, 255),
    st.integers(0, 255),
    st.integers(0, 255),
    st.integers(0, 0xFFFF),
    st.integers(0, 0xFFFF),
    st.integers(0, 10),
    st.binary(max_size=40),
)
def test_a_header_reads_back_as_it_was_built(
    saddr: int,
    daddr: int,
    protocol: int,
    ttl: int,
    tos: int,
    id: int,
    frag_off: int,
    words: int,
    payload: bytes,
) -> None:
    header = Ipv4Header(
        saddr, daddr, protocol, ttl=ttl, tos=tos, id=id, frag_off=frag_off, options=b"\1" * 4 * words
    )
    parsed = parse(build(header, len(payload)) + payload, 0)
    assert isinstance(parsed, Ipv4Header)
    assert all(getattr(parsed, name) == getattr(header, name) for name in Ipv4Header.__slots__)


@given(st.binary(max_size=80), st.integers(0, 90))
def test_any_bytes_parse_or_are_malformed(data: bytes, offset: int) -> None:
    assert isinstance(parse(data, offset), Ipv4Header | Malformed)


@given(st.integers(0, 15), st.integers(0, 0xFFFF), st.binary(min_size=18, max_size=80))
def test_any_header_that_verifies_parses_or_is_malformed(ihl: int, tot_len: int, rest: bytes) -> None:
    data = rewritten(bytes([0x40 | ihl, 0]) + tot_len.to_bytes(2, "big") + rest, 0, b"")
    header = parse(data, 0)
    if isinstance(header, Ipv4Header):
        assert 20 <= header.ihl <= header.tot_len <= len(data)


@given(st.integers(0, 0xFFFFFFFF))
def test_an_address_reads_back_from_its_text(address: int) -> None:
    assert parse_address(address_text(address)) == address


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1.2.3",
        "1.2.3.4.5",
        "1.2.3.256",
        "1.2.3.-1",
        "1.2.3.+4",
        "1.2.3. 4",
        "a.b.c.d",
        "1.2.3.٤",
        "1..2.3",
    ],
)
def test_what_is_no_dotted_quad_reads_as_none(text: str) -> None:
    assert parse_address(text) is None


@given(st.text(max_size=20))
def test_any_text_is_an_address_or_none(text: str) -> None:
    address = parse_address(text)
    assert address is None or 0 <= address <= 0xFFFFFFFF


def test_a_netmask_has_as_many_leading_ones_as_the_prefix_is_long() -> None:
    assert [address_text(netmask(length)) for length in (0, 1, 8, 24, 31, 32)] == [
        "0.0.0.0",
        "128.0.0.0",
        "255.0.0.0",
        "255.255.255.0",
        "255.255.255.254",
        "255.255.255.255",
    ]


@pytest.mark.parametrize(
    ("text", "multicast", "loopback", "zeronet"),
    [
        ("224.0.0.1", True, False, False),
        ("239.255.255.255", True, False, False),
        ("240.0.0.0", False, False, False),
        ("223.255.255.255", False, False, False),
        ("127.255.0.1", False, True, False),
        ("128.0.0.1", False, False, False),
        ("0.0.0.0", False, False, True),
        ("0.1.2.3", False, False, False),
        ("1.0.0.0", False, False, False),
    ],
)
def test_reserved_networks_are_known(text: str, multicast: bool, loopback: bool, zeronet: bool) -> None:
    address = parse_address(text)
    assert address is not None
    assert ipv4.is_multicast(address) is multicast
    assert ipv4.is_loopback(address) is loopback
    assert ipv4.is_zeronet(address) is zeronet
