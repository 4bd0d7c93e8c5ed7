"""How long to wait before the next attempt."""

from __future__ import annotations

from typing import Final

FIRST: Final = 0.05  # seconds
LAST: Final = 2.0


class Backoff:
    """The first attempt is made at once; each failure doubles the wait, a success starts it over."""

    def __init__(self) -> None:
        self._delay = 0.0

    def next_delay(self) -> float:
        """Seconds to wait now."""
        delay = self._delay
        self._delay = min(max(2 * delay, FIRST), LAST)
        return delay

    def reset(self) -> None:
        """It worked."""
        self._delay = FIRST
