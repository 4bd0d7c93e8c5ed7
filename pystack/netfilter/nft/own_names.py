"""Names of the sets that rules bring along: `__set0`, `__map0`; who monitors hears them when a rule goes.

Linux: net/netfilter/nf_tables_api.c nf_tables_set_alloc_name()
"""

from __future__ import annotations

from heapq import heapify, heappop, heappush
from typing import Final

SET: Final = "__set"
MAP: Final = "__map"


class OwnNames:
    """Of one table: the lowest number that is free is the next."""

    __slots__ = ("_free", "_next")

    def __init__(self) -> None:
        self._free: dict[str, list[int]] = {SET: [], MAP: []}
        self._next = {SET: 0, MAP: 0}

    def take(self, kind: str) -> str:
        """A name that no other set of the table has."""
        if self._free[kind]:
            return f"{kind}{heappop(self._free[kind])}"
        self._next[kind] += 1
        return f"{kind}{self._next[kind] - 1}"

    def give_back(self, name: str) -> None:
        """The set is gone."""
        heappush(self._free[name[: len(SET)]], int(name[len(SET) :]))

    def take_again(self, name: str) -> None:
        """The set is back."""
        free = self._free[name[: len(SET)]]
        free.remove(int(name[len(SET) :]))
        heapify(free)
