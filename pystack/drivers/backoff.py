"""How long to wait before the next attempt."""

from __future__ import annotations

from typing import Final

FIRST: Final = 0.05  # seconds
LAST: Final = 2.0


class Backoff:
    """Doubles from one failure to the next; a success starts it over."""

    def __init__(self) -> None:
        self._delay = FIRST

    def next_delay(self) -> float:
        """Seconds to wait now."""
        delay = self._delay
        self._delay = min(2 * delay, LAST)
        return delay

    def reset(self) -> None:
        """It worked."""
        self._delay = FIRST
