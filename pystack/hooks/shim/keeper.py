"""The process that watches over the others: no packet waits longer than the deadline, no rule of ours stays
where another could follow it, and nothing is left behind, whoever is stopped or killed.
"""

from __future__ import annotations

import select
import time
from collections.abc import Sequence
from typing import Final, Protocol

from pystack.hooks.queue.packet import Queue
from pystack.hooks.shim.counters import QueueTable
from pystack.hooks.shim.heart import Heart, Of

GIVEN_UP: Final = 2.0  # seconds without a beat
LOOK: Final = 1.0  # seconds between two looks at the rules where nobody tells of a change
_SWEEPS: Final = 3
_SWEEP: Final = 0.2  # seconds from one to the next
_LOOKS: Final = 4  # at the heart, within a deadline


class Rules(Protocol):
    """Those that are kept."""

    def fileno(self) -> int:
        """Readable when some rule of the namespace has changed."""

    def check(self) -> None:
        """Take back those that may not stand where they do any more."""

    def take_back(self) -> None:
        """Take back all."""


class Keeper:
    """One for all queues of a namespace."""

    def __init__(
        self, queues: Sequence[Queue], heart: Heart, rules: Rules, table: QueueTable, deadline: float
    ) -> None:
        self._queues = queues
        self._heart = heart
        self._rules = rules
        self._table = table
        self._deadline = deadline

    def keep(self, life: int) -> None:
        """Until the other end of `life` is closed, or nobody answers for the queues any more."""
        poll = select.poll()
        poll.register(life, select.POLLIN)
        poll.register(self._rules.fileno(), select.POLLIN)
        beats, heard = self._heart.beats, time.monotonic()
        looked = heard
        while time.monotonic() - heard < GIVEN_UP:
            ready = [fd for fd, _ in poll.poll(self._deadline / _LOOKS * 1000)]
            if life in ready:
                break
            now = time.monotonic()
            if ready or now - looked > LOOK:
                self._rules.check()
                looked = now
            if self._heart.beats != beats:
                beats, heard = self._heart.beats, now
            elif now - heard > self._deadline * (_LOOKS - 1) / _LOOKS:
                self._let_through()
        for _ in range(_SWEEPS):  # whoever was killed may have had a command under way
            self._rules.take_back()
            self._let_through()
            time.sleep(_SWEEP)

    def _let_through(self) -> None:
        waiting = self._table.read()
        for place, queue in enumerate(self._queues):
            queue.accept_all()
            if queue.number in waiting:
                self._heart.count(place, Of.RELEASED, waiting[queue.number].waiting)
