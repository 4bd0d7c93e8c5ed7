"""In which order the elements of a set are listed, and intervals that are merged into one.

nft: src/mergesort.c, src/segtree.c interval_map_decompose(), src/intervals.c setelem_automerge()
"""

from __future__ import annotations

from operator import itemgetter

from pystack.applets.nft.evaluate.typed import bounds
from pystack.applets.nft.tree.expressions import (
    Anything,
    Concatenation,
    Element,
    Expression,
    Prefix,
    Range,
    Value,
)
from pystack.applets.nft.types import BITMASK, STRING, DataType

_NAME_OCTETS = 16

Span = tuple[int, int, Element]  # the lowest and the highest key, and what they are the ends of


def listed(items: list[Element]) -> list[Element]:
    """Elements without intervals, each once, in the order of a listing: of two alike the later first.

    A key that is mapped to two things stays twice, for the kernel to refuse it.
    """
    unique: dict[tuple[Expression, Expression | None], Element] = {}
    for item in items:
        unique.setdefault((item.key, item.data), item)
    newest_first = list(unique.values())[::-1]
    return sorted(newest_first, key=lambda item: sort_key(item.key))


def sort_key(key: Expression) -> tuple[int, int]:
    """Numbers by what they are, names and concatenations from their last octet on."""
    if isinstance(key, Anything):
        return 1, 0
    if isinstance(key, Concatenation):
        return 0, int.from_bytes(b"".join(_register(part) for part in key.parts), "little")
    if isinstance(key, Range):
        return sort_key(key.low)
    if isinstance(key, Prefix):
        return sort_key(key.value)
    assert isinstance(key, Value)
    if key.type.is_a(STRING):
        return 0, int.from_bytes(key.octets, "little")
    number = int.from_bytes(key.octets)
    return 0, number & -number if key.type.base is BITMASK else number


def _register(part: Expression) -> bytes:
    if isinstance(part, Range):
        part = part.low
    if isinstance(part, Prefix):
        part = part.value
    assert isinstance(part, Value)
    if part.type.is_a(STRING):
        return part.octets.ljust(_NAME_OCTETS, b"\0")
    return part.octets[::-1] if part.type.host_order else part.octets


def has_interval(key: Expression) -> bool:
    """Does it stand for several keys?"""
    if isinstance(key, Concatenation):
        return any(has_interval(part) for part in key.parts)
    return isinstance(key, Range | Prefix)


# --- intervals ----------------------------------------------------------------------------------------------


def merged(spans: list[Span], kind: DataType, bits: int) -> list[Span]:
    """Intervals that touch become one."""
    kept: list[Span] = []
    for span in spans:
        if not kept or span[0] > kept[-1][1] + 1:
            kept.append(span)
        elif span[1] > kept[-1][1]:
            low, _, item = kept[-1]
            kept[-1] = (low, span[1], with_key(item, interval(low, span[1], kind, bits)))
    return kept


def in_shortest_form(spans: list[Span], kind: DataType, bits: int) -> list[Element]:
    """Elements again."""
    return [
        item if _is_shortest(item.key, low, high) else with_key(item, interval(low, high, kind, bits))
        for low, high, item in spans
    ]


def _is_shortest(key: Expression, low: int, high: int) -> bool:
    """Whether it is written already as a listing has it; few are not."""
    size = high - low
    if type(key) is Range:
        return bool(size & (size + 1) or low & size)
    return type(key) is Value or size > 0


def spans_of(items: list[Element], bits: int) -> tuple[list[Span], list[Element]]:
    """The intervals with their ends, in order; and the element for all other keys.

    Of two that begin alike the later one comes first. nft: src/mergesort.c
    """
    catch_all = [item for item in items if type(item.key) is Anything]
    spans = [(*bounds(item.key, bits), item) for item in reversed(items) if type(item.key) is not Anything]
    spans.sort(key=itemgetter(0))
    return spans, catch_all


def with_key(item: Element, key: Expression) -> Element:
    """The element with another key; in a long set dataclasses.replace() would take a second."""
    if item.key is key:
        return item
    return Element(key, item.data, item.timeout, item.expires, item.comment, item.statements, at=item.at)


def shortest(low: int, high: int, kind: DataType, bits: int) -> Prefix | Range:
    """A prefix, or a range that is none: what a map's data or a translated address are listed as."""
    octets, size = (bits + 7) // 8, high - low
    first = Value(low.to_bytes(octets), kind)
    if not size & (size + 1) and not low & size:
        return Prefix(first, bits - size.bit_length())
    return Range(first, Value(high.to_bytes(octets), kind))


def interval(low: int, high: int, kind: DataType, bits: int) -> Expression:
    """A value, a prefix or a range, as nft lists what lies between two numbers."""
    octets = (bits + 7) // 8
    first = Value(_octets(low, kind, octets), kind)
    size = high - low
    if not size:
        return first
    if not size & (size + 1) and not low & size:
        length = bits - size.bit_length()
        if kind.masks_as_prefix or kind.is_a(STRING):
            return Prefix(first, length)
    return Range(first, Value(_octets(high, kind, octets), kind))


def _octets(number: int, kind: DataType, octets: int) -> bytes:
    whole = number.to_bytes(octets)
    return whole.rstrip(b"\0") if kind.is_a(STRING) else whole
