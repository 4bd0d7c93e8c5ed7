"""Packets that have waited long enough go on, whoever was to answer for them."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping, Sequence

from pystack.hooks.queue.packet import Queue
from pystack.hooks.shim.counters import QueueCounters, QueueTable
from pystack.hooks.shim.heart import Heart, Of


class Release:
    """Of the queues of a namespace. What stood in them a while ago, and stands there still, is overdue."""

    def __init__(self, queues: Sequence[Queue], table: QueueTable, heart: Heart, patience: float) -> None:
        self._queues = queues
        self._table = table
        self._heart = heart
        self._patience = patience
        self._looks: deque[tuple[float, Mapping[int, QueueCounters]]] = deque()

    def overdue(self) -> None:
        """Those that came before a look that is so long ago."""
        now, known = time.monotonic(), self._table.read()
        self._looks.append((now, known))
        before: Mapping[int, QueueCounters] = {}
        while self._looks[0][0] <= now - self._patience:
            _, before = self._looks.popleft()
        for place, queue in enumerate(self._queues):
            if queue.number in before and queue.number in known:
                self._let_go(place, before[queue.number].last, known[queue.number])

    def all(self) -> None:
        """Whatever waits."""
        known = self._table.read()
        for place, queue in enumerate(self._queues):
            if queue.number in known:
                self._let_go(place, known[queue.number].last, known[queue.number])

    def _let_go(self, place: int, number: int, now: QueueCounters) -> None:
        """Packets are answered as they came, or all wait: so more than came since are old ones."""
        count = now.waiting - (now.last - number)
        if count <= 0:
            return
        self._heart.note(place, Of.GONE, number)
        self._heart.count(place, Of.RELEASED, count)
        self._queues[place].let_go(number)
