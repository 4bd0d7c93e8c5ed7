"""What the parts of a bridge share: its ports, its forwarding database, and what a user has set.

The parts (the way in, the way out, port states, own addresses) know this; only bridge.py knows them.
"""

from __future__ import annotations

from typing import Final

from pystack.device import NetDevice
from pystack.events import Changed
from pystack.l2.bridge_port import BridgePort
from pystack.l2.devices import DeviceTable, Link
from pystack.l2.fdb import Fdb, FdbEntry
from pystack.wire.ethernet import ZERO, mac_text

DEFAULT_PRIORITY: Final = 0x8000


class BridgeState(Link):
    """Linux: net/bridge/br_private.h struct net_bridge"""

    fdb: Fdb  # lives as long as the bridge is in its namespace

    def __init__(self, name: str, address: bytes) -> None:
        super().__init__(name, address)
        self.ports: tuple[BridgePort, ...] = ()  # newest first, the order of a flood
        self.port_of: dict[NetDevice, BridgePort] = {}
        self.had_ports = False  # since then its limits are worked out anew with every port
        self.id_address = ZERO  # of the bridge id: zero until an address was chosen
        self.priority = DEFAULT_PRIORITY
        self.mtu_set_by_user = False
        self.stp_enabled = False
        self.forward_delay = 15.0
        self.hello_time = 2.0
        self.max_age = 20.0
        self.group_fwd_mask = 0
        self.no_linklocal_learn = False
        self.mcast_snooping = True

    @property
    def lower_devices(self) -> list[NetDevice]:
        """Its ports."""
        return [port.dev for port in self.ports]

    def attach(self, devices: DeviceTable) -> None:
        """A bridge is attached once: it cannot move to another namespace."""
        super().attach(devices)
        self.fdb = Fdb(self.net.clock, self.net.timers, self._fdb_notify)

    def _fdb_notify(self, entry: FdbEntry, action: str) -> None:
        if self.net.events.wanted:
            dev = self if entry.port is None else entry.port.dev
            text = f"{mac_text(entry.address)} dev {dev.name} master {self.name}"
            self.net.events.emit(Changed(self.net.drop.netns, "fdb", action, text))
