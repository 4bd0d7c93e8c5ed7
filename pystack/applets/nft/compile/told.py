"""What listings tell of the elements of a set: keys, data and times, out of the octets that the core has."""

from __future__ import annotations

from collections.abc import Mapping

from pystack.applets.nft.compile.jiffies import milliseconds_of
from pystack.applets.nft.compile.stateful import statement_of
from pystack.applets.nft.compile.verdict import verdict_of
from pystack.applets.nft.evaluate.ordering import interval, shortest
from pystack.applets.nft.evaluate.typed import Expected
from pystack.applets.nft.tree.expressions import Anything, Concatenation, Element, Expression
from pystack.clock import Clock
from pystack.netfilter.nft import set_element as core
from pystack.netfilter.nft.expression import in_words
from pystack.netfilter.rule import Match, Target

Kinds = tuple[Expected, ...]  # of a concatenation's parts, or of one value alone


def told(
    element: core.Element,
    key: Kinds,
    data: Kinds,
    names: Mapping[Match, Expression],
    clock: Clock,
    usual: int = 0,
) -> Element:
    """An element as it would be written now; a time that all elements have is not told."""
    left = None
    if element.timeout:
        left = milliseconds_of(max(element.expires - clock.jiffies, 0), clock.hz)
    return Element(
        key=Anything() if element.is_catch_all else constant(element.key, element.end, key),
        data=_data(element.data, data, names),
        timeout=None if element.timeout == usual else milliseconds_of(element.timeout, clock.hz),
        expires=left,
        comment=element.comment,
        statements=tuple([statement_of(statement) for statement in element.statements]),
    )


def _data(data: core.Data, kinds: Kinds, names: Mapping[Match, Expression]) -> Expression | None:
    if data is None:
        return None
    if isinstance(data, Target):
        return verdict_of(data)
    if isinstance(data, Match):
        return names[data]
    length = sum(map(octets_of, kinds)) if len(kinds) == 1 else sum(_padded(kind) for kind in kinds)
    if len(kinds) == 1 and len(data) > length and kinds[0].type is not None:
        return shortest(
            int.from_bytes(data[:length]), int.from_bytes(data[length:]), kinds[0].type, length * 8
        )
    return constant(data[:length], data[-length:], kinds)


def constant(low: bytes, high: bytes, kinds: Kinds) -> Expression:
    """What lies between two keys; one value if they are the same."""
    if len(kinds) == 1:
        return _between(low, high, kinds[0])
    parts, at = [], 0
    for kind in kinds:
        end = at + octets_of(kind)
        parts.append(_between(low[at:end], high[at:end], kind))
        at += _padded(kind)
    return Concatenation(tuple(parts))


def _between(low: bytes, high: bytes, kind: Expected) -> Expression:
    assert kind.type is not None, "a set's keys have a type"
    return interval(int.from_bytes(low), int.from_bytes(high), kind.type, len(low) * 8)


def octets_of(kind: Expected) -> int:
    """How long a value is in a key."""
    return (kind.bits + 7) // 8


def _padded(kind: Expected) -> int:
    return len(in_words(bytes(octets_of(kind))))
