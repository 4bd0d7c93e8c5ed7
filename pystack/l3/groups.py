"""The multicast groups that this host is in, device by device, as /proc/net/igmp lists them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pystack.device import IFF_LOOPBACK
from pystack.errors import EINVAL, ENOENT, NetError
from pystack.l2.devices import DeviceTable, Link, LinkEvent
from pystack.l2.vlan_device import vlans_of
from pystack.timers import Timer
from pystack.wire.igmp import ALL_HOSTS

_GROUP_OCTETS: Final = b"\x01\x00\x5e"
_VLAN_REGISTRATION: Final = bytes.fromhex("0180c2000021")  # of GVRP and MVRP


class Membership:
    """One group on one device. Linux: include/linux/igmp.h struct ip_mc_list"""

    __slots__ = ("changes", "dev", "group", "is_reporter", "reports", "timer", "users")

    def __init__(self, dev: Link, group: int) -> None:
        self.dev = dev
        self.group = group
        self.users = 1
        self.changes = 0  # how often it is still to be told that we joined (version 3)
        self.reports = 0  # the same in versions 1 and 2
        self.is_reporter = False  # we were the last to answer for this group
        self.timer: Timer | None = None

    def stop(self) -> None:
        """Somebody else answered, or nobody asks any more. Linux: net/ipv4/igmp.c igmp_stop_timer()"""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        self.is_reporter = False
        self.reports = 0


@dataclass(slots=True)
class LinkGroup:
    """An address to which frames of groups are sent. Linux: struct netdev_hw_addr"""

    address: bytes
    users: int = 0
    static: bool = False  # one of the users is `ip maddr add`, or `bridge fdb add … self`


class Groups:
    """Linux: net/ipv4/igmp.c, struct in_device, its mc_list"""

    def __init__(self, devices: DeviceTable) -> None:
        self._by_dev: dict[Link, dict[int, Membership]] = {}
        self.on_join: Callable[[Membership], None] = _nobody_asks  # who tells the routers
        self.on_leave: Callable[[Membership], None] = _nobody_asks
        devices.listen(self._on_link_event)

    def of(self, dev: Link) -> list[Membership]:
        """The device's groups, the newest first."""
        return list(reversed(self._by_dev.get(dev, {}).values()))

    def find(self, dev: Link, group: int) -> Membership | None:
        """The membership, if there is one."""
        return self._by_dev.get(dev, {}).get(group)

    def join(self, dev: Link, group: int) -> None:
        """One more wants the group. Linux: net/ipv4/igmp.c ip_mc_inc_group()"""
        known = self.find(dev, group)
        if known is not None:
            known.users += 1
            return
        membership = self._by_dev.setdefault(dev, {})[group] = Membership(dev, group)
        self.on_join(membership)

    def leave(self, dev: Link, group: int) -> None:
        """One less. Linux: net/ipv4/igmp.c ip_mc_dec_group()"""
        known = self.find(dev, group)
        if known is None:
            return
        known.users -= 1
        if not known.users:
            del self._by_dev[dev][group]
            self.on_leave(known)

    # -- on the link ---------------------------------------------------------------------------------------

    def link_groups(self, dev: Link) -> list[LinkGroup]:
        """What /proc/net/dev_mcast lists, less the groups that only the kernel joins by itself."""
        found: dict[bytes, LinkGroup] = {}
        if dev.vlans:  # Linux: net/8021q/vlan.c register_vlan_dev(), once for GVRP and once for MVRP
            found[_VLAN_REGISTRATION] = LinkGroup(_VLAN_REGISTRATION, users=2)
        joined = [] if dev.flags & IFF_LOOPBACK else reversed(self.of(dev))
        for address in (link_address(membership.group) for membership in joined):
            found.setdefault(address, LinkGroup(address)).users += 1
        for address, users in dev.multicast_addresses.items():
            known = found.setdefault(address, LinkGroup(address))
            known.users += users
            known.static = True
        for vlan in vlans_of(dev):
            for heard in self.link_groups(vlan) if vlan.up else ():
                known = found.setdefault(heard.address, LinkGroup(heard.address))
                known.users += 1
        return list(found.values())

    def add_static(self, dev: Link, address: bytes) -> None:
        """`ip maddr add`; once more is no more. Linux: net/core/dev_addr_lists.c dev_mc_add_global()"""
        if dev.flags & IFF_LOOPBACK:
            raise NetError(EINVAL)
        dev.multicast_addresses.setdefault(address, 1)

    def delete_static(self, dev: Link, address: bytes) -> None:
        """Linux: net/core/dev_addr_lists.c dev_mc_del_global()"""
        if dev.multicast_addresses.pop(address, None) is None:
            raise NetError(ENOENT)

    def is_member(self, dev: Link, group: int) -> bool:
        """Linux: net/ipv4/igmp.c ip_check_mc_rcu()"""
        return group in self._by_dev.get(dev, ())

    def _on_link_event(self, event: LinkEvent, dev: Link) -> None:
        if event is LinkEvent.UP:
            self.join(dev, ALL_HOSTS)
            for membership in self.of(dev):
                self.on_join(membership)
        elif event is LinkEvent.DOWN:
            self.leave(dev, ALL_HOSTS)
            for membership in self.of(dev):
                membership.stop()
        elif event is LinkEvent.UNREGISTER:
            for membership in self._by_dev.pop(dev, {}).values():
                membership.stop()


def link_address(group: int) -> bytes:
    """The frames of a group are sent there. Linux: include/net/ip.h ip_eth_mc_map()"""
    return _GROUP_OCTETS + (group & 0x7FFFFF).to_bytes(3, "big")


def _nobody_asks(membership: Membership) -> None:
    pass
