"""Link headers and station addresses."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pystack.wire.ethernet import (
    BROADCAST,
    ETH_P_ARP,
    HEADER,
    ZERO,
    header,
    is_multicast,
    is_valid_unicast,
    mac_text,
    parse_mac,
)

STATION = bytes.fromhex("02005e100001")


def test_a_header_is_destination_source_and_type() -> None:
    assert header(BROADCAST, STATION, ETH_P_ARP) == bytes.fromhex("ffffffffffff02005e1000010806")


@given(st.binary(min_size=6, max_size=6), st.binary(min_size=6, max_size=6), st.integers(0, 0xFFFF))
def test_a_header_reads_back_as_it_was_written(destination: bytes, source: bytes, protocol: int) -> None:
    assert HEADER.unpack(header(destination, source, protocol)) == (destination, source, protocol)


@pytest.mark.parametrize(
    ("address", "group", "station"),
    [
        (BROADCAST, True, False),
        (bytes.fromhex("01005e000001"), True, False),
        (ZERO, False, False),
        (STATION, False, True),
        (bytes.fromhex("fe0000000000"), False, True),
    ],
)
def test_the_group_bit_tells_groups_from_stations(address: bytes, group: bool, station: bool) -> None:
    assert is_multicast(address) is group
    assert is_valid_unicast(address) is station


@given(st.binary(min_size=6, max_size=6))
def test_an_address_reads_back_from_its_text(address: bytes) -> None:
    assert parse_mac(mac_text(address)) == address
    assert parse_mac(mac_text(address).upper().replace(":", "-")) == address


def test_leading_zeros_of_an_octet_may_be_left_out() -> None:
    assert parse_mac("2:0:0:0:0:1") == bytes.fromhex("020000000001")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "02:00:00:00:00",
        "02:00:00:00:00:01:02",
        "02:00:00:00:00:100",
        "02:00:00:00:00:",
        "02:00:00:00:00:0g",
        "02:00:00:00:00:-1",
        "+2:00:00:00:00:01",
        " 2:00:00:00:00:01",
        "0_:00:00:00:00:01",
        "02:00:00:00:00:٣",
        "020000000001",
    ],
)
def test_what_is_no_address_reads_as_none(text: str) -> None:
    assert parse_mac(text) is None


@given(st.text(max_size=24))
def test_any_text_is_an_address_or_none(text: str) -> None:
    address = parse_mac(text)
    assert address is None or len(address) == 6
