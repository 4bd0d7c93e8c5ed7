"""The routes that a user added, as the commands that add them again."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pystack.l3.addresses import RT_SCOPE_UNIVERSE
from pystack.l3.fib_types import (
    RT_TABLE_MAIN,
    RTN_ANYCAST,
    RTN_BROADCAST,
    RTN_LOCAL,
    RTN_MULTICAST,
    RTN_UNICAST,
    RTNH_F_ONLINK,
    RTPROT_BOOT,
    RTPROT_KERNEL,
    TYPE_NAMES,
    FibRoute,
)
from pystack.netns import Netns
from pystack.wire.ipv4 import address_text

# Of these `ip` says that the destination is near if there is no gateway.
_NEAR: Final = (RTN_UNICAST, RTN_LOCAL, RTN_BROADCAST, RTN_MULTICAST, RTN_ANYCAST)


def route_lines(netns: Netns) -> Iterator[str]:
    """Those that the kernel makes itself come with their addresses; the nearest first: gateways need them."""
    seen = set()
    fib = netns.ipv4.fib
    routes = [route for table in fib.tables.values() for route in table]
    for route in sorted(routes, key=lambda route: -route.info.scope):
        if route.info.protocol == RTPROT_KERNEL:
            continue
        place = (route.table, route.prefix, route.prefixlen, route.tos, route.info.priority)
        yield f"ip route {'append' if place in seen else 'add'} {' '.join(_words(route))}"
        seen.add(place)


def _words(route: FibRoute) -> Iterator[str]:
    info = route.info
    hop = info.nexthops[0] if info.nexthops else None
    if info.type != RTN_UNICAST:
        yield TYPE_NAMES[info.type]
    yield f"{address_text(route.prefix)}/{route.prefixlen}" if route.prefixlen else "default"
    if route.tos:
        yield f"tos {route.tos:#x}"
    if hop is not None and hop.gateway:
        yield f"via {address_text(hop.gateway)}"
    if hop is not None and hop.dev is not None:
        yield f"dev {hop.dev.name}"
    if route.table != RT_TABLE_MAIN:
        yield f"table {route.table}"
    if info.protocol != RTPROT_BOOT:
        yield f"proto {info.protocol}"
    has_gateway = hop is not None and hop.gateway
    if info.scope != RT_SCOPE_UNIVERSE or (not has_gateway and info.type in _NEAR):
        yield f"scope {info.scope}"
    if info.prefsrc:
        yield f"src {address_text(info.prefsrc)}"
    if info.priority:
        yield f"metric {info.priority}"
    if hop is not None and hop.flags & RTNH_F_ONLINK:
        yield "onlink"
    for name, value in info.metrics.items():
        yield f"{name} {value}"
