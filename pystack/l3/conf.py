"""The sysctls of IPv4 and of neighbours that the stack reads, as plain attributes under Linux's names."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import partial
from typing import Final

from pystack.errors import NotModelled
from pystack.l2.devices import DeviceTable, Link, LinkEvent
from pystack.l2.neigh_parms import SYSCTL_NAMES, NeighParms
from pystack.rng import Rng
from pystack.sysctl import INT_MIN, Knob, Sysctls, read_number


@dataclass(slots=True)
class Ipv4Conf:
    """net.ipv4.conf.DEV. Linux: include/linux/inetdevice.h struct ipv4_devconf"""

    forwarding: int = 0
    rp_filter: int = 0
    accept_local: int = 0
    route_localnet: int = 0
    bc_forwarding: int = 0
    src_valid_mark: int = 0
    ignore_routes_with_linkdown: int = 0
    drop_unicast_in_l2_multicast: int = 0
    promote_secondaries: int = 0
    arp_filter: int = 0
    arp_announce: int = 0
    arp_ignore: int = 0
    arp_accept: int = 0
    arp_notify: int = 0
    arp_evict_nocarrier: int = 1
    drop_gratuitous_arp: int = 0
    proxy_arp: int = 0
    proxy_arp_pvlan: int = 0
    medium_id: int = 0
    log_martians: int = 0
    accept_redirects: int = 1
    accept_source_route: int = 1
    send_redirects: int = 1
    secure_redirects: int = 1
    shared_media: int = 1
    force_igmp_version: int = 0
    igmpv2_unsolicited_report_interval: int = 10_000  # milliseconds
    igmpv3_unsolicited_report_interval: int = 1000


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
    fib_multipath_hash_policy: int = 0
    fib_multipath_hash_seed: int = 0  # 0: drawn when the namespace came into being
    fib_multipath_use_neigh: int = 0
    icmp_ignore_bogus_error_responses: int = 1
    fwmark_reflect: int = 0
    ip_forward_use_pmtu: int = 0
    ip_no_pmtu_disc: int = 0
    igmp_link_local_mcast_reports: int = 1
    igmp_qrv: int = 2  # how often a change is told


_RANGES: Final = {
    "ip_default_ttl": (1, 255),
    "icmp_msgs_per_sec": (0, 1 << 30),
    "icmp_msgs_burst": (0, 1 << 30),
    "fib_multipath_hash_seed": (0, 0xFFFFFFFF),
    "fib_multipath_use_neigh": (0, 1),
}
_HASH_POLICIES: Final = 3
_MODELLED_HASH_POLICIES: Final = ("0", "1")


def _hash_policy(text: str) -> int:
    policy = read_number(text.strip(), 0, _HASH_POLICIES)
    if str(policy) not in _MODELLED_HASH_POLICIES:
        raise NotModelled(f"fib_multipath_hash_policy={policy}", _MODELLED_HASH_POLICIES)
    return policy


_CONF_NAMES: Final = tuple(entry.name for entry in fields(Ipv4Conf))
# Two names of one value.
_SAME_VALUE: Final = {
    "base_reachable_time": "base_reachable_time_ms",
    "retrans_time": "retrans_time_ms",
    "unres_qlen": "unres_qlen_bytes",
}


class Confs:
    """net.ipv4.conf and net.ipv4.neigh: `all`, `default`, and one set a device.

    A device follows `default` in what was never written for itself, until it is given an address. What was
    written to `default` before the device came counts as written for itself.
    """

    def __init__(
        self, sysctls: Sysctls, devices: DeviceTable, rng: Rng, neigh_default: NeighParms | None = None
    ) -> None:
        self.all = Ipv4Conf(accept_source_route=0)
        self.default = Ipv4Conf()
        self.ipv4 = Ipv4Sysctl()
        # Only the first namespace shows what neighbours of all begin with. Linux: neigh_sysctl_register()
        self._shows_neigh_default = neigh_default is None
        self.neigh_default = NeighParms() if neigh_default is None else neigh_default
        self.on_change: Callable[[], None] = _nothing  # something that may decide about packets
        self._devices: dict[Link, Ipv4Conf] = {}
        self._neigh: dict[Link, NeighParms] = {}
        self._names: dict[Link, str] = {}
        self._own: dict[Link, set[str]] = {}  # which values of a device do not follow `default`
        self._own_by_default: set[str] = set()
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

    def settle(self, dev: Link) -> None:
        """The device has an address, so it keeps what it has. Linux: ipv4_devconf_setall()"""
        self._own[dev].update(_CONF_NAMES, SYSCTL_NAMES)
        for kind in ("conf", "neigh"):
            self._sysctls.settle(("net", "ipv4", kind, dev.name))

    def _bind_globals(self) -> None:
        for entry in fields(Ipv4Sysctl):
            low, high = _RANGES.get(entry.name, (-(1 << 31), (1 << 31) - 1))
            knob = Knob(self.ipv4, entry.name, low, high, on_change=self._tell)
            if entry.name == "fib_multipath_hash_policy":
                knob.parse = _hash_policy
            self._sysctls.bind(("net", "ipv4", entry.name), knob)
        self._bind(("net", "ipv4", "ip_forward"), self.all, "forwarding", on_change=self._set_all_forwarding)
        for name in _CONF_NAMES:
            for_all = self._set_all_forwarding if name == "forwarding" else None
            hand_down = partial(self._hand_down, name) if name != "forwarding" else None
            self._bind(_conf_path("all", name), self.all, name, on_change=for_all)
            self._bind(_conf_path("default", name), self.default, name, on_write=hand_down)
        for name in SYSCTL_NAMES if self._shows_neigh_default else ():
            hand_down = partial(self._hand_down_neigh, name)
            self._bind(_neigh_path("default", name), self.neigh_default, name, on_write=hand_down, low=0)

    def _bind(
        self,
        path: tuple[str, ...],
        owner: Ipv4Conf | NeighParms,
        name: str,
        *,
        low: int = INT_MIN,
        on_write: Callable[[], None] | None = None,
        on_change: Callable[[], None] | None = None,
    ) -> None:
        knob = Knob(owner, name, low=low, on_write=on_write, on_change=on_change or self._tell)
        self._sysctls.bind(path, knob)

    def _bind_device(self, dev: Link) -> None:
        for name in _CONF_NAMES:
            keep = partial(self._own[dev].add, name)
            self._bind(_conf_path(dev.name, name), self._devices[dev], name, on_write=keep)
        for name in SYSCTL_NAMES:
            keep = partial(self._keep_neigh, dev, name)
            self._bind(_neigh_path(dev.name, name), self._neigh[dev], name, on_write=keep, low=0)

    def _set_all_forwarding(self) -> None:
        """One switch for all devices, present and to come. Linux: net/ipv4/devinet.c inet_forward_change()"""
        self.all.accept_redirects = int(not self.all.forwarding)
        self.default.forwarding = self.all.forwarding
        for conf in self._devices.values():
            conf.forwarding = self.all.forwarding
        self._tell()

    def _hand_down(self, name: str) -> None:
        """Linux: net/ipv4/devinet.c devinet_copy_dflt_conf()"""
        self._own_by_default.add(name)
        for dev, conf in self._devices.items():
            if name not in self._own[dev]:
                setattr(conf, name, getattr(self.default, name))

    def _hand_down_neigh(self, name: str) -> None:
        """Linux: net/core/neighbour.c neigh_copy_dflt_parms()"""
        value = _SAME_VALUE.get(name, name)
        self._own_by_default.add(value)
        self._redraw(value, self.neigh_default)
        for dev, parms in self._neigh.items():
            if value not in self._own[dev]:
                setattr(parms, value, getattr(self.neigh_default, value))

    def _keep_neigh(self, dev: Link, name: str) -> None:
        value = _SAME_VALUE.get(name, name)
        self._own[dev].add(value)
        self._redraw(value, self._neigh[dev])

    def _redraw(self, value: str, parms: NeighParms) -> None:
        """Linux: net/core/neighbour.c neigh_proc_base_reachable_time()"""
        if value == "base_reachable_time_ms":
            parms.draw_reachable_time(self._rng)

    def _tell(self) -> None:
        self.on_change()

    def _on_link_event(self, event: LinkEvent, dev: Link) -> None:
        if event is LinkEvent.REGISTER:
            self._devices[dev] = replace(self.default)
            self._names[dev] = dev.name
            self._own[dev] = set(self._own_by_default)
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
        del self._devices[dev], self._neigh[dev], self._names[dev], self._own[dev]
        for kind in ("conf", "neigh"):
            self._sysctls.unbind(("net", "ipv4", kind, dev.name))


def _conf_path(dev: str, name: str) -> tuple[str, ...]:
    return ("net", "ipv4", "conf", dev, name)


def _neigh_path(dev: str, name: str) -> tuple[str, ...]:
    return ("net", "ipv4", "neigh", dev, name)


def _nothing() -> None:
    pass
