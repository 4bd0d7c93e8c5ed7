"""Elements of a set of intervals: what overlaps is refused or merged.

nft: src/intervals.c set_automerge(), set_overlap(), set_delete()
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from pystack.applets.nft.evaluate.ordering import in_order, merged
from pystack.applets.nft.evaluate.state import fail
from pystack.applets.nft.evaluate.typed import Expected, bounds
from pystack.applets.nft.tree.commands import SetText
from pystack.applets.nft.tree.expressions import Anything, Element

Span = tuple[int, int]


def interval_elements(
    items: list[Element], key: Expected, declared: SetText, operation: str, there: Sequence[Span]
) -> list[Element]:
    """In the order of their first keys; an error if nft sees one."""
    assert key.type is not None
    if declared.auto_merge and not declared.is_map:
        return merged(items, key.type, key.bits)
    if operation != "delete" and not declared.is_map:
        refuse_overlaps(items, key.bits, there)
    return in_order(items, key.type, key.bits)


def refuse_overlaps(items: list[Element], bits: int, there: Sequence[Span] = ()) -> None:
    """Of intervals that are not merged; those that are there already are not to be touched either."""
    new = [(*bounds(item.key, bits), item) for item in items if not isinstance(item.key, Anything)]
    known: list[tuple[int, int, Element | None]] = [(low, high, None) for low, high in there]
    spans = sorted([*known, *new], key=lambda span: span[0])
    for before, after in pairwise(spans):
        if after[0] > before[1] or before[:2] == after[:2]:
            continue
        if before[2] is None and after[2] is not None:
            fail(after[2], "interval overlaps with an existing one")
        if after[2] is None and before[2] is not None:
            fail(before[2], "interval overlaps with an existing one")
        if before[2] is not None and after[2] is not None:
            fail(after[2], "conflicting intervals specified", before[2])
