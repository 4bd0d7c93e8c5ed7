"""All timers of a host on one heap: the shell sleeps until the head, the core runs what is due."""

from __future__ import annotations

from collections.abc import Callable
from heapq import heapify, heappop, heappush
from itertools import count

from pystack.clock import Clock

_COMPACT_MINIMUM = 64


class Timer:
    """One pending call; `cancel()` makes it void."""

    __slots__ = ("deadline", "fn", "owner")

    def __init__(self, deadline: float, fn: Callable[[], None], owner: Timers) -> None:
        self.deadline = deadline
        self.fn: Callable[[], None] | None = fn
        self.owner = owner

    @property
    def pending(self) -> bool:
        """Still to run."""
        return self.fn is not None

    def cancel(self) -> None:
        """Void the call. The heap entry stays until it surfaces or the voids outnumber the living."""
        if self.fn is not None:
            self.fn = None
            self.owner.forget_one()


class Timers:
    """A heap of deadlines; equal deadlines run in the order they were set."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self._heap: list[tuple[float, int, Timer]] = []
        self._order = count()
        self._void = 0

    def __len__(self) -> int:
        return len(self._heap) - self._void

    def at(self, deadline: float, fn: Callable[[], None]) -> Timer:
        """Call `fn` once `clock.now` reaches `deadline`."""
        timer = Timer(deadline, fn, self)
        heappush(self._heap, (deadline, next(self._order), timer))
        return timer

    def after(self, delay: float, fn: Callable[[], None]) -> Timer:
        """Call `fn` `delay` seconds from now."""
        return self.at(self.clock.now + delay, fn)

    def next_deadline(self) -> float | None:
        """When the next living timer is due, None if there is none."""
        heap = self._heap
        while heap and heap[0][2].fn is None:
            heappop(heap)
            self._void -= 1
        return heap[0][0] if heap else None

    def run_expired(self) -> None:
        """Run all that is due now; what they set for now runs too."""
        deadline = self.next_deadline()
        while deadline is not None and deadline <= self.clock.now:
            timer = heappop(self._heap)[2]
            fn, timer.fn = timer.fn, None
            if fn is not None:
                fn()
            deadline = self.next_deadline()

    def forget_one(self) -> None:
        """Account for a cancelled timer; rebuild the heap once most of it is void, so that it stays
        bounded.
        """
        self._void += 1
        if self._void > _COMPACT_MINIMUM and self._void * 2 > len(self._heap):
            self._heap = [entry for entry in self._heap if entry[2].fn is not None]
            heapify(self._heap)
            self._void = 0
