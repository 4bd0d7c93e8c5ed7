"""What nft believes that a set of intervals holds, while it evaluates a batch.

Errors are looked for among all that is there, also among what a refused command has left behind. As long as
that is nothing, only the neighbours of what comes or goes need to be looked at.

nft: src/intervals.c set_overlap(), set_delete()
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from operator import attrgetter
from typing import Final

from pystack.applets.nft.errors import NftError
from pystack.applets.nft.evaluate.ordering import Span
from pystack.applets.nft.tree.expressions import Element

FEW: Final = 16  # that are put in one by one: of more all are sorted
_OVERLAPS: Final = "interval overlaps with an existing one"
_LOW: Final = attrgetter("low")


@dataclass(slots=True)
class Held:
    """One interval. What a declaration has put in is not known until another command has looked at it."""

    low: int
    high: int
    item: Element
    is_known: bool = False
    is_doomed: bool = False  # was to be taken out, and not found

    @property
    def ends(self) -> tuple[int, int]:
        """The first key and the last."""
        return self.low, self.high

    @property
    def span(self) -> Span:
        """With what it is the ends of."""
        return self.low, self.high, self.item


class Ledger:
    """Of one set, in the order of the keys."""

    def __init__(self, held: Iterable[Held] = ()) -> None:
        self.held: list[Held] = sorted(held, key=_LOW)
        self._is_clean = True  # nothing overlaps, is there twice, is not known, or is doomed

    def clear(self) -> None:
        """All are taken out."""
        self.held, self._is_clean = [], True

    def replace(self, spans: Iterable[Span], *, is_known: bool) -> None:
        """It holds these now, without a look at them."""
        self.held = [Held(*span, is_known) for span in spans]
        self._is_clean = is_known

    # --- put in -------------------------------------------------------------------------------------------

    def declare(self, spans: list[Span]) -> list[Span]:
        """What a set begins with, all of it. Raises NftError where two overlap."""
        self.replace(spans, is_known=False)
        self._refuse_overlaps()
        return spans

    def add(self, spans: Sequence[Span]) -> list[Span]:
        """Those that are sent: among them what is not known yet. Raises NftError where two overlap."""
        if self._is_clean and len(spans) <= FEW and self._have_room(spans):
            for span in spans:
                self.held.insert(self._index(span[0]), Held(*span, is_known=True))
            return list(spans)
        self.held = sorted([*(Held(*span) for span in spans), *self.held], key=_LOW)
        sent = [one.span for one in self.held if not one.is_known]
        try:
            self._refuse_overlaps()
        finally:
            for one in self.held:
                one.is_known = True
            self._is_clean = self._is_apart()
        return sent

    def put(self, span: Span, *, is_known: bool) -> None:
        """Where nothing is."""
        self.held.insert(self._index(span[0]), Held(*span, is_known=is_known))
        self._is_clean = self._is_clean and is_known

    def place_of(self, key: int) -> int:
        """Which one has this key in it."""
        return self._index(key + 1) - 1

    def take_touching(self, low: int, high: int) -> list[Span]:
        """Those that share a key with these, or lie right beside them: they are no longer there."""
        first, last = self._index(low), self._index(high + 2)
        while first and self.held[first - 1].high >= low - 1:
            first -= 1
        touching = [one.span for one in self.held[first:last]]
        del self.held[first:last]
        return touching

    def _have_room(self, spans: Sequence[Span]) -> bool:
        if any(before[1] >= after[0] for before, after in pairwise(spans)):
            return False
        places = [self._index(span[0]) for span in spans]
        return not any(
            (at and self.held[at - 1].high >= low) or (at < len(self.held) and self.held[at].low <= high)
            for at, (low, high, _) in zip(places, spans, strict=True)
        )

    def _index(self, low: int) -> int:
        return bisect_left(self.held, low, key=_LOW)

    def _is_apart(self) -> bool:
        return all(before.high < after.low for before, after in pairwise(self.held)) and not any(
            one.is_doomed for one in self.held
        )

    def _refuse_overlaps(self) -> None:
        for before, after in pairwise(self.held):
            if after.low > before.high or before.ends == after.ends:
                continue
            if before.is_known:
                raise NftError(after.item.at, _OVERLAPS)
            if after.is_known:
                raise NftError(before.item.at, _OVERLAPS)
            raise NftError(after.item.at, "conflicting intervals specified", (before.item.at,))

    # --- taken out ----------------------------------------------------------------------------------------

    def delete(self, spans: Iterable[Span]) -> list[Span]:
        """Those that are sent: what a declaration in the same batch has put in stays. Raises NftError."""
        sent: list[Span] = []
        for span in spans:
            sent += self._delete(span)
        if not self._is_clean:
            for one in self.held:
                one.is_known = True
            self._is_clean = self._is_apart()
        return sent

    def _delete(self, span: Span) -> list[Span]:
        if self._is_clean:
            at = self._index(span[0])
            if at < len(self.held) and self.held[at].ends == span[:2]:
                del self.held[at]
                return [span]
        doomed = Held(*span, is_doomed=True)
        self.held = sorted([*reversed(self.held), doomed], key=_LOW)  # nft turns around what begins alike
        self._is_clean = False
        return self._without_doomed()

    def _without_doomed(self) -> list[Span]:
        """nft: setelem_delete()"""
        kept: list[Held] = []
        sent: list[Span] = []
        before: Held | None = None
        for number, one in enumerate(self.held):
            if not one.is_doomed:
                before = one
                kept.append(one)
                continue
            if before is None or before.ends != one.ends:
                self.held = [*kept, *self.held[number:]]
                raise NftError(one.item.at, "element does not exist")
            if before.is_known:
                kept.pop()
                sent.append(one.span)
            before = None
        self.held = kept
        return sent
