"""What the copy knows of its neighbours: what the kernel knew when a packet began, no sooner.

A packet that waits for a neighbour must wait here, too: what it waits for (an answer by ARP) teaches more
than the neighbour, a bridge's port for one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

from pystack.hooks.changes import Neighbour
from pystack.hooks.imported.building import Building
from pystack.l2.nud import NUD_NOARP, NUD_PERMANENT, NUD_VALID
from pystack.wire.ethernet import mac_text
from pystack.wire.ipv4 import address_text


class Neighbours:
    """Those that were told of, until packets have been played that began before."""

    def __init__(self) -> None:
        self._told: deque[tuple[float, Neighbour]] = deque()

    def hear(self, neighbours: Iterable[Neighbour], now: float) -> None:
        """The kernel has others from now on."""
        self._told.extend((now, neighbour) for neighbour in neighbours)

    def give(self, building: Building, before: float) -> None:
        """A copy gets those that were told of before a packet began."""
        while self._told and self._told[0][0] < before:
            _give(building, self._told.popleft()[1])


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
