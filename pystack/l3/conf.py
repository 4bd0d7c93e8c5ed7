"""The sysctls of IPv4 and of neighbours that the stack reads, as plain attributes under Linux's names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace

from pystack.l2.context import Link
from pystack.l2.devices import DeviceTable, LinkEvent
from pystack.l2.neigh_parms import SYSCTL_NAMES, NeighParms
from pystack.rng import Rng
from pystack.sysctl import Knob, Sysctls


@dataclass(slots=True)
class Ipv4Conf:
    """net.ipv4.conf.DEV. Linux: include/linux/inetdevice.h struct ipv4_devconf"""

    forwarding: int = 0
    rp_filter: int = 0
    accept_local: int = 0
    route_localnet: int = 0
    drop_unicast_in_l2_multicast: int = 0
    promote_secondaries: int = 0
    arp_filter: int = 0
    arp_announce: int = 0
    arp_ignore: int = 0
    arp_accept: int = 0
    arp_notify: int = 0
    drop_gratuitous_arp: int = 0
    log_martians: int = 0


@dataclass(slots=True)
class Ipv4Sysctl:
    """net.ipv4"""

    ip_default_ttl: int = 64
    icmp_echo_ignore_all: int = 0
    icmp_echo_ignore_broadcasts: int = 1
    icmp_ratelimit: int = 1000  # milliseconds between two errors to one peer
    icmp_ratemask: int = 6168
    icmp_msgs_per_sec: int = 1000
    icmp_msgs_burst: int = 50
    icmp_errors_use_inbound_ifaddr: int = 0


_RANGES = {"ip_default_ttl": (1, 255), "icmp_msgs_per_sec": (0, 1 << 30), "icmp_msgs_burst": (0, 1 << 30)}


class Confs:
    """net.ipv4.conf: `all`, `default`, and one set a device."""

    def __init__(self, sysctls: Sysctls, devices: DeviceTable, rng: Rng) -> None:
        self.all = Ipv4Conf()
        self.default = Ipv4Conf()
        self.ipv4 = Ipv4Sysctl()
        self.neigh_default = NeighParms()
        self.on_shown: Callable[[], None] = _nothing  # a value that /proc/net/snmp shows was written
        self._devices: dict[Link, Ipv4Conf] = {}
        self._neigh: dict[Link, NeighParms] = {}
        self._names: dict[Link, str] = {}
        self._sysctls = sysctls
        self._rng = rng
        self._bind_globals()
        devices.listen(self._on_link_event)

    def of(self, dev: Link) -> Ipv4Conf:
        """The device's own values."""
        return self._devices[dev]

    def knows(self, dev: Link) -> bool:
        """Whether IPv4 runs on the device. Linux: __in_dev_get_rcu()"""
        return dev in self._devices

    def all_neigh(self) -> list[NeighParms]:
        """Every set there is."""
        return [self.neigh_default, *self._neigh.values()]

    def neigh_of(self, dev: Link) -> NeighParms:
        """The device's own neighbour parameters."""
        return self._neigh[dev]

    def _bind_globals(self) -> None:
        for entry in fields(Ipv4Sysctl):
            low, high = _RANGES.get(entry.name, (-(1 << 31), (1 << 31) - 1))
            hook = self._tell_shown if entry.name == "ip_default_ttl" else None
            knob = Knob(self.ipv4, entry.name, low, high, on_change=hook)
            self._sysctls.bind(("net", "ipv4", entry.name), knob)
        forward = Knob(self.all, "forwarding", on_change=self._set_all_forwarding)
        self._sysctls.bind(("net", "ipv4", "ip_forward"), forward)
        self._bind_conf("all", self.all, self._set_all_forwarding)
        self._bind_conf("default", self.default, _nothing)
        self._bind_neigh("default", self.neigh_default)

    def _bind_conf(self, name: str, conf: Ipv4Conf, on_forwarding: Callable[[], None]) -> None:
        for entry in fields(Ipv4Conf):
            hook = on_forwarding if entry.name == "forwarding" else None
            knob = Knob(conf, entry.name, on_change=hook)
            self._sysctls.bind(("net", "ipv4", "conf", name, entry.name), knob)

    def _bind_neigh(self, name: str, parms: NeighParms) -> None:
        for key in SYSCTL_NAMES:
            self._sysctls.bind(("net", "ipv4", "neigh", name, key), Knob(parms, key, low=0))

    def _set_all_forwarding(self) -> None:
        """One switch for all devices, present and to come. Linux: net/ipv4/devinet.c inet_forward_change()"""
        self.default.forwarding = self.all.forwarding
        for conf in self._devices.values():
            conf.forwarding = self.all.forwarding
        self.on_shown()

    def _tell_shown(self) -> None:
        self.on_shown()

    def _on_link_event(self, event: LinkEvent, dev: Link) -> None:
        if event is LinkEvent.REGISTER:
            self._devices[dev] = replace(self.default)
            self._names[dev] = dev.name
            self._neigh[dev] = self.neigh_default.copy_for(self._rng)
            self._bind_device(dev)
        elif event is LinkEvent.CHANGENAME:
            old, self._names[dev] = self._names[dev], dev.name
            for kind in ("conf", "neigh"):
                self._sysctls.rename(("net", "ipv4", kind, old), ("net", "ipv4", kind, dev.name))

    def forget(self, dev: Link) -> None:
        """The device left; called after all who read its values.

        Linux: net/ipv4/devinet.c inetdev_destroy()
        """
        del self._devices[dev], self._neigh[dev], self._names[dev]
        for kind in ("conf", "neigh"):
            self._sysctls.unbind(("net", "ipv4", kind, dev.name))

    def _bind_device(self, dev: Link) -> None:
        self._bind_conf(dev.name, self.of(dev), _nothing)
        self._bind_neigh(dev.name, self.neigh_of(dev))


def _nothing() -> None:
    pass
