"""The routing tables of a namespace and the rules that say in which order they are asked."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from pystack.device import IFF_UP
from pystack.errors import (
    EAGAIN,
    EINVAL,
    ENETDOWN,
    ENETUNREACH,
    ENODEV,
    ENOENT,
    ESRCH,
    NetError,
)
from pystack.l2.devices import Link
from pystack.l3.addresses import RT_SCOPE_HOST, RT_SCOPE_LINK, RT_SCOPE_NOWHERE, RT_SCOPE_UNIVERSE
from pystack.l3.fib_table import FibMatch, FibTable
from pystack.l3.fib_types import (
    RT_TABLE_DEFAULT,
    RT_TABLE_LOCAL,
    RT_TABLE_MAIN,
    RTN_BROADCAST,
    RTN_LOCAL,
    RTN_MULTICAST,
    RTN_UNICAST,
    RTNH_F_DEAD,
    RTNH_F_LINKDOWN,
    RTNH_F_ONLINK,
    TYPE_ERRORS,
    FibInfo,
    FibResult,
    FibRoute,
    Flow,
    Nexthop,
)
from pystack.wire.ipv4 import INADDR_BROADCAST, is_multicast, is_zeronet, netmask

# How wide the scope of a route of a type may be at most. Linux: net/ipv4/fib_semantics.c fib_props
_WIDEST_SCOPE: Final = {RTN_LOCAL: RT_SCOPE_HOST, RTN_BROADCAST: RT_SCOPE_LINK}


@dataclass(frozen=True, slots=True)
class FibRule:
    """Linux: include/net/fib_rules.h struct fib_rule"""

    priority: int
    table: int


class Fib:
    """Linux: net->ipv4.fib_table_hash and its rules"""

    def __init__(self) -> None:
        standard = (RT_TABLE_LOCAL, RT_TABLE_MAIN, RT_TABLE_DEFAULT)
        self.tables = {number: FibTable(number) for number in standard}
        self.rules = (
            FibRule(0, RT_TABLE_LOCAL),
            FibRule(32766, RT_TABLE_MAIN),
            FibRule(32767, RT_TABLE_DEFAULT),
        )
        self.generation = 0  # rises with every change; a route of an older one must be looked up anew
        self.listeners: list[Callable[[str, FibRoute], None]] = []

    def table(self, number: int) -> FibTable:
        """The table of that number, made if it is new."""
        return self.tables.setdefault(number, FibTable(number))

    def changed(self) -> None:
        """Make every cached route void. Linux: rt_cache_flush()"""
        self.generation += 1

    # -- asking --------------------------------------------------------------------------------------------

    def lookup(self, flow: Flow) -> FibResult | int:
        """A way, or an errno. Linux: include/net/ip_fib.h fib_lookup()"""
        for rule in self.rules:
            table = self.tables.get(rule.table)
            found = None if table is None else table.lookup(flow)
            if found is not None and found != EAGAIN:
                return found
        return ENETUNREACH

    def address_type(self, address: int) -> int:
        """What kind of address this is to us. Linux: net/ipv4/fib_frontend.c inet_addr_type_table()"""
        if is_zeronet(address) or address == INADDR_BROADCAST:
            return RTN_BROADCAST
        if is_multicast(address):
            return RTN_MULTICAST
        found = self.tables[RT_TABLE_LOCAL].lookup(Flow(address))
        return found.type if isinstance(found, FibResult) else RTN_UNICAST

    # -- changing ------------------------------------------------------------------------------------------

    def add(
        self,
        route: FibRoute,
        *,
        create: bool = True,
        exclusive: bool = True,
        append: bool = False,
        replace: bool = False,
    ) -> None:
        """Check and add a route. Linux: net/ipv4/fib_semantics.c fib_create_info(), fib_table_insert()"""
        if route.prefix & ~netmask(route.prefixlen):
            raise NetError(EINVAL, "Invalid prefix for given prefix length")
        table = self.table(route.table)
        self._check(route)
        if not create and not table.has_equal(route):
            raise NetError(ENOENT)
        table.insert(route, exclusive=exclusive, append=append, replace=replace)
        self._tell("new", route)

    def delete(self, table: int, prefix: int, prefixlen: int, wanted: FibMatch, tos: int = 0) -> None:
        """Remove the first route that fits. Linux: net/ipv4/fib_frontend.c inet_rtm_delroute()"""
        if prefix & ~netmask(prefixlen):
            raise NetError(EINVAL, "Invalid prefix for given prefix length")
        if table not in self.tables:
            raise NetError(ESRCH, "FIB table does not exist")
        self._tell("del", self.tables[table].delete(prefix, prefixlen, tos, wanted))

    def _tell(self, action: str, route: FibRoute) -> None:
        self.changed()
        for listener in self.listeners:
            listener(action, route)

    def _check(self, route: FibRoute) -> None:
        info = route.info
        if info.scope < _WIDEST_SCOPE.get(info.type, RT_SCOPE_UNIVERSE):
            raise NetError(EINVAL, "Invalid scope")
        if info.type in TYPE_ERRORS:
            if info.nexthops:
                text = "Gateway, device and multipath can not be specified for this route type"
                raise NetError(EINVAL, text)
            return
        if info.scope > RT_SCOPE_HOST:
            raise NetError(EINVAL, "Invalid scope")
        if not info.nexthops:
            self._check_flags(info.flags)
            raise NetError(ENODEV)
        for nexthop in info.nexthops:
            self._check_nexthop(info, nexthop, route.table)
        if info.prefsrc and not self._is_usable_source(route):
            raise NetError(EINVAL, "Invalid prefsrc address")

    def _is_usable_source(self, route: FibRoute) -> bool:
        """Linux: net/ipv4/fib_semantics.c fib_valid_prefsrc()"""
        info = route.info
        own = info.type == RTN_LOCAL and route.prefixlen == 32 and route.prefix == info.prefsrc
        return own or self.address_type(info.prefsrc) == RTN_LOCAL

    def _check_nexthop(self, info: FibInfo, nexthop: Nexthop, table: int) -> None:
        if info.scope == RT_SCOPE_HOST:
            self._check_host_nexthop(nexthop)
        elif nexthop.gateway:
            self._check_gateway(info, nexthop, table)
        else:
            self._check_on_link(nexthop)

    def _check_host_nexthop(self, nexthop: Nexthop) -> None:
        if nexthop.gateway:
            raise NetError(EINVAL, "Route with host scope can not have a gateway")
        if nexthop.dev is None:
            raise NetError(ENODEV)
        nexthop.scope = RT_SCOPE_NOWHERE

    def _check_on_link(self, nexthop: Nexthop) -> None:
        """Linux: net/ipv4/fib_semantics.c fib_check_nh_nongw()"""
        dev = nexthop.dev
        self._check_flags(nexthop.flags)
        if dev is None:
            raise NetError(ENODEV)
        if not dev.flags & IFF_UP:
            raise NetError(ENETDOWN, "Device for nexthop is not up")
        nexthop.scope = RT_SCOPE_HOST
        self._note_carrier(nexthop)

    def _check_flags(self, flags: int) -> None:
        if flags & RTNH_F_ONLINK:
            raise NetError(EINVAL, "Invalid flags for nexthop - PERVASIVE and ONLINK can not be set")

    def _check_gateway(self, info: FibInfo, nexthop: Nexthop, table: int) -> None:
        """Linux: net/ipv4/fib_semantics.c fib_check_nh_v4_gw()"""
        if nexthop.flags & RTNH_F_ONLINK:
            return self._check_onlink_gateway(info, nexthop)
        oif = 0 if nexthop.dev is None else nexthop.dev.ifindex
        scope = max(info.scope + 1, RT_SCOPE_LINK)
        found = self._find_gateway(Flow(nexthop.gateway, oif=oif, scope=scope), table)
        if not isinstance(found, FibResult):
            raise NetError(found, "Nexthop has invalid gateway")
        if found.type not in (RTN_UNICAST, RTN_LOCAL):
            raise NetError(EINVAL, "Nexthop has invalid gateway")
        nexthop.scope = found.info.scope
        nexthop.dev = found.nexthop.dev
        if nexthop.dev is None or not nexthop.dev.flags & IFF_UP:
            raise NetError(ENETDOWN)
        self._note_carrier(nexthop)

    def _find_gateway(self, flow: Flow, table: int) -> FibResult | int:
        """A route's own table is asked first, though no rule may name it."""
        own = self.tables.get(table) if table != RT_TABLE_MAIN else None
        found = None if own is None else own.lookup(flow)
        return found if isinstance(found, FibResult) else self.lookup(flow)

    def _check_onlink_gateway(self, info: FibInfo, nexthop: Nexthop) -> None:
        if info.scope >= RT_SCOPE_LINK:
            raise NetError(EINVAL, "Nexthop has invalid scope")
        if nexthop.dev is None:
            raise NetError(ENODEV, "Nexthop device required for onlink")
        if not nexthop.dev.flags & IFF_UP:
            raise NetError(ENETDOWN, "Nexthop device is not up")
        if self.address_type(nexthop.gateway) != RTN_UNICAST:
            raise NetError(EINVAL, "Nexthop has invalid gateway")
        nexthop.scope = RT_SCOPE_LINK
        self._note_carrier(nexthop)

    def _note_carrier(self, nexthop: Nexthop) -> None:
        if nexthop.dev is not None and not nexthop.dev.carrier:
            nexthop.flags |= RTNH_F_LINKDOWN

    # -- following the devices -----------------------------------------------------------------------------

    def device_down(self, dev: Link, *, forever: bool) -> None:
        """Routes over a device that went down are gone; its local addresses stay unless it left for ever.

        Linux: net/ipv4/fib_frontend.c fib_disable_ip()
        """
        for route in self._routes_over(dev):
            if forever or any(
                hop.dev is dev and hop.scope != RT_SCOPE_NOWHERE for hop in route.info.nexthops
            ):
                self._hop_dies(route, dev)
        self.changed()

    def _hop_dies(self, route: FibRoute, dev: Link) -> None:
        for hop in route.info.nexthops:
            if hop.dev is dev:
                hop.flags |= RTNH_F_DEAD | RTNH_F_LINKDOWN
        if all(hop.flags & RTNH_F_DEAD for hop in route.info.nexthops):
            self.tables[route.table].remove(route)
            self._tell("del", route)

    def carrier_changed(self, dev: Link) -> None:
        """Mark the next hops over a device.

        Linux: net/ipv4/fib_semantics.c fib_sync_up(), fib_sync_down_dev()
        """
        for route in self._routes_over(dev):
            for hop in route.info.nexthops:
                if hop.dev is dev and hop.scope != RT_SCOPE_NOWHERE:
                    hop.flags = hop.flags & ~RTNH_F_LINKDOWN if dev.carrier else hop.flags | RTNH_F_LINKDOWN
        self.changed()

    def device_up(self, dev: Link) -> None:
        """Next hops of multipath routes that survived come back.

        Linux: net/ipv4/fib_semantics.c fib_sync_up()
        """
        for route in self._routes_over(dev):
            for hop in route.info.nexthops:
                if hop.dev is dev:
                    hop.flags &= ~(RTNH_F_DEAD | (RTNH_F_LINKDOWN if dev.carrier else 0))
        self.changed()

    def source_gone(self, address: int) -> None:
        """Routes of main that name an address that is no longer ours die. Linux: fib_sync_down_addr()"""
        for route in [known for known in self.tables[RT_TABLE_MAIN] if known.info.prefsrc == address]:
            self.tables[RT_TABLE_MAIN].remove(route)
            self._tell("del", route)

    def _routes_over(self, dev: Link) -> list[FibRoute]:
        return [
            route
            for table in self.tables.values()
            for route in table
            if any(hop.dev is dev for hop in route.info.nexthops)
        ]
