"""The kernel's hops, gathered into packets: one is complete once nothing more was heard of it for a while."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from pystack.compare.records import Hop

SETTLED: Final = 0.1  # seconds without another hop
_MOST_LATE: Final = 4096  # packets whose latecomers are still told from new ones


@dataclass(slots=True)
class Passing:
    """One packet on its way through the kernel."""

    began: float  # when its first hop was read
    heard: float  # and its last
    hops: list[Hop] = field(default_factory=list)

    @property
    def first(self) -> Hop:
        """Where it was first seen."""
        return self.hops[0]


class Passings:
    """In the order in which they began."""

    def __init__(self) -> None:
        self._open: dict[int, Passing] = {}
        self._done: dict[int, None] = {}
        self.late = 0  # hops of packets that were taken for complete

    def add(self, hops: Iterable[Hop], now: float) -> None:
        """What was read just now."""
        for hop in hops:
            passing = self._open.get(hop.packet)
            if passing is None:
                if hop.packet in self._done:
                    self.late += 1
                    continue
                passing = self._open[hop.packet] = Passing(now, now)
            passing.hops.append(hop)
            passing.heard = now

    def settled(self, now: float) -> Iterator[Passing]:
        """Those that are complete, as far as none that began earlier is not."""
        while self._open:
            number, passing = next(iter(self._open.items()))
            if passing.heard > now - SETTLED:
                return
            yield self._close(number)

    def rest(self) -> Iterator[Passing]:
        """All others, complete or not."""
        while self._open:
            yield self._close(next(iter(self._open)))

    def _close(self, number: int) -> Passing:
        self._done[number] = None
        if len(self._done) > _MOST_LATE:
            del self._done[next(iter(self._done))]
        return self._open.pop(number)

    def __len__(self) -> int:
        return len(self._open)
