"""The multicast groups that one socket joined (IP_ADD_MEMBERSHIP)."""

from __future__ import annotations

from pystack.errors import EADDRINUSE, EADDRNOTAVAIL, EINVAL, ENOBUFS, ENODEV, NetError
from pystack.l2.devices import Link
from pystack.l3.fib_types import Flow
from pystack.l3.route import Rtable
from pystack.sock.context import SocketContext
from pystack.wire.ipv4 import is_multicast


class Memberships:
    """Linux: struct inet_sock, its mc_list"""

    __slots__ = ("_context", "_joined")

    def __init__(self, context: SocketContext) -> None:
        self._context = context
        self._joined: dict[tuple[int, int], Link] = {}  # by group and ifindex

    def join(self, group: int, address: int = 0, ifindex: int = 0) -> None:
        """Join on a device: of that index, that holds that address, or by which the group is routed.

        Linux: net/ipv4/igmp.c __ip_mc_join_group()
        """
        if not is_multicast(group):
            raise NetError(EINVAL)
        dev = self._device_for(group, address, ifindex)
        if dev is None:
            raise NetError(ENODEV)
        if (group, dev.ifindex) in self._joined:
            raise NetError(EADDRINUSE)
        if len(self._joined) >= self._context.sysctl.igmp_max_memberships:
            raise NetError(ENOBUFS)
        self._joined[group, dev.ifindex] = dev
        self._context.groups.join(dev, group)

    def leave(self, group: int, address: int = 0, ifindex: int = 0) -> None:
        """Linux: net/ipv4/igmp.c ip_mc_leave_group()"""
        dev = self._device_for(group, address, ifindex)
        if dev is None:
            raise NetError(EADDRNOTAVAIL if ifindex or address else ENODEV)
        if self._joined.pop((group, dev.ifindex), None) is None:
            raise NetError(EADDRNOTAVAIL)
        self._context.groups.leave(dev, group)

    def leave_all(self) -> None:
        """Linux: net/ipv4/igmp.c ip_mc_drop_socket()"""
        for (group, _), dev in self._joined.items():
            self._context.groups.leave(dev, group)
        self._joined.clear()

    def has(self, group: int, ifindex: int) -> bool:
        """Whether the group was joined on that device."""
        return (group, ifindex) in self._joined

    def _device_for(self, group: int, address: int, ifindex: int) -> Link | None:
        """Linux: net/ipv4/igmp.c ip_mc_find_dev()"""
        context = self._context
        if ifindex:
            return context.devices.by_index(ifindex)
        if address:
            holder = context.addresses.holder(address)
            return None if holder is None else holder.dev
        route = context.router.route_output(Flow(group))
        return route.dev if isinstance(route, Rtable) else None
