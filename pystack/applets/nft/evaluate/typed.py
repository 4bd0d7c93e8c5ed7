"""An evaluated expression together with what evaluation knows of it."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import takewhile
from typing import Final

from pystack.applets.nft.place import NOWHERE, Place
from pystack.applets.nft.tree.expressions import Expression, Prefix, Range, Value
from pystack.applets.nft.types import INTEGER, INVALID, DataType

NOTHING: Final = DataType("", 0, "")  # no type at all


@dataclass(frozen=True, slots=True)
class Expected:
    """What an expression must be like: the type of the other side, or of a set's keys."""

    type: DataType | None = None
    bits: int = 0
    maximum: int = 0  # 0: what the bits hold
    parts: tuple[Expected, ...] = ()  # of a concatenation
    at: Place = NOWHERE  # of the other side


ANYTHING = Expected()


@dataclass(frozen=True, slots=True)
class Typed:
    """`parts` are those of a concatenation; a singleton is one value, not a range of them.

    Behind a shift nft expects a plain integer, whatever was shifted: `counts`.
    """

    expression: Expression
    type: DataType
    bits: int
    constant: bool = False
    singleton: bool = False
    maximum: int = 0
    parts: tuple[Typed, ...] = ()
    counts: bool = False

    def expected(self) -> Expected:
        """What stands opposite to this must be like it."""
        kind = INTEGER if self.counts else self.type
        parts = tuple(part.expected() for part in self.parts)
        return Expected(kind, self.bits, self.maximum, parts, self.expression.at)


def same(left: DataType, right: DataType) -> bool:
    """Integers of any size are one type, and concatenations are what their parts are."""
    return left is right or (left.name == right.name and left.description == right.description)


def concatenated(types: tuple[DataType, ...], bits: int) -> DataType:
    """The type of several values behind one another; nft stops to tell of it at one that has no type."""
    known = list(types)
    while known and known[0] is INVALID:
        del known[0]
    types = tuple(takewhile(lambda kind: kind is not INVALID, known))
    names = " . ".join(kind.name for kind in types)
    descriptions = ", ".join(kind.description for kind in types)
    return DataType(names, bits, f"concatenation of ({descriptions})")


def padded(bits: int) -> int:
    """The registers' size: a part of a concatenation begins at one."""
    return (bits + 31) // 32 * 32


def kind_name(expression: Expression) -> str:
    """How nft's errors call a kind of expression."""
    return _KINDS.get(type(expression).__name__, "unknown")


_KINDS = {
    "Verdict": "verdict",
    "Symbol": "symbol",
    "Value": "value",
    "Prefix": "prefix",
    "Range": "range",
    "Payload": "payload",
    "RawPayload": "payload",
    "ExtensionHeader": "exthdr",
    "TcpOption": "exthdr",
    "IpOption": "exthdr",
    "SctpChunk": "exthdr",
    "Meta": "meta",
    "Rt": "rt",
    "Ct": "ct",
    "SocketOf": "socket",
    "Fib": "fib",
    "Numgen": "numgen",
    "Hash": "hash",
    "Binary": "binop",
    "Concatenation": "concat",
    "Flags": "list",
    "Elements": "set",
    "SetName": "set reference",
    "Element": "set element",
    "Anything": "catch-all set element",
    "Lookup": "map",
}


def number_of(value: Value) -> int:
    """What an integer's octets say."""
    return int.from_bytes(value.octets)


def bounds(expression: Expression, bits: int) -> tuple[int, int]:
    """The lowest and the highest number that a constant stands for, both in it."""
    if isinstance(expression, Range):
        return _filled(expression.low, bits), _filled(expression.high, bits)
    if isinstance(expression, Prefix):
        low = _filled(expression.value, bits)
        return low, low | ((1 << (bits - expression.bits)) - 1)
    number = _filled(expression, bits)
    return number, number


def _filled(value: Expression, bits: int) -> int:
    """Names have zeros behind them."""
    assert isinstance(value, Value)
    octets = value.octets
    missing = (bits + 7) // 8 - len(octets)
    return int.from_bytes(octets) << 8 * missing if missing > 0 else int.from_bytes(octets)
