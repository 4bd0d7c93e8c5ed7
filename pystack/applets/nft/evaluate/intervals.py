"""Elements of a set of intervals: what overlaps is refused or merged.

nft: src/intervals.c set_automerge(), set_overlap(), set_delete()
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from operator import itemgetter

from pystack.applets.nft.evaluate.ordering import Span, in_shortest_form, interval, merged, spans_of
from pystack.applets.nft.evaluate.state import fail
from pystack.applets.nft.evaluate.typed import Expected
from pystack.applets.nft.place import Place
from pystack.applets.nft.tree.commands import SetText
from pystack.applets.nft.tree.expressions import Element

Held = tuple[int, int, Place | None]  # an interval that is there, and where this batch put it in, if it did


def interval_elements(
    items: list[Element], key: Expected, declared: SetText, operation: str, there: Sequence[Held]
) -> list[Element]:
    """Put in or taken out by a command, in the order of their keys."""
    assert key.type is not None
    if operation == "get":
        return items
    spans, catch_all = spans_of(items, key.bits)
    merges = declared.auto_merge and not declared.is_map
    if merges:
        spans = merged(spans, key.type, key.bits)
    if operation == "delete":
        written = {id(item): number for number, item in enumerate(items)}
        spans = _held(spans if merges else sorted(spans, key=lambda span: written[id(span[2])]), there)
    elif merges:
        spans = _united(spans, there, key)
    else:
        refuse_overlaps(spans, there)
    return in_shortest_form(spans, key.type, key.bits) + catch_all


def _held(spans: list[Span], there: Sequence[Held]) -> list[Span]:
    """Those that are there to be taken out. One that the same batch has put in stays, as with nft."""
    put_in = {(low, high): at for low, high, at in there}
    for low, high, item in spans:
        if (low, high) not in put_in:
            fail(item, "element does not exist")
    return [span for span in spans if put_in[span[:2]] is None]


def _united(spans: list[Span], there: Sequence[Held], key: Expected) -> list[Span]:
    """Each with what it touches of those that are there; who holds the set puts one for all of them."""
    if not there:
        return spans
    assert key.type is not None
    old = [(low, high, Element(interval(low, high, key.type, key.bits))) for low, high, _ in there]
    both = merged(sorted([*spans, *old], key=itemgetter(0)), key.type, key.bits)
    return [one for one in both if any(one[0] <= span[0] and span[1] <= one[1] for span in spans)]


def refuse_overlaps(spans: list[Span], there: Sequence[Held] = ()) -> None:
    """Of intervals that are not merged; those that are there already are not to be touched either."""
    for before, after in pairwise(_with(spans, there)):
        if after[0] > before[1] or before[:2] == after[:2]:
            continue
        if before[2] is None and after[2] is not None:
            fail(after[2], "interval overlaps with an existing one")
        if after[2] is None and before[2] is not None:
            fail(before[2], "interval overlaps with an existing one")
        if before[2] is not None and after[2] is not None:
            fail(after[2], "conflicting intervals specified", before[2])


def _with(spans: list[Span], there: Sequence[Held]) -> list[Held]:
    new: list[Held] = [(low, high, item.at) for low, high, item in spans]
    return sorted([*new, *there], key=itemgetter(0)) if there else new
