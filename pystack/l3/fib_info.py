"""What routes share is kept once, and found again by the devices and addresses that it hangs on.

Linux: net/ipv4/fib_semantics.c fib_info_hash, fib_info_devhash, fib_info_laddrhash
"""

from __future__ import annotations

from collections.abc import Iterator

from pystack.device import IFF_UP
from pystack.l2.devices import Link
from pystack.l3.addresses import RT_SCOPE_NOWHERE
from pystack.l3.fib_trie import IgnoresLinkdown
from pystack.l3.fib_types import (
    RT_TABLE_MAIN,
    RTNH_F_DEAD,
    RTNH_F_DOWN,
    RTNH_F_LINKDOWN,
    FibInfo,
    NexthopObject,
)
from pystack.l3.multipath import rebalance


class FibInfos:
    """All that routes of a namespace share."""

    def __init__(self, ignores_linkdown: IgnoresLinkdown) -> None:
        self._ignores_linkdown = ignores_linkdown
        self._known: dict[tuple[object, ...], FibInfo] = {}
        self._keys: dict[FibInfo, tuple[object, ...]] = {}

    def __len__(self) -> int:
        return len(self._known)

    def is_of(self, info: FibInfo, table: int) -> bool:
        """Whether routes of that table share it already."""
        key = self._keys.get(info)
        return key is not None and key[0] == table

    def share(self, info: FibInfo, table: int) -> FibInfo:
        """The one that is the same, or this one. Linux: net/ipv4/fib_semantics.c fib_find_info()"""
        if self.is_of(info, table):
            return info
        key = (table, *info.key())
        known = self._known.setdefault(key, info)
        self._keys[known] = key
        return known

    def hold(self, info: FibInfo) -> None:
        """One more route uses it."""
        if not info.references:
            rebalance(info, self._ignores_linkdown)
        info.references += 1

    def release(self, info: FibInfo) -> None:
        """Linux: net/ipv4/fib_semantics.c fib_release_info()"""
        info.references -= 1
        if not info.references:
            del self._known[self._keys.pop(info)]

    def of_object(self, wanted: NexthopObject) -> list[FibInfo]:
        """What hangs on a nexthop object. Linux: struct nexthop, fi_list"""
        return [info for info in self._keys if info.object is wanted]

    # -- following devices and addresses ------------------------------------------------------------------

    def device_down(self, dev: Link, *, forever: bool, removed: bool = False) -> bool:
        """Hops over a device die; whether that left any route without one.

        Local addresses outlive a device that is only down. Linux: net/ipv4/fib_semantics.c
        fib_sync_down_dev()
        """
        spared = -1 if forever else RT_SCOPE_NOWHERE
        any_died = False
        for info in self._over(dev):
            self._mark(info, dev, RTNH_F_DOWN, spared)
            all_dead = all(hop.flags & RTNH_F_DEAD for hop in info.nexthops)
            if all_dead or (removed and any(hop.dev is dev for hop in info.nexthops)):
                info.flags |= RTNH_F_DOWN
                any_died = True
        return any_died

    def carrier_lost(self, dev: Link) -> None:
        """Linux: net/ipv4/fib_semantics.c fib_sync_down_dev() for NETDEV_CHANGE"""
        for info in self._over(dev):
            self._mark(info, dev, RTNH_F_LINKDOWN, RT_SCOPE_NOWHERE)
            lost = [hop for hop in info.nexthops if hop.dev is dev and hop.scope != RT_SCOPE_NOWHERE]
            # Hops over other devices that lost their carriers earlier are not counted, nor by Linux.
            if all(hop in lost or hop.flags & RTNH_F_DEAD for hop in info.nexthops):
                info.flags |= RTNH_F_LINKDOWN

    def _mark(self, info: FibInfo, dev: Link, flags: int, spared_scope: int) -> None:
        for hop in info.nexthops:
            if hop.dev is dev and not hop.flags & RTNH_F_DEAD and hop.scope != spared_scope:
                hop.flags |= flags
        rebalance(info, self._ignores_linkdown)

    def device_up(self, dev: Link, flags: int) -> None:
        """Hops that were marked with `flags` come back. Linux: net/ipv4/fib_semantics.c fib_sync_up()"""
        if not dev.flags & IFF_UP:
            return
        if flags & RTNH_F_DEAD and dev.carrier:
            flags |= RTNH_F_LINKDOWN
        for info in self._over(dev):
            alive = 0
            for hop in info.nexthops:
                if hop.dev is dev:
                    hop.flags &= ~flags
                alive += not hop.flags & flags
            if alive:
                info.flags &= ~flags
            rebalance(info, self._ignores_linkdown)

    def source_gone(self, address: int) -> bool:
        """Whether routes of main named an address that is no longer ours; they are dead now.

        Linux: net/ipv4/fib_semantics.c fib_sync_down_addr()
        """
        named = [
            info for info, key in self._keys.items() if info.prefsrc == address and key[0] == RT_TABLE_MAIN
        ]
        for info in named:
            info.flags |= RTNH_F_DEAD
        return bool(named)

    def _over(self, dev: Link) -> Iterator[FibInfo]:
        """What a nexthop object leads to, that object sees to itself."""
        own = (info for info in self._keys if info.object is None)
        return (info for info in own if any(hop.dev is dev for hop in info.nexthops))
