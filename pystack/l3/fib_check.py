"""May this route be, and by which device does it lead? Asked of every route before it is added."""

from __future__ import annotations

from typing import Final, Protocol

from pystack.device import IFF_UP
from pystack.errors import EINVAL, ENETDOWN, ENODEV, NetError
from pystack.l3.addresses import RT_SCOPE_HOST, RT_SCOPE_LINK, RT_SCOPE_NOWHERE, RT_SCOPE_UNIVERSE
from pystack.l3.fib_types import (
    RT_TABLE_LOCAL,
    RT_TABLE_MAIN,
    RTN_ANYCAST,
    RTN_BROADCAST,
    RTN_LOCAL,
    RTN_NAT,
    RTN_UNICAST,
    RTN_XRESOLVE,
    RTNH_F_LINKDOWN,
    RTNH_F_ONLINK,
    TYPE_ERRORS,
    FibInfo,
    FibResult,
    FibRoute,
    Flow,
    Nexthop,
)

# How wide the scope of a route of a type may be at most. Linux: net/ipv4/fib_semantics.c fib_props
_WIDEST_SCOPE: Final = {
    RTN_LOCAL: RT_SCOPE_HOST,
    RTN_BROADCAST: RT_SCOPE_LINK,
    RTN_ANYCAST: RT_SCOPE_LINK,
    RTN_NAT: RT_SCOPE_NOWHERE,
    RTN_XRESOLVE: RT_SCOPE_NOWHERE,
}


class Tables(Protocol):
    """What of the tables the answer hangs on."""

    def lookup(self, flow: Flow, *, ignore_linkstate: bool = False) -> FibResult | int:
        """By the rules."""

    def lookup_in(self, number: int, flow: Flow, *, ignore_linkstate: bool = False) -> FibResult | int | None:
        """In one table; None if it holds nothing, or is not there."""

    def address_type(self, address: int, table: int = RT_TABLE_LOCAL) -> int:
        """What kind of address this is to us."""


def check_route(route: FibRoute, tables: Tables) -> None:
    """Work out what the user left open. Raises NetError.

    Linux: net/ipv4/fib_semantics.c fib_create_info()
    """
    info = route.info
    if info.scope < _WIDEST_SCOPE.get(info.type, RT_SCOPE_UNIVERSE):
        raise NetError(EINVAL, "Invalid scope")
    if info.type in TYPE_ERRORS:
        if info.nexthops and info.object is None:
            text = "Gateway, device and multipath can not be specified for this route type"
            raise NetError(EINVAL, text)
        return
    if info.scope > RT_SCOPE_HOST:
        raise NetError(EINVAL, "Invalid scope")
    if info.object is not None:
        info.object.check_scope(info.scope)
    elif info.scope == RT_SCOPE_HOST:
        _check_host_route(info)
    else:
        _check_nexthops(info, route.table, tables)
    if info.prefsrc and not _is_usable_source(route, tables):
        raise NetError(EINVAL, "Invalid prefsrc address")


def _check_host_route(info: FibInfo) -> None:
    if len(info.nexthops) > 1:
        raise NetError(EINVAL, "Route with host scope can not have multiple nexthops")
    if not info.nexthops:
        raise NetError(ENODEV)
    hop = info.nexthops[0]
    if hop.gateway:
        raise NetError(EINVAL, "Route with host scope can not have a gateway")
    if hop.dev is None:
        raise NetError(ENODEV)
    hop.scope = RT_SCOPE_NOWHERE


def _check_nexthops(info: FibInfo, table: int, tables: Tables) -> None:
    if not info.nexthops:
        _refuse_onlink(info.flags)
        raise NetError(ENODEV)
    for hop in info.nexthops:
        check_nexthop(hop, info.scope, table, tables)
    if all(hop.flags & RTNH_F_LINKDOWN for hop in info.nexthops):
        info.flags |= RTNH_F_LINKDOWN


def check_nexthop(hop: Nexthop, scope: int, table: int, tables: Tables) -> None:
    """Work out its device and how far away it is. Linux: net/ipv4/fib_semantics.c fib_check_nh()"""
    if hop.gateway:
        _check_gateway(hop, scope, table, tables)
    else:
        _check_on_link(hop)
    if hop.dev is not None and not hop.dev.carrier:
        hop.flags |= RTNH_F_LINKDOWN


def _check_on_link(hop: Nexthop) -> None:
    """Linux: net/ipv4/fib_semantics.c fib_check_nh_nongw()"""
    _refuse_onlink(hop.flags)
    if hop.dev is None:
        raise NetError(ENODEV)
    if not hop.dev.flags & IFF_UP:
        raise NetError(ENETDOWN, "Device for nexthop is not up")
    hop.scope = RT_SCOPE_HOST


def _refuse_onlink(flags: int) -> None:
    if flags & RTNH_F_ONLINK:
        raise NetError(EINVAL, "Invalid flags for nexthop - PERVASIVE and ONLINK can not be set")


def _check_gateway(hop: Nexthop, scope: int, table: int, tables: Tables) -> None:
    """Linux: net/ipv4/fib_semantics.c fib_check_nh_v4_gw()"""
    if hop.flags & RTNH_F_ONLINK:
        return _check_onlink_gateway(hop, scope, tables)
    oif = 0 if hop.dev is None else hop.dev.ifindex
    found = _find_gateway(Flow(hop.gateway, oif=oif, scope=max(scope + 1, RT_SCOPE_LINK)), table, tables)
    if not isinstance(found, FibResult):
        raise NetError(found, "Nexthop has invalid gateway")
    if found.type not in (RTN_UNICAST, RTN_LOCAL):
        raise NetError(EINVAL, "Nexthop has invalid gateway")
    hop.scope = found.info.scope
    hop.dev = found.nexthop.dev
    if hop.dev is None or not hop.dev.flags & IFF_UP:
        raise NetError(ENETDOWN)


def _find_gateway(flow: Flow, table: int, tables: Tables) -> FibResult | int:
    """A route's own table is asked first, though no rule may name it."""
    in_own = table != RT_TABLE_MAIN
    found = tables.lookup_in(table, flow, ignore_linkstate=True) if in_own else None
    return found if isinstance(found, FibResult) else tables.lookup(flow, ignore_linkstate=True)


def _check_onlink_gateway(hop: Nexthop, scope: int, tables: Tables) -> None:
    if scope >= RT_SCOPE_LINK:
        raise NetError(EINVAL, "Nexthop has invalid scope")
    if hop.dev is None:
        raise NetError(ENODEV, "Nexthop device required for onlink")
    if not hop.dev.flags & IFF_UP:
        raise NetError(ENETDOWN, "Nexthop device is not up")
    if tables.address_type(hop.gateway) != RTN_UNICAST:
        raise NetError(EINVAL, "Nexthop has invalid gateway")
    hop.scope = RT_SCOPE_LINK


def _is_usable_source(route: FibRoute, tables: Tables) -> bool:
    """Linux: net/ipv4/fib_semantics.c fib_valid_prefsrc()"""
    source = route.info.prefsrc
    if route.info.type == RTN_LOCAL and route.prefix == source and source:
        return True
    if tables.address_type(source) == RTN_LOCAL:
        return True
    return route.table != RT_TABLE_MAIN and tables.address_type(source, route.table) == RTN_LOCAL
