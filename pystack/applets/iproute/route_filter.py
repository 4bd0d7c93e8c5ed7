"""Which routes a user selects, and what of them is not repeated on every line."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeGuard

from pystack.applets.iproute.numbers import Prefix
from pystack.l2.devices import Link
from pystack.l3.fib_types import RT_TABLE_MAIN, FibInfo, FibRoute, Nexthop


@dataclass(slots=True)
class RouteFilter:
    """Linux: iproute2 ip/iproute.c filter"""

    table: int = RT_TABLE_MAIN  # 0: all
    cached: bool = False
    protocol: int | None = None
    scope: int | None = None
    type: int | None = None
    tos: int | None = None
    dev: Link | None = None
    iif: str = ""
    mark: int = 0
    metric: int | None = None
    via: Prefix | None = None
    source: Prefix | None = None
    root: Prefix | None = None  # no shorter than this, and within
    match: Prefix | None = None  # no longer than this, and around
    from_root: Prefix | None = None  # routes of IPv4 are for packets from anywhere

    @property
    def asks_the_impossible(self) -> bool:
        """Whether nothing that is listed has what is asked for."""
        from_somewhere = self.from_root is not None and self.from_root.length
        return bool(self.iif or self.mark or from_somewhere)

    def takes(self, route: FibRoute) -> bool:
        """Linux: iproute2 ip/iproute.c filter_nlmsg()"""
        info = route.info
        numbers = (
            (self.protocol, info.protocol),
            (self.scope, info.scope),
            (self.type, info.told_type),
            (self.tos, route.tos),
            (self.metric, info.priority),
        )
        if any(wanted is not None and wanted != actual for wanted, actual in numbers):
            return False
        hop = sole_nexthop(info)
        if self.dev is not None and (hop is None or hop.dev is not self.dev):
            return False
        if _is_set(self.via) and not self.via.holds(hop.gateway if hop is not None else 0):
            return False
        if _is_set(self.source) and not self.source.holds(info.prefsrc):
            return False
        return self._takes_destination(route)

    def _takes_destination(self, route: FibRoute) -> bool:
        root, match = self.root, self.match
        if _is_set(root) and (root.length > route.prefixlen or not root.holds(route.prefix)):
            return False
        if not _is_set(match):
            return True
        around = Prefix(match.address, route.prefixlen)
        return match.length >= route.prefixlen and around.holds(route.prefix)


def _is_set(wanted: Prefix | None) -> TypeGuard[Prefix]:
    """`any` asks for nothing; `default` asks for the route of no length."""
    return wanted is not None and (wanted.length_given or not wanted.is_any)


def sole_nexthop(info: FibInfo) -> Nexthop | None:
    """The one that is told on the route's own line; several have lines of their own."""
    return info.nexthops[0] if len(info.nexthops) == 1 else None
