"""The copy keeps up with the namespace: neighbours as they are told, everything else by another reading."""

from __future__ import annotations

import math
import time
from typing import Final

from pystack.applets.running_tables import firewall_lines
from pystack.compare.live.errors import LiveUnavailable
from pystack.drivers.kernel_netns import in_netns
from pystack.hooks.changes import Neighbour, listen
from pystack.hooks.imported.building import Building
from pystack.hooks.imported.sysctls import taken_over
from pystack.hooks.silent import SilentChanges
from pystack.host import Host

CALM: Final = 0.2  # seconds without another change, before all is read again
PATIENCE: Final = 2.0  # or so long after the first one, where changes do not end
_FILLS_A_SET: Final = " -j SET "


class Following:
    """Of one namespace, from before it is read until `close`. Raises LiveUnavailable."""

    def __init__(self, netns: str) -> None:
        try:
            self._changes = in_netns(netns, listen)
        except PermissionError:
            raise LiveUnavailable("no right to hear of changes there (it takes CAP_NET_ADMIN)") from None
        self._silent = SilentChanges(netns, [path for path, _ in taken_over(Host(seed=1).init)])
        self._neighbours: list[Neighbour] = []
        self._changed: set[str] = set()
        self._first = self._last = -math.inf  # when something was told to have changed
        self._looked = -math.inf  # when was looked last at what nobody tells
        self.begin()
        self._silent.start()

    def begin(self) -> None:
        """The namespace is about to be read: whatever changed so far will be in it."""
        self._silent.look()
        self._silent.taken()
        self._neighbours += self._changes.read().neighbours
        self._changed.clear()

    def keep(self, building: Building) -> None:
        """This is what came of it."""
        fills = any(_FILLS_A_SET in line for line in firewall_lines(building.netns))
        self._silent.sets_are_filled = fills

    def look(self, now: float) -> str:
        """What has changed, in words; as long as there are such the copy is out of date."""
        news = self._changes.read()
        self._neighbours += news.neighbours
        silent, looked = self._silent.taken()
        self._looked = now - (time.monotonic() - looked)
        if kinds := news.kinds | silent:
            self._first = self._first if self._changed else now
            self._changed |= kinds
            self._last = now
        return ", ".join(sorted(self._changed))

    def is_calm(self, now: float) -> bool:
        """Whether it is worth to read all again: nothing has changed for a while, or it does not end."""
        return now >= self._last + CALM or now >= self._first + PATIENCE

    def neighbours(self) -> list[Neighbour]:
        """Those that changed since the last call."""
        told, self._neighbours = self._neighbours, []
        return told

    @property
    def sure_until(self) -> float:
        """Until when the copy has missed nothing, as far as the last look knows."""
        return -math.inf if self._changed else self._looked

    def look_closely(self, now: float) -> str:
        """The same as look(), and at what changes without a word, too."""
        self._silent.look()
        return self.look(now)

    def close(self) -> None:
        """Look no more."""
        self._silent.close()
        self._changes.close()
