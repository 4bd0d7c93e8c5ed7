"""Next hops as objects of their own: routes name them by number, and follow when they change.

Linux differs: it keeps one ready-made way for an object, with the metrics of whichever route was asked first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Protocol

from pystack.device import IFF_UP
from pystack.errors import EEXIST, EINVAL, ENETDOWN, ENOENT, NetError
from pystack.l2.devices import DeviceTable, Link, LinkEvent
from pystack.l3.fib_check import Tables, check_nexthop
from pystack.l3.fib_info import FibInfos
from pystack.l3.fib_types import (
    LOOPBACK_IFINDEX,
    RT_TABLE_MAIN,
    RTNH_F_DEAD,
    RTNH_F_ONLINK,
    Nexthop,
    NexthopObject,
)
from pystack.l3.multipath import share_out


@dataclass(slots=True)
class NexthopWish:
    """What a user says of one. Linux: include/net/nexthop.h struct nh_config"""

    number: int = 0  # 0: any that is free
    dev: Link | None = None
    gateway: int = 0
    onlink: bool = False
    blackhole: bool = False
    group: list[tuple[int, int]] | None = None  # numbers of others, with their weights
    protocol: int = 0
    has_family: bool = False  # the first word that needs IPv4 was said


class RoutesOf(Tables, Protocol):
    """What of the routing tables objects hang on."""

    infos: FibInfos

    def choose_source(self, hop: Nexthop, scope: int) -> None:
        """With which address of ours to speak over it."""

    def flush_dead(self) -> None:
        """Take out the routes whose hops are gone."""

    def changed(self) -> None:
        """Make every cached route void."""


class NexthopObjects:
    """Linux: net->nexthop, net/ipv4/nexthop.c"""

    def __init__(self, routes: RoutesOf, devices: DeviceTable | None) -> None:
        self._routes = routes
        self._devices = devices
        self._known: dict[int, NexthopObject] = {}
        self._last_number = 0  # that was given by itself
        if devices is not None:
            devices.listen(self._on_link_event)

    def __iter__(self) -> Iterator[NexthopObject]:
        """By number."""
        return iter([self._known[number] for number in sorted(self._known)])

    def find(self, number: int) -> NexthopObject | None:
        """The one of that number."""
        return self._known.get(number)

    def named(self, number: int) -> NexthopObject:
        """The one that a route names; NetError if there is none."""
        found = self._known.get(number)
        if found is None:
            raise NetError(EINVAL, "Nexthop id does not exist")
        return found

    # -- changing ------------------------------------------------------------------------------------------

    def add(self, wish: NexthopWish, *, replace: bool) -> None:
        """Linux: net/ipv4/nexthop.c rtm_new_nexthop()"""
        self._check(wish)
        if replace and not wish.number:
            raise NetError(EINVAL, "Replace requires nexthop id")
        made = NexthopObject(wish.number or self._free_number(), wish.protocol)
        if wish.group is None:
            self._lead(made, wish)
        else:
            made.members = [(self._known[number], weight) for number, weight in wish.group]
        known = self._known.get(made.number)
        if known is None:
            self._known[made.number] = made
            for member, _ in made.members:
                member.groups.append(made)
            return _work_out(made)
        if not replace:
            raise NetError(EEXIST)
        self._check_replacement(known, made)
        known.become(made)
        self._refresh(known)
        self._routes.changed()

    def _refresh(self, changed: NexthopObject) -> None:
        """Itself, the routes that name it, and the groups that it is in."""
        _work_out(changed)
        for info in self._routes.infos.of_object(changed):
            info.follow()
        for group in changed.groups:
            self._refresh(group)

    def delete(self, number: int) -> None:
        """Linux: net/ipv4/nexthop.c rtm_del_nexthop()"""
        found = self._known.get(number)
        if found is None:
            raise NetError(ENOENT)
        self._remove(found)

    def _remove(self, gone: NexthopObject) -> None:
        """Its routes go along, and groups that have no others. Linux: net/ipv4/nexthop.c remove_nexthop()"""
        del self._known[gone.number]
        for info in self._routes.infos.of_object(gone):
            info.flags |= RTNH_F_DEAD
        self._routes.flush_dead()
        for member, _ in gone.members:
            member.groups.remove(gone)
        for group in list(gone.groups):
            group.members = [member for member in group.members if member[0] is not gone]
            if group.members:
                self._refresh(group)
            else:
                self._remove(group)
        self._routes.changed()

    def _free_number(self) -> int:
        """Linux: net/ipv4/nexthop.c nh_find_unused_id()"""
        self._last_number += 1
        while self._last_number in self._known:
            self._last_number += 1
        return self._last_number

    def _lead(self, made: NexthopObject, wish: NexthopWish) -> None:
        """Linux: net/ipv4/nexthop.c nexthop_create(), nh_create_ipv4()"""
        dev = wish.dev
        if wish.blackhole:
            made.is_blackhole = True
            dev = None if self._devices is None else self._devices.by_index(LOOPBACK_IFINDEX)
        hop = made.hop = Nexthop(dev, wish.gateway, flags=RTNH_F_ONLINK if wish.onlink else 0)
        check_nexthop(hop, 0, RT_TABLE_MAIN, self._routes)
        self._routes.choose_source(hop, max(hop.scope - 1, 0))

    # -- checking ------------------------------------------------------------------------------------------

    def _check(self, wish: NexthopWish) -> None:
        """Linux: net/ipv4/nexthop.c rtm_to_nh_config()"""
        if wish.group is None and not wish.has_family:
            raise NetError(EINVAL, "Invalid address family")
        if wish.group is not None:
            if wish.has_family:
                raise NetError(EINVAL, "Invalid family for group")
            return self._check_group(wish.group)
        if wish.blackhole:
            if wish.gateway or wish.dev is not None:
                text = "Blackhole attribute can not be used with gateway, oif, encap or fdb"
                raise NetError(EINVAL, text)
            return
        dev = wish.dev
        if dev is None:
            text = "Device attribute required for non-blackhole and non-fdb nexthops"
            raise NetError(EINVAL, text)
        if not dev.flags & IFF_UP:
            raise NetError(ENETDOWN, "Nexthop device is not up")
        if not dev.carrier:
            raise NetError(ENETDOWN, "Carrier for nexthop device is down")
        if wish.onlink and not wish.gateway:
            raise NetError(EINVAL, "ONLINK flag can not be set for nexthop without a gateway")

    def _check_group(self, group: list[tuple[int, int]]) -> None:
        """Linux: net/ipv4/nexthop.c nh_check_attr_group()"""
        numbers = [number for number, _ in group]
        if len(set(numbers)) < len(numbers):
            raise NetError(EINVAL, "Nexthop id can not be used twice in a group")
        for number in numbers:
            found = self._known.get(number)
            if found is None:
                raise NetError(EINVAL, "Invalid nexthop id")
            if found.is_group:
                raise NetError(EINVAL, "Hash-threshold group can not be a nexthop within a group")
            if found.is_blackhole and len(group) > 1:
                text = "Blackhole nexthop can not be used in a group with more than 1 path"
                raise NetError(EINVAL, text)

    def _check_replacement(self, known: NexthopObject, made: NexthopObject) -> None:
        """Linux: net/ipv4/nexthop.c replace_nexthop()"""
        for group in known.groups:
            if made.is_blackhole and len(group.members) > 1:
                text = "Blackhole nexthop can not be a member of a group with more than one path"
                raise NetError(EINVAL, text)
        for named in (known, *known.groups):
            for info in self._routes.infos.of_object(named):
                made.check_scope(info.scope)
        if known.is_group != made.is_group:
            text = "nexthop group with a nexthop" if known.is_group else "nexthop with a nexthop group"
            raise NetError(EINVAL, f"Can not replace a {text}.")

    # -- following devices ---------------------------------------------------------------------------------

    def _on_link_event(self, event: LinkEvent, dev: Link) -> None:
        """Linux: net/ipv4/nexthop.c nh_netdev_event()"""
        lost_carrier = event is LinkEvent.CHANGE and not dev.carrier
        if event not in (LinkEvent.DOWN, LinkEvent.UNREGISTER) and not lost_carrier:
            return
        for known in [known for known in self if known.hop.dev is dev]:
            if event is LinkEvent.UNREGISTER or not known.is_blackhole:
                self._remove(known)


def _work_out(changed: NexthopObject) -> None:
    """What routes see of it."""
    hops = tuple(_weighed(member.hop, weight) for member, weight in changed.members)
    changed.hops = hops or (changed.hop,)
    share_out(hops)


def _weighed(hop: Nexthop, weight: int) -> Nexthop:
    twin = Nexthop(hop.dev, hop.gateway, flags=hop.flags, weight=weight)
    twin.scope, twin.saddr, twin.saddr_generation = hop.scope, hop.saddr, hop.saddr_generation
    return twin
