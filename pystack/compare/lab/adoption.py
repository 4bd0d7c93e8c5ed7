"""What one side drew by chance, taken over by the other: the addresses of devices that a setup makes, and
from where ports of translated connections are looked for.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from pystack.compare.adopted_ports import draw_for
from pystack.events import Changed, Event
from pystack.host import Host
from pystack.l2.bridge import Bridge
from pystack.l2.devices import Link
from pystack.l2.fdb_local import change_bridge_address
from pystack.l2.port import PortDevice
from pystack.netfilter.conntrack.conn import Conn
from pystack.netfilter.nat.unique import Draw


class Adoption:
    """Gives devices the addresses of their like on the other side, as soon as they are there.

    An address that a setup chooses is left alone, and a bridge that later takes over a port's does so on both
    sides. Devices are known by the name under which they are made, often in another namespace than where they
    end.
    """

    def __init__(self, host: Host, addresses: Mapping[str, bytes]) -> None:
        self._host = host
        self._addresses = {name.rpartition("/")[2]: address for name, address in addresses.items()}
        self._addresses.update(addresses)
        self._met: set[Link] = set()
        self.stop = host.events.subscribe(self._hear)

    def _hear(self, event: Event) -> None:
        if not isinstance(event, Changed) or (event.what, event.action) != ("link", "new"):
            return
        netns = self._host.namespaces.get(event.netns)
        dev = None if netns is None else netns.devices.get(event.text)
        if dev is None or dev in self._met:
            return
        self._met.add(dev)
        address = self._addresses.get(_name(event.netns, dev), self._addresses.get(dev.name))
        if address is None or dev.address_assigned or not dev.kind or isinstance(dev, PortDevice):
            return
        if isinstance(dev, Bridge):
            change_bridge_address(dev, address)
        dev.address = address


def _name(netns: str, dev: Link) -> str:
    return f"{netns}/{dev.name}" if netns else dev.name


def drawn_addresses(host: Host) -> dict[str, bytes]:
    """The addresses of all devices that a setup made."""
    return {
        _name(netns.name, dev): dev.address
        for netns in host.namespaces.values()
        for dev in netns.devices
        if dev.kind and not isinstance(dev, PortDevice)
    }


class AdoptedDraws:
    """Begins the search for a port where the other side ended it; connections are known by their original
    tuple, and those of the same by their order.
    """

    def __init__(self, mappings: Sequence[tuple[bytes, bytes]], otherwise: Draw) -> None:
        self._replies: dict[bytes, list[bytes]] = defaultdict(list)
        for original, reply in mappings:
            self._replies[original].append(reply)
        self._begun: Counter[bytes] = Counter()
        self._otherwise = otherwise

    def begun(self, conn: Conn) -> None:
        """It is in the table; the next with this tuple is another."""
        self._begun[conn.original] += 1

    def __call__(self, conn: Conn, manip: int, low: int) -> int:
        """A nat.unique.Draw."""
        replies, number = self._replies.get(conn.original, ()), self._begun[conn.original]
        if number >= len(replies):
            return self._otherwise(conn, manip, low)
        return draw_for(replies[number], manip, low)
