"""DHCP messages: bytes as clients send them, and what hostile ones become."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pystack.wire import dhcp
from pystack.wire.dhcp import DhcpMessage
from pystack.wire.malformed import Malformed

# What busybox's udhcpc says first, without the zeros at its end.
DISCOVER = bytes.fromhex(
    "01010600 3903f326 0000 8000 00000000 00000000 00000000 00000000 525400000101"
    + 202 * "00"
    + "63825363 350101 3d0701525400000101 39020240 370701030c060f1c2a 3c0c756468637020312e33352e30 ff"
)


def with_options(options: str, name: bytes = b"", file: bytes = b"") -> bytes:
    fixed = dhcp.HEADER.pack(1, 1, 6, 0, 7, 0, 0, 0, 0, 0, 0, b"\2\0\0\0\0\1", name, file)
    return fixed + dhcp.MAGIC + bytes.fromhex(options)


def options_of(message: bytes) -> dict[int, bytes]:
    parsed = dhcp.parse(message)
    assert isinstance(parsed, DhcpMessage)
    return dict(parsed.options)


def test_a_clients_first_message_is_understood() -> None:
    asked = dhcp.parse(DISCOVER)
    assert isinstance(asked, DhcpMessage)
    assert (asked.op, asked.htype, asked.xid, asked.flags) == (1, 1, 0x3903F326, 0x8000)
    assert (asked.type, asked.chaddr) == (dhcp.DISCOVER, bytes.fromhex("525400000101"))
    assert (asked.ciaddr, asked.yiaddr, asked.giaddr) == (0, 0, 0)
    assert asked.options[dhcp.CLIENT_ID] == bytes.fromhex("01525400000101")
    assert asked.options[dhcp.PARAMETERS] == bytes([1, 3, 12, 6, 15, 28, 42])


def test_an_answer_has_its_fields_where_clients_look() -> None:
    options = {dhcp.MESSAGE_TYPE: b"\2", dhcp.SERVER_ID: bytes([10, 0, 0, 1])}
    answer = DhcpMessage(2, 7, bytes.fromhex("525400000101"), yiaddr=0x0A000064, options=options)
    octets = dhcp.build(answer)
    assert octets[:8] == bytes.fromhex("0201060000000007")
    assert octets[16:20] == bytes([10, 0, 0, 100])
    assert octets[28:34] == bytes.fromhex("525400000101")
    assert octets[236:] == bytes.fromhex("63825363 350102 36040a000001 ff").ljust(64, b"\0")
    assert dhcp.parse(octets) == answer


def test_an_option_that_comes_again_goes_on() -> None:
    assert options_of(with_options("0c026162 3501010c0163ff")) == {12: b"abc", 53: b"\1"}


def test_options_go_on_in_the_fields_that_hold_them_too() -> None:
    message = with_options("350101 340103 ff", name=bytes.fromhex("0f0178ff"), file=bytes.fromhex("0c0161ff"))
    assert options_of(message) == {53: b"\1", 52: b"\3", 12: b"a", 15: b"x"}


def test_a_long_option_is_sent_in_parts() -> None:
    options = {dhcp.MESSAGE: bytes(300)}
    parsed = dhcp.parse(dhcp.build(DhcpMessage(2, 7, bytes(6), options=options)))
    assert isinstance(parsed, DhcpMessage)
    assert parsed.options == options


def test_a_number_of_another_length_is_none() -> None:
    asked = dhcp.parse(with_options("3502010132030a0000ff"))
    assert isinstance(asked, DhcpMessage)
    assert (asked.type, asked.address(dhcp.REQUESTED_ADDRESS)) == (0, None)


@pytest.mark.parametrize(
    ("message", "why"),
    [
        (b"", Malformed.TRUNCATED),
        (with_options("")[:239], Malformed.TRUNCATED),
        (with_options("35"), Malformed.TRUNCATED),
        (with_options("3502ff"), Malformed.TRUNCATED),
        (with_options("340101ff", file=bytes.fromhex("00" * 126 + "0c05")), Malformed.TRUNCATED),
        (with_options("").replace(dhcp.MAGIC, b"1234"), Malformed.MAGIC),
        (b"\1\1\x11" + with_options("ff")[3:], Malformed.HARDWARE),
    ],
)
def test_what_is_cut_off_or_no_message_is_named(message: bytes, why: Malformed) -> None:
    assert dhcp.parse(message) is why


def test_options_need_no_end() -> None:
    assert options_of(with_options("00350101")) == {53: b"\1"}


@given(st.binary(max_size=80), st.binary(max_size=64), st.binary(max_size=128))
def test_no_octets_make_the_parser_fail(options: bytes, name: bytes, file: bytes) -> None:
    assert isinstance(dhcp.parse(with_options(options.hex(), name, file)), DhcpMessage | Malformed)
