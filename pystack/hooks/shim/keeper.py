"""The process that watches over the others: no packet waits longer than the deadline, no rule of ours stays
where another could follow it, and nothing is left behind, whoever is stopped or killed.
"""

from __future__ import annotations

import select
import sys
import threading
import time
from collections.abc import Callable, Sequence
from typing import Final, Protocol

from pystack.drivers.unavailable import PortUnavailable
from pystack.hooks.queue.packet import Queue
from pystack.hooks.shim.counters import QueueTable
from pystack.hooks.shim.heart import Heart, Of
from pystack.hooks.shim.rules import ShimsUnavailable

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

    def take_back_chains(self) -> None:
        """And the chains that came into being with them; no packet waits any more."""


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
        self._beats = 0
        self._heard = 0.0  # when there was another beat

    def keep(self, life: int) -> None:
        """Until the other end of `life` is closed, or nobody answers for the queues any more."""
        poll = select.poll()
        poll.register(life, select.POLLIN)
        poll.register(self._rules.fileno(), select.POLLIN)
        self._heard = looked = time.monotonic()
        while time.monotonic() - self._heard < GIVEN_UP:
            ready = [fd for fd, _ in poll.poll(self._deadline / _LOOKS * 1000)]
            if life in ready:
                break
            if ready or time.monotonic() - looked > LOOK:
                self._have_done(self._rules.check)
                looked = time.monotonic()
            self._watch_heart()
        for _ in range(_SWEEPS):  # whoever was killed may have had a command under way
            self._have_done(self._rules.take_back)
            let_through(self._queues, self._table, self._heart)
            self._have_done(self._rules.take_back_chains)
            time.sleep(_SWEEP)

    def _have_done(self, work: Callable[[], None]) -> None:
        """Commands take their time, and meanwhile no packet may wait longer either."""
        thread = threading.Thread(target=_try, args=(work,))
        thread.start()
        while thread.is_alive():
            thread.join(self._deadline / _LOOKS)
            self._watch_heart()

    def _watch_heart(self) -> None:
        now, beats = time.monotonic(), self._heart.beats
        if beats != self._beats:
            self._beats, self._heard = beats, now
        elif now - self._heard > self._deadline * (_LOOKS - 1) / _LOOKS:
            let_through(self._queues, self._table, self._heart)


def let_through(queues: Sequence[Queue], table: QueueTable, heart: Heart) -> None:
    """All that waits."""
    waiting = table.read()
    for place, queue in enumerate(queues):
        queue.accept_all()
        if queue.number in waiting:
            heart.count(place, Of.RELEASED, waiting[queue.number].waiting)


def _try(work: Callable[[], None]) -> None:
    """A keeper that ends for what a command says keeps nothing any more."""
    try:
        work()
    except (ShimsUnavailable, PortUnavailable) as error:
        sys.stderr.write(f"pystack: shims: {error}\n")
