"""Numbers and addresses as iproute2 reads them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pystack.applets.iproute import numbers
from pystack.applets.iproute.names import SCOPES, TABLES, dsfield, dsfield_name
from pystack.applets.iproute.words import ToolExit
from pystack.errors import NotModelled


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("0", 0),
        ("12", 12),
        ("0x10", 16),
        ("010", 8),
        ("-3", -3),
        (" 7", 7),
        ("+7", 7),
        ("2147483647", 2147483647),
    ],
)
def test_numbers_are_read_as_c_reads_them(text: str, value: int) -> None:
    assert numbers.integer(text) == value


@pytest.mark.parametrize("text", ["", "x", "1x", "0x", "09", "1 ", "2147483648", "--1", "1.5"])
def test_what_is_no_number_is_none(text: str) -> None:
    assert numbers.integer(text) is None


@pytest.mark.parametrize(("text", "bits", "value"), [("255", 8, 255), ("256", 8, None), ("-1", 8, None)])
def test_unsigned_numbers_have_a_width(text: str, bits: int, value: int | None) -> None:
    assert numbers.unsigned(text, bits) == value


@pytest.mark.parametrize(
    ("text", "address"),
    [("10.0.0.1", 0x0A000001), ("10.8", 0x0A080000), ("10", 0x0A000000), ("0x7f.1", 0x7F010000)],
)
def test_addresses_may_be_short(text: str, address: int) -> None:
    assert numbers.ipv4(text) == address


@pytest.mark.parametrize("text", ["", "10.0.0.256", "10.0.0.1.2", "a", "10.", "10.0.0.1x", "10..1"])
def test_what_is_no_address_is_none(text: str) -> None:
    assert numbers.ipv4(text) is None


@given(st.integers(0, 0xFFFFFFFF))
def test_an_address_is_read_as_it_is_written(address: int) -> None:
    assert numbers.ipv4(numbers.format_ipv4(address)) == address


@pytest.mark.parametrize(
    ("text", "address", "length"),
    [("10.0.0.0/8", 0x0A000000, 8), ("10.0.0.0/255.0.0.0", 0x0A000000, 8), ("10.0.0.1", 0x0A000001, 32)],
)
def test_prefixes_have_a_length_or_a_mask(text: str, address: int, length: int) -> None:
    found = numbers.prefix(text)
    assert (found.address, found.length) == (address, length)


@pytest.mark.parametrize("text", ["10.0.0.0/33", "10.0.0.0/x", "10.0.0.0/255.0.255.0", "x/8"])
def test_a_wrong_prefix_ends_the_tool(text: str) -> None:
    with pytest.raises(ToolExit) as ended:
        numbers.prefix(text)
    assert (ended.value.code, ended.value.text) == (
        1,
        f'Error: any valid prefix is expected rather than "{text}".\n',
    )


@pytest.mark.parametrize("read", [numbers.address, numbers.prefix])
def test_ipv6_is_refused_by_name(read: object) -> None:
    assert callable(read)
    with pytest.raises(NotModelled, match="fe80::1"):
        read("fe80::1")


@pytest.mark.parametrize(
    ("text", "octets"),
    [
        ("02:00:00:00:00:01", "020000000001"),
        ("2:0:0:0:0:1", "020000000001"),
        ("1.2.3.4", "01020304"),
        ("aa", "aa"),
    ],
)
def test_hardware_addresses_are_octets_between_colons(text: str, octets: str) -> None:
    assert numbers.hardware_address(text).hex() == octets


@pytest.mark.parametrize("text", ["zz", "100:0", "02:", "1.2.3.400"])
def test_what_is_no_hardware_address_ends_the_tool(text: str) -> None:
    with pytest.raises(ToolExit, match="is invalid lladdr"):
        numbers.hardware_address(text)


@given(st.text(max_size=30))
def test_no_text_breaks_the_readers_of_numbers(text: str) -> None:
    for read in (numbers.integer, numbers.ipv4, numbers.prefix_or_none, numbers.ethernet_address):
        read(text)
    for strict in (numbers.hardware_address, numbers.address, numbers.prefix):
        try:
            strict(text)
        except (ToolExit, NotModelled):
            continue


def test_names_stand_for_numbers_both_ways() -> None:
    assert SCOPES.number("link") == 253
    assert SCOPES.name(253) == "link"
    assert SCOPES.number("7") == 7
    assert SCOPES.name(7) == "7"
    assert SCOPES.number("256") is None
    assert TABLES.number("1000") == 1000
    assert dsfield("AF11") == 0x28
    assert dsfield("10") == 0x10
    assert dsfield_name(0x28) == "AF11"
    assert dsfield_name(0x10) == "0x10"
    assert dsfield("zz") is None
