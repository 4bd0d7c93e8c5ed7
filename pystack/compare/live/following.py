"""The copy keeps up with the namespace: neighbours as they are told, everything else by another reading."""

from __future__ import annotations

from typing import Final

from pystack.drivers.kernel_netns import in_netns
from pystack.hooks.changes import Changes, Neighbour, open_sockets
from pystack.hooks.imported.building import Building
from pystack.l2.nud import NUD_NOARP, NUD_PERMANENT, NUD_VALID
from pystack.wire.ethernet import mac_text
from pystack.wire.ipv4 import address_text

CALM: Final = 0.2  # seconds without another change, before all is read again


class Following:
    """Of one namespace."""

    def __init__(self, netns: str) -> None:
        self._changes = Changes(in_netns(netns, open_sockets))
        self._changed: set[str] = set()
        self._last = 0.0

    def look(self, building: Building, now: float) -> set[str]:
        """What the copy has to be built anew for; neighbours it is given at once."""
        news = self._changes.read()
        for neighbour in news.neighbours:
            _give(building, neighbour)
        if news.kinds:
            self._changed |= news.kinds
            self._last = now
        if not self._changed or now < self._last + CALM:
            return set()
        changed, self._changed = self._changed, set()
        return changed

    def close(self) -> None:
        """Look no more."""
        self._changes.close()


def settle_neighbours(building: Building) -> None:
    """The copy asks nobody whether a neighbour is still there: the kernel does, and the copy is told."""
    for neigh in list(building.netns.ipv4.neighbours):
        if neigh.state & NUD_VALID and not neigh.state & (NUD_NOARP | NUD_PERMANENT):
            _keep(building, neigh.dev.name, address_text(neigh.key), neigh.ha)


def _give(building: Building, told: Neighbour) -> None:
    dev = next((dev for dev in building.netns.devices if dev.ifindex == told.ifindex), None)
    if dev is None:
        return
    address = address_text(int.from_bytes(told.address, "big"))
    if told.lladdr and told.state & NUD_VALID:
        _keep(building, dev.name, address, told.lladdr)
    elif not told.state & NUD_NOARP:
        building.tries(["ip", "neighbour", "del", address, "dev", dev.name], "")


def _keep(building: Building, device: str, address: str, lladdr: bytes) -> None:
    words = [address, "lladdr", mac_text(lladdr), "dev", device, "nud", "permanent"]
    building.tries(["ip", "neighbour", "replace", *words], "")
