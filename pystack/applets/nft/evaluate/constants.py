"""Constants: words and numbers become values of the type that is expected of them.

nft: src/evaluate.c expr_evaluate_symbol(), _string(), _integer(), _prefix(), _range(), _list()
"""

from __future__ import annotations

from dataclasses import replace

from pystack.applets.nft.evaluate.state import State, fail
from pystack.applets.nft.evaluate.typed import NOTHING, Expected, Typed, number_of
from pystack.applets.nft.place import Place
from pystack.applets.nft.tree.expressions import (
    Anything,
    Boolean,
    Expression,
    Flags,
    Prefix,
    Range,
    Symbol,
    Value,
)
from pystack.applets.nft.types import BITMASK, BOOLEAN, INTEGER, STRING, VERDICT, DataType
from pystack.applets.nft.unreadable import Unreadable
from pystack.applets.nft.values import parse


def integer(number: int, kind: DataType, bits: int, at: Place) -> Typed:
    """A constant number."""
    value = Value(number.to_bytes((bits + 7) // 8), kind, at=at)
    return Typed(value, kind, bits, constant=True, singleton=True)


def evaluate_symbol(state: State, symbol: Symbol, expected: Expected) -> Typed:
    """A word, number or quoted string."""
    if expected.type in (None, NOTHING):
        fail(symbol, "No symbol type information")
    if expected.parts:
        fail(symbol, f"invalid data type, expected {expected.type.description}")
    octets = parse(expected.type, symbol.text, state.context.surroundings)
    if isinstance(octets, Unreadable):
        fail(symbol, octets.message)
    if expected.type.is_a(STRING):
        return _string(symbol, octets, expected)
    return _checked(symbol, int.from_bytes(octets), expected.type, expected)


def _checked(symbol: Expression, number: int, kind: DataType, expected: Expected) -> Typed:
    if expected.maximum and number > expected.maximum:
        fail(symbol, f"Value {number} exceeds valid range 0-{expected.maximum}")
    most = (1 << expected.bits) - 1
    if number > most:
        fail(symbol, f"Value {number} exceeds valid range 0-{most}")
    return integer(number, kind, expected.bits, symbol.at)


def _string(symbol: Symbol, octets: bytes, expected: Expected) -> Typed:
    assert expected.type is not None
    room = expected.bits // 8
    if room and len(octets) + 1 > room:
        fail(symbol, f"String exceeds maximum length of {room}")
    if not octets:
        fail(symbol, "Empty string is not allowed")
    bits = expected.bits or (len(octets) + 1) * 8
    if not octets.endswith(b"*"):
        return Typed(Value(octets, expected.type, at=symbol.at), expected.type, bits, True, True)
    if octets == b"*":
        fail(symbol, "All-wildcard strings are not supported")
    if octets.endswith(b"\\*"):
        plain = Value(octets[:-2] + b"*", expected.type, at=symbol.at)
        return Typed(plain, expected.type, bits, True, True)
    start = Value(octets[:-1], expected.type, at=symbol.at)
    return Typed(Prefix(start, (len(octets) - 1) * 8, at=symbol.at), expected.type, bits, constant=True)


def evaluate_value(state: State, value: Value, expected: Expected) -> Typed:
    """What has its type already: made by evaluation itself, or by the name of a protocol."""
    if expected.type is VERDICT:
        bits = 0
    else:
        bits = expected.bits or value.type.bits or len(value.octets) * 8
    return _checked(value, number_of(value), value.type, replace(expected, bits=bits))


def evaluate_boolean(state: State, boolean: Boolean, expected: Expected) -> Typed:
    """`exists` and `missing`."""
    return Typed(boolean, BOOLEAN, 1, constant=True, singleton=True)


def evaluate_anything(state: State, anything: Anything, expected: Expected) -> Typed:
    """`*` stands for every key that no other element has."""
    return Typed(anything, expected.type or INTEGER, expected.bits, constant=True, singleton=True)


def evaluate_prefix(state: State, prefix: Prefix, expected: Expected) -> Typed:
    """`10.0.0.0/8`: the bits behind the prefix are cleared."""
    base = state.evaluate(prefix.value, expected)
    if not base.constant:
        fail(prefix, "Prefix expression is undefined for non-constant expressions")
    if not isinstance(base.expression, Value):
        fail(prefix, f"Prefix expression is undefined for {base.type.description} types")
    if prefix.bits > base.bits:
        fail(prefix, f"Prefix length {prefix.bits} is invalid for type of {base.bits} bits width")
    if base.type.is_a(STRING):
        start = Value(base.expression.octets[: prefix.bits // 8], base.type, at=base.expression.at)
    else:
        hidden = (1 << (base.bits - prefix.bits)) - 1
        number = number_of(base.expression) & ~hidden
        start = Value(number.to_bytes((base.bits + 7) // 8), base.type, at=base.expression.at)
    return Typed(Prefix(start, prefix.bits, at=prefix.at), base.type, base.bits, constant=True)


def range_ends(state: State, span: Range, expected: Expected) -> tuple[Typed, Typed]:
    """Both ends, in whatever order they are."""
    ends = []
    for written in (span.low, span.high):
        end = state.evaluate(written, expected)
        if not end.type.is_a(INTEGER):
            fail(end.expression, f"Range expression is undefined for {end.type.description} types", span)
        if not end.constant:
            fail(end.expression, "Range is not constant", span)
        ends.append(end)
    return ends[0], ends[1]


def evaluate_range(state: State, span: Range, expected: Expected) -> Typed:
    """`1024-65535`."""
    low, high = range_ends(state, span, expected)
    assert isinstance(low.expression, Value)
    assert isinstance(high.expression, Value)
    if low.expression.octets > high.expression.octets:
        fail(span, "Range has zero or negative size")
    return Typed(Range(low.expression, high.expression, at=span.at), low.type, low.bits, constant=True)


def evaluate_flags(state: State, flags: Flags, expected: Expected) -> Typed:
    """`established,related`: all their bits in one value."""
    bits = 0
    for item in flags.items:
        member = state.evaluate(item, expected)
        if not isinstance(member.expression, Value):
            fail(member.expression, "List member must be a constant value")
        if member.type.base is not BITMASK:
            fail(member.expression, f"Basetype of type {member.type.description} is not bitmask")
        bits |= number_of(member.expression)
    assert expected.type is not None
    return integer(bits, expected.type, expected.bits, flags.at)
