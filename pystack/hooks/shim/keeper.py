"""The process that watches over the others: no packet waits longer than the deadline, no rule of ours stays
where another could follow it, and nothing is left behind, whoever is stopped or killed.
"""

from __future__ import annotations

import select
import sys
import threading
import time
from collections.abc import Callable
from typing import Final, Protocol

from pystack.drivers.unavailable import PortUnavailable
from pystack.hooks.shim.heart import Heart
from pystack.hooks.shim.release import Release
from pystack.hooks.shim.rules import ShimsUnavailable

GIVEN_UP: Final = 2.0  # seconds without a beat
LOOK: Final = 1.0  # seconds between two looks at the rules where nobody tells of a change
_MISSED: Final = 6  # looks without a beat, after which whoever answers is taken for stopped
_SWEEPS: Final = 3
_SWEEP: Final = 0.2  # seconds from one to the next


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

    def __init__(self, heart: Heart, rules: Rules, release: Release, look: float) -> None:
        """`look`: seconds from one look at the queues to the next."""
        self._heart = heart
        self._rules = rules
        self._release = release
        self._look = look
        self._beats = 0
        self._looked = 0.0
        self._silent = 0.0  # seconds without another beat, but for those in which we did not run either

    def keep(self, life: int) -> None:
        """Until the other end of `life` is closed, or nobody answers for the queues any more."""
        poll = select.poll()
        poll.register(life, select.POLLIN)
        poll.register(self._rules.fileno(), select.POLLIN)
        self._looked = checked = time.monotonic()
        while self._silent < GIVEN_UP:
            ready = [fd for fd, _ in poll.poll(self._look * 1000)]
            if life in ready:
                break
            if ready or time.monotonic() - checked > LOOK:
                self._have_done(self._rules.check)
                checked = time.monotonic()
            self._watch()
        for _ in range(_SWEEPS):  # whoever was killed may have had a command under way
            self._have_done(self._rules.take_back)
            self._release.all()
            self._have_done(self._rules.take_back_chains)
            time.sleep(_SWEEP)

    def _have_done(self, work: Callable[[], None]) -> None:
        """Commands take their time, and meanwhile no packet may wait longer either."""
        thread = threading.Thread(target=_try, args=(work,))
        thread.start()
        while thread.is_alive():
            thread.join(self._look)
            self._watch()

    def _watch(self) -> None:
        """Who has been waiting for long, and whether the heart beats: while it does not nobody need wait."""
        now, before = time.monotonic(), self._beats
        self._beats = self._heart.beats
        self._silent = (
            0.0 if self._beats != before else self._silent + min(now - self._looked, 2 * self._look)
        )
        self._looked = now
        if self._silent > self._look * _MISSED:
            self._release.all()
        else:
            self._release.overdue()


def _try(work: Callable[[], None]) -> None:
    """A keeper that ends for what a command says keeps nothing any more."""
    try:
        work()
    except (ShimsUnavailable, PortUnavailable) as error:
        sys.stderr.write(f"pystack: shims: {error}\n")
