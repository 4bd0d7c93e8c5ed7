"""How many packets may wait for answers at once: as many as are answered in good time. TCP does likewise."""

from __future__ import annotations

from typing import Final

LEAST: Final = 32
MOST: Final = 4096
_FIRST: Final = 256


class Window:
    """Grows with answers that come soon enough; halves, at most once in a while, for those that do not."""

    def __init__(self, patience: float) -> None:
        self.size = _FIRST
        self._patience = patience
        self._halved = 0.0

    def answered(self, waited: float, now: float) -> None:
        """After so long. Half of the time that there is belongs to who asks and who carries."""
        if waited > self._patience / 2:
            self.shrink(now)
        elif self.size < MOST:
            self.size += 1

    def shrink(self, now: float) -> None:
        """Too many wait."""
        if now - self._halved > self._patience:
            self._halved = now
            self.size = max(LEAST, self.size // 2)
