"""How much a variable stands for: variables made of variables could stand for more than any memory holds."""

from __future__ import annotations

from typing import Final, NamedTuple

from pystack.applets.nft.errors import NftError
from pystack.applets.nft.grammar.parser import DEPTH_MAX
from pystack.applets.nft.tree.expressions import (
    Binary,
    Concatenation,
    Element,
    Elements,
    Expression,
    Flags,
    Prefix,
    Range,
)

# Linux differs: nft has no such limits, and ends when memory does.
ELEMENTS_MAX: Final = 1 << 20
PARTS_MAX: Final = 1000  # of what is no set


class Measure(NamedTuple):
    """Parts in each other, and all of them."""

    depth: int
    size: int


def refuse_immense(expression: Expression) -> None:
    """Refuse what is too deep or has too many parts."""
    depth, size = _measure(expression, {})
    if depth > DEPTH_MAX or size > (ELEMENTS_MAX if isinstance(expression, Elements) else PARTS_MAX):
        raise NftError(expression.at, "memory exhausted")


def _measure(expression: Expression, known: dict[int, Measure]) -> Measure:
    """Each part is looked at once, however often it is there."""
    found = known.get(id(expression))
    if found is None:
        inside = [_measure(part, known) for part in _parts(expression)]
        depth = max((part.depth for part in inside), default=0) + 1
        found = known[id(expression)] = Measure(depth, sum(part.size for part in inside) or 1)
    return found


def _parts(expression: Expression) -> tuple[Expression, ...]:
    match expression:
        case Binary(_, left, right) | Range(left, right):
            return left, right
        case Prefix(value):
            return (value,)
        case Concatenation(parts):
            return parts
        case Flags(items) | Elements(items):
            return items
        case Element(key, data):
            return (key,) if data is None else (key, data)
    return ()
