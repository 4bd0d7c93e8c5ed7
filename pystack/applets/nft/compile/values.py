"""The octets that constants are in keys of sets, and in what packets are held against."""

from __future__ import annotations

from typing import Final

from pystack.applets.nft.blamed import Blamed
from pystack.applets.nft.place import Place
from pystack.applets.nft.tree.expressions import Concatenation, Expression, Prefix, Range, Value
from pystack.applets.nft.types import IFNAME, STRING
from pystack.errors import EOVERFLOW
from pystack.netfilter.nft.expression import in_words

_REGISTERS: Final = 16  # octets that a constant may have
NAME_LENGTH: Final = 16  # octets of a name; what it is shorter by are zeros


def octets_of(value: Value) -> bytes:
    """As expressions of the core answer: a fixed length, names with zeros at their end."""
    kind = value.type
    if kind is IFNAME or kind is STRING:
        return value.octets.ljust(NAME_LENGTH, b"\0")
    return value.octets


def key_of(expression: Expression) -> bytes:
    """Of a value, or of several together."""
    if isinstance(expression, Concatenation):
        return b"".join([in_words(key_of(part)) for part in expression.parts])
    assert isinstance(expression, Value), "evaluation leaves no other constant alone"
    return octets_of(expression)


def bounds_of(expression: Expression) -> tuple[bytes, bytes]:
    """The lowest and the highest key that a constant stands for, both in it."""
    if type(expression) is Value:
        octets = octets_of(expression)
        return octets, octets
    if isinstance(expression, Range):
        return bounds_of(expression.low)[0], bounds_of(expression.high)[1]
    if isinstance(expression, Prefix):
        return _block(expression)
    assert isinstance(expression, Concatenation), "evaluation leaves no other constant"
    ends = [bounds_of(part) for part in expression.parts]
    return b"".join([in_words(low) for low, _ in ends]), b"".join([in_words(high) for _, high in ends])


def _block(prefix: Prefix) -> tuple[bytes, bytes]:
    assert isinstance(prefix.value, Value), "evaluation leaves no other constant"
    octets = octets_of(prefix.value)
    bits = prefix.value.type.bits or len(octets) * 8
    free = (1 << bits - prefix.bits) - 1
    number = int.from_bytes(octets) & ~free
    return number.to_bytes(len(octets)), (number | free).to_bytes(len(octets))


def check_constant(value: Expression, at: Place) -> None:
    """Raise Blamed for one that is wider than the kernel's registers. Linux: nft_data_init()"""
    if isinstance(value, Value) and len(value.octets) > _REGISTERS:
        raise Blamed(EOVERFLOW, at)
