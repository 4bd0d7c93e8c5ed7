"""Elements of a set of intervals: what overlaps is refused or merged.

nft: src/intervals.c set_automerge(), set_overlap(), set_delete()
"""

from __future__ import annotations

from operator import itemgetter

from pystack.applets.nft.evaluate.ledger import FEW, Ledger
from pystack.applets.nft.evaluate.ordering import (
    Span,
    in_shortest_form,
    interval,
    merged,
    spans_of,
    with_key,
)
from pystack.applets.nft.evaluate.typed import Expected
from pystack.applets.nft.tree.commands import SetText
from pystack.applets.nft.tree.expressions import Element


def interval_elements(
    items: list[Element], key: Expected, declared: SetText, operation: str, ledger: Ledger, *, is_new: bool
) -> list[Element]:
    """Put in or taken out by a command, in the order of their keys; `is_new`: by the set's declaration."""
    assert key.type is not None
    if operation == "get":
        return items
    spans, catch_all = spans_of(items, key.bits)
    if operation == "delete":
        spans = ledger.delete(_to_be_deleted(spans, items, key, merges=declared.auto_merge))
    elif declared.auto_merge:
        spans = spans if declared.is_map else _united(_merged(spans, key), ledger, key, is_new=is_new)
    else:
        spans = _in_shortest_form(spans, key)
        spans = ledger.declare(spans) if is_new else ledger.add(spans)
    return [item for _, _, item in _in_shortest_form(spans, key)] + catch_all


def _in_shortest_form(spans: list[Span], key: Expected) -> list[Span]:
    assert key.type is not None
    items = in_shortest_form(spans, key.type, key.bits)
    return [(low, high, item) for (low, high, _), item in zip(spans, items, strict=True)]


def _merged(spans: list[Span], key: Expected) -> list[Span]:
    assert key.type is not None
    return merged(spans, key.type, key.bits)


def _to_be_deleted(spans: list[Span], items: list[Element], key: Expected, *, merges: bool) -> list[Span]:
    if merges:
        return _merged(spans, key)
    written = {id(item): number for number, item in enumerate(items)}
    return sorted(spans, key=lambda span: written[id(span[2])])


def _united(spans: list[Span], ledger: Ledger, key: Expected, *, is_new: bool) -> list[Span]:
    """Each with what it touches of those that are there; who holds the set puts one for all of them."""
    if len(spans) > FEW:
        both = _merged(sorted([*spans, *(one.span for one in ledger.held)], key=itemgetter(0)), key)
        ledger.replace(_in_shortest_form(both, key), is_known=not is_new)
    else:
        for span in spans:
            ledger.put(_whole([span, *ledger.take_touching(*span[:2])], key), is_known=not is_new)
    grown = {ledger.place_of(span[0]) for span in spans}
    return [ledger.held[place].span for place in sorted(grown)]


def _whole(parts: list[Span], key: Expected) -> Span:
    """All as one, which is the lowest one grown."""
    assert key.type is not None
    low, high, item = min(parts, key=itemgetter(0))
    high = max(part[1] for part in parts)
    return low, high, with_key(item, interval(low, high, key.type, key.bits))
