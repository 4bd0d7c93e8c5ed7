"""The octets that constants are in keys of sets."""

import pytest

from pystack.applets.nft.compile.values import bounds_of, key_of
from pystack.applets.nft.tree.expressions import Concatenation, Expression, Prefix, Range, Value
from pystack.applets.nft.types import DSCP, IFNAME, INET_SERVICE, IPV4_ADDR

HOST = Value(b"\x0a\0\0\x05", IPV4_ADDR)
PORT = Value(b"\0\x50", INET_SERVICE)
NAME = Value(b"eth", IFNAME)


def test_parts_of_a_key_are_filled_up_to_words() -> None:
    assert key_of(Concatenation((HOST, PORT))) == b"\x0a\0\0\x05\0\x50\0\0"


def test_a_name_is_filled_up_to_its_whole_length() -> None:
    assert key_of(NAME) == b"eth" + bytes(13)


@pytest.mark.parametrize(
    ("constant", "low", "high"),
    [
        (HOST, b"\x0a\0\0\x05", b"\x0a\0\0\x05"),
        (Prefix(HOST, 24), b"\x0a\0\0\0", b"\x0a\0\0\xff"),
        (Prefix(NAME, 24), b"eth" + bytes(13), b"eth" + b"\xff" * 13),
        (Prefix(Value(b"\x2e", DSCP), 3), b"\x28", b"\x2f"),
        (Range(PORT, Value(b"\0\x5a", INET_SERVICE)), b"\0\x50", b"\0\x5a"),
        (Concatenation((Prefix(HOST, 8), PORT)), b"\x0a\0\0\0\0\x50\0\0", b"\x0a\xff\xff\xff\0\x50\0\0"),
    ],
)
def test_what_a_constant_stands_for_has_two_ends(constant: Expression, low: bytes, high: bytes) -> None:
    assert bounds_of(constant) == (low, high)
