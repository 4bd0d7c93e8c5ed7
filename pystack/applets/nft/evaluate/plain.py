"""A short way for the keys that long sets have: IPv4 addresses, prefixes and ranges of them, in digits."""

from __future__ import annotations

from typing import Final

from pystack.applets.nft.evaluate.typed import Expected
from pystack.applets.nft.tree.expressions import Expression, Prefix, Range, Symbol, Value
from pystack.applets.nft.types import IPV4_ADDR

_BITS: Final = 32
_OCTETS: Final = {str(number): number for number in range(256)}


def plain_key(key: Expression, expected: Expected) -> Expression | None:
    """What the long way makes of it too; None for whatever is not as plain as that."""
    if expected.type is not IPV4_ADDR:
        return None
    if type(key) is Symbol:
        return _address(key)
    if type(key) is Range:
        low, high = _address(key.low), _address(key.high)
        if low is None or high is None or low.octets > high.octets:
            return None
        return Range(low, high, at=key.at)
    if type(key) is Prefix and key.bits <= _BITS:
        start = _address(key.value)
        return None if start is None else Prefix(_masked(start, key.bits), key.bits, at=key.at)
    return None


def _address(symbol: Expression) -> Value | None:
    if type(symbol) is not Symbol:
        return None
    try:
        first, second, third, fourth = symbol.text.split(".")
        octets = bytes((_OCTETS[first], _OCTETS[second], _OCTETS[third], _OCTETS[fourth]))
    except (KeyError, ValueError):
        return None
    return Value(octets, IPV4_ADDR, at=symbol.at)


def _masked(start: Value, bits: int) -> Value:
    number = int.from_bytes(start.octets)
    hidden = (1 << _BITS - bits) - 1
    return Value((number & ~hidden).to_bytes(4), IPV4_ADDR, at=start.at) if number & hidden else start
