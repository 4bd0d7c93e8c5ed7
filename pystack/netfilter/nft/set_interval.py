"""The elements of a set of intervals. Linux: net/netfilter/nft_set_rbtree.c"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterator

from pystack.netfilter.nft.set_element import Element


class IntervalStore:
    """In the order of their keys; no two share one."""

    __slots__ = ("_elements", "_starts")

    def __init__(self) -> None:
        self._starts: list[bytes] = []
        self._elements: list[Element] = []

    def __iter__(self) -> Iterator[Element]:
        return iter(self._elements)

    def find(self, key: bytes) -> Element | None:
        """The element that a key falls on."""
        at = bisect_right(self._starts, key)
        if not at:
            return None
        element = self._elements[at - 1]
        return element if key <= element.end else None

    def overlapping(self, low: bytes, high: bytes) -> Element | None:
        """The first element that shares a key with an interval."""
        found = self.find(low)
        if found is not None:
            return found
        at = bisect_left(self._starts, low)
        return self._elements[at] if at < len(self._starts) and self._starts[at] <= high else None

    def doomed(self, element: Element) -> Element | None:
        """The element that has to go if this one is deleted: that of the same interval."""
        at = bisect_left(self._starts, element.key)
        if at == len(self._starts) or self._starts[at] != element.key:
            return None
        found = self._elements[at]
        return found if found.end == element.end else None

    def put(self, element: Element) -> None:
        """Take in one that shares no key with another."""
        starts = self._starts
        if not starts or starts[-1] < element.key:
            starts.append(element.key)
            self._elements.append(element)
            return
        at = bisect_left(starts, element.key)
        starts.insert(at, element.key)
        self._elements.insert(at, element)

    def take(self, element: Element) -> Callable[[], object]:
        """Take out one that is in; what is given back puts it back."""
        at = bisect_left(self._starts, element.key)
        del self._starts[at]
        del self._elements[at]
        return lambda: self.put(element)
