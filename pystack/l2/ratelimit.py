"""How often the packet path may write to the kernel's log."""

from __future__ import annotations

from typing import Final

from pystack.clock import Clock

INTERVAL: Final = 5.0  # net.core.message_cost
BURST: Final = 10  # net.core.message_burst


class RateLimit:
    """Linux: lib/ratelimit.c ___ratelimit(), as net_ratelimit() uses it"""

    __slots__ = ("_begin", "_clock", "_missed", "_printed")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._begin: float | None = None
        self._printed = 0
        self._missed = 0

    def allows(self) -> tuple[bool, int]:
        """Whether a line may be written now, and how many were not since the last one that told so."""
        now = self._clock.now
        missed = 0
        if self._begin is None or now > self._begin + INTERVAL:
            missed, self._missed = self._missed, 0
            self._begin = now
            self._printed = 0
        if self._printed < BURST:
            self._printed += 1
            return True, missed
        self._missed += 1
        return False, missed
