"""The copy keeps up with the namespace: neighbours as they are told, everything else by another reading."""

from __future__ import annotations

from typing import Final

from pystack.compare.live.errors import LiveUnavailable
from pystack.drivers.kernel_netns import in_netns
from pystack.hooks.changes import FIREWALL, Changes, Neighbour, open_sockets

CALM: Final = 0.2  # seconds without another change, before all is read again


class Following:
    """Of one namespace. Raises LiveUnavailable."""

    def __init__(self, netns: str) -> None:
        try:
            self._changes = Changes(in_netns(netns, open_sockets))
        except PermissionError:
            raise LiveUnavailable("no right to hear of changes there (it takes CAP_NET_ADMIN)") from None
        self._changed: set[str] = set()
        self._last = 0.0

    def look(self, now: float) -> tuple[list[Neighbour], set[str]]:
        """Neighbours that changed, and what else did, for which the copy has to be built anew."""
        news = self._changes.read()
        if news.kinds:
            self._changed |= news.kinds
            self._last = now
        if not self._changed or now < self._last + CALM:
            return news.neighbours, set()
        changed, self._changed = self._changed, set()
        return news.neighbours, changed

    def begin(self) -> list[Neighbour]:
        """Neighbours that changed so far; probes and shims of ours, which have just come, are no change."""
        news = self._changes.read()
        self._changed = news.kinds - {FIREWALL}
        return news.neighbours

    def close(self) -> None:
        """Look no more."""
        self._changes.close()
