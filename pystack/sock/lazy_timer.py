"""A timer that is moved far more often than it runs out: to move it later, or to stop it, costs nothing."""

from __future__ import annotations

from collections.abc import Callable

from pystack.timers import Timer, Timers


class LazyTimer:
    """Linux: include/net/inet_connection_sock.h inet_csk_reset_xmit_timer(), inet_csk_clear_xmit_timer()"""

    __slots__ = ("_fn", "_timer", "_timers", "deadline")

    def __init__(self, timers: Timers, fn: Callable[[], None]) -> None:
        self._timers = timers
        self._fn = fn
        self._timer: Timer | None = None  # due no later than `deadline`
        self.deadline: float | None = None

    @property
    def pending(self) -> bool:
        """Whether it will run."""
        return self.deadline is not None

    @property
    def seconds_left(self) -> float:
        """Until it runs, 0 if it does not."""
        return 0.0 if self.deadline is None else max(self.deadline - self._timers.clock.now, 0.0)

    def set(self, delay: float) -> None:
        """Run in so many seconds, and not when it was set for before."""
        deadline = self.deadline = self._timers.clock.now + delay
        timer = self._timer
        if timer is not None:
            if timer.deadline <= deadline:
                return
            timer.cancel()
        self._timer = self._timers.at(deadline, self._expire)

    def stop(self) -> None:
        """Do not run."""
        self.deadline = None

    def kill(self) -> None:
        """Stop, and let go of the heap: the owner ends."""
        self.deadline = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _expire(self) -> None:
        self._timer, deadline = None, self.deadline
        if deadline is None:
            return
        if deadline > self._timers.clock.now:
            self._timer = self._timers.at(deadline, self._expire)
            return
        self.deadline = None
        self._fn()
