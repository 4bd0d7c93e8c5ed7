"""The elements of a set of concatenations with an interval in each part.

The first that a key falls on counts, and an element may reach over another one as long as neither its lowest
nor its highest key falls on it. One part is looked up: its intervals are cut into blocks of powers of two,
and each block knows its elements; the other parts of these are compared.

Linux: net/netfilter/nft_set_pipapo.c
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Callable, Iterator
from itertools import accumulate
from typing import Final

from pystack.netfilter.nft.set_element import Element

_ALIGNMENT: Final = 4  # each part of a key is filled up to a multiple of it
_FIRST_CHOICE: Final = 16  # elements; the part to look up is chosen again whenever they have doubled

_Blocks = dict[int, dict[int, list[Element]]]  # by how many bits a block leaves out, and what is in front


class FieldStore:
    """In the order in which they came."""

    __slots__ = ("_blocks", "_choose_at", "_is_sorted", "_next", "_number", "_part", "_parts")

    def __init__(self, fields: tuple[int, ...]) -> None:
        padded = [(length + _ALIGNMENT - 1) // _ALIGNMENT * _ALIGNMENT for length in fields]
        starts = accumulate(padded, initial=0)
        self._parts = [slice(start, start + length) for start, length in zip(starts, fields, strict=False)]
        self._part = self._parts[0]  # the one that is looked up
        self._blocks: _Blocks = {}
        self._number: dict[Element, int] = {}
        self._is_sorted = True
        self._next = 0
        self._choose_at = _FIRST_CHOICE

    def __iter__(self) -> Iterator[Element]:
        if not self._is_sorted:
            self._number = dict(sorted(self._number.items(), key=lambda item: item[1]))
            self._is_sorted = True
        return iter(self._number)

    def find(self, key: bytes) -> Element | None:
        """The first element that a key falls on. Linux: nft_pipapo_lookup()"""
        value = int.from_bytes(key[self._part], "big")
        best: Element | None = None
        for shift, by_prefix in self._blocks.items():
            for element in by_prefix.get(value >> shift, ()):
                if self._covers(element, key):
                    if best is None or self._number[element] < self._number[best]:
                        best = element
                    break
        return best

    def overlapping(self, low: bytes, high: bytes) -> Element | None:
        """Only the ends are looked at. Linux: nft_pipapo_insert()"""
        found = self.find(low)
        return self.find(high) if found is None else found

    def doomed(self, element: Element) -> Element | None:
        """The element that has to go if this one is deleted: where its lowest key falls on.

        Linux: nft_pipapo_deactivate()
        """
        return self.find(element.key)

    def put(self, element: Element) -> None:
        """Take in one, behind all others."""
        self._number[element] = self._next
        self._next += 1
        self._enter(element)
        if len(self._number) >= self._choose_at:
            self._choose_at *= 2
            self._choose()

    def take(self, element: Element) -> Callable[[], object]:
        """Take out one that is in; what is given back puts it back in its place."""
        number = self._number.pop(element)
        for shift, prefix in self._blocks_of(element):
            by_prefix = self._blocks[shift]
            by_prefix[prefix].remove(element)
            if not by_prefix[prefix]:
                del by_prefix[prefix]
            if not by_prefix:
                del self._blocks[shift]

        def put_back() -> None:
            self._number[element] = number
            self._is_sorted = False
            self._enter(element)

        return put_back

    def _choose(self) -> None:
        """Look up the part in which the elements differ most."""
        self._part = max(self._parts, key=self._spread)
        self._blocks = {}
        for known in self:
            self._enter(known)

    def _enter(self, element: Element) -> None:
        for shift, prefix in self._blocks_of(element):
            block = self._blocks.setdefault(shift, {}).setdefault(prefix, [])
            insort(block, element, key=self._number.__getitem__)

    def _blocks_of(self, element: Element) -> Iterator[tuple[int, int]]:
        low, high = (int.from_bytes(key[self._part], "big") for key in (element.key, element.end))
        while low <= high:
            shift = (high - low + 1).bit_length() - 1
            if low:
                shift = min(shift, (low & -low).bit_length() - 1)
            yield shift, low >> shift
            low += 1 << shift

    def _covers(self, element: Element, key: bytes) -> bool:
        low, high = element.key, element.end
        for part in self._parts:  # noqa: SIM110 - twice as fast as all()
            if not low[part] <= key[part] <= high[part]:
                return False
        return True

    def _spread(self, part: slice) -> int:
        return len({(element.key[part], element.end[part]) for element in self._number})
