"""Elements of a set of intervals: what overlaps is refused or merged.

nft: src/intervals.c set_automerge(), set_overlap(), set_delete()
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from operator import itemgetter

from pystack.applets.nft.evaluate.ordering import Span, in_shortest_form, merged, spans_of
from pystack.applets.nft.evaluate.state import fail
from pystack.applets.nft.evaluate.typed import Expected
from pystack.applets.nft.tree.commands import SetText
from pystack.applets.nft.tree.expressions import Element


def interval_elements(
    items: list[Element], key: Expected, declared: SetText, operation: str, there: Sequence[tuple[int, int]]
) -> list[Element]:
    """In the order of their first keys; an error if nft sees one."""
    assert key.type is not None
    if declared.auto_merge and not declared.is_map:
        return merged(items, key.type, key.bits)
    spans, catch_all = spans_of(items, key.bits)
    if operation != "delete" and not declared.is_map:
        refuse_overlaps(spans, there)
    return in_shortest_form(spans, key.type, key.bits) + catch_all


def refuse_overlaps(new: list[Span], there: Sequence[tuple[int, int]] = ()) -> None:
    """Of intervals that are not merged; those that are there already are not to be touched either."""
    spans: list[tuple[int, int, Element | None]] = [*new]
    if there:
        known: list[tuple[int, int, Element | None]] = [(low, high, None) for low, high in there]
        spans = sorted([*known, *new], key=itemgetter(0))
    for before, after in pairwise(spans):
        if after[0] > before[1] or before[:2] == after[:2]:
            continue
        if before[2] is None and after[2] is not None:
            fail(after[2], "interval overlaps with an existing one")
        if after[2] is None and before[2] is not None:
            fail(before[2], "interval overlaps with an existing one")
        if before[2] is not None and after[2] is not None:
            fail(after[2], "conflicting intervals specified", before[2])
