"""Full garbage collections, few and far between.

Python's own are off (drivers/garbage.py): with large tables one stops every packet for half a second. But
what a command leaves behind, such as a namespace that was deleted, holds itself in cycles that only a full
one finds. So one is made now and then, if commands ran since, and never more than a thousandth of the time
goes into them: the larger the heap, the longer the pause.
"""

from __future__ import annotations

import gc
from collections.abc import Callable
from time import perf_counter
from typing import Final

SHARE: Final = 1 / 1000
SHORTEST_PAUSE: Final = 2.0  # seconds


class Sweeper:
    """Asked every second whether it is time."""

    def __init__(
        self, *, collect: Callable[[], object] = gc.collect, clock: Callable[[], float] = perf_counter
    ) -> None:
        self._collect = collect
        self._clock = clock
        self._not_before = clock() + SHORTEST_PAUSE
        self._served = 0

    def sweep_if_due(self, served: int) -> None:
        """Collect, if `served`, the number of commands so far, grew and the last collection is long ago."""
        began = self._clock()
        if served == self._served or began < self._not_before:
            return
        self._served = served
        self._collect()
        ended = self._clock()
        self._not_before = ended + max(SHORTEST_PAUSE, (ended - began) / SHARE)
