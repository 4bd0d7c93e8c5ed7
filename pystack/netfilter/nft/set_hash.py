"""The elements of a set without intervals. Linux: net/netfilter/nft_set_hash.c"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pystack.netfilter.nft.set_element import Element


class HashStore:
    """By their keys."""

    __slots__ = ("_by_key",)

    def __init__(self) -> None:
        self._by_key: dict[bytes, Element] = {}

    def __iter__(self) -> Iterator[Element]:
        return iter(self._by_key.values())

    def find(self, key: bytes) -> Element | None:
        """The element of a key."""
        return self._by_key.get(key)

    def overlapping(self, low: bytes, high: bytes) -> Element | None:
        """The same; here no element has more than one key."""
        return self._by_key.get(low)

    def doomed(self, element: Element) -> Element | None:
        """The element that has to go if this one is deleted."""
        return self._by_key.get(element.key)

    def put(self, element: Element) -> None:
        """Take in one whose key no other has."""
        self._by_key[element.key] = element

    def take(self, element: Element) -> Callable[[], object]:
        """Take out one that is in; what is given back puts it back."""
        del self._by_key[element.key]
        return lambda: self.put(element)
