"""What was learned of single destinations: how it is written, and `ip route show cache`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from pystack.applets.iproute.options import Options
from pystack.applets.iproute.printer import Printer
from pystack.applets.iproute.route_filter import RouteFilter
from pystack.applets.iproute.route_metrics import print_metrics
from pystack.applets.iproute.route_print import HOST_LENGTH, print_way
from pystack.l3.exceptions import RouteException, RouteExceptions
from pystack.l3.fib_types import RTNH_F_DEAD, FibInfo, FibRoute, Nexthop
from pystack.l3.metrics import LOCK, bit
from pystack.l3.route import RTCF_BROADCAST, RTCF_DOREDIRECT, RTCF_LOCAL, RTCF_MULTICAST, RTCF_REDIRECTED

_FLAGS: Final = (
    (RTCF_LOCAL, "local"),
    (RTCF_MULTICAST, "mc"),
    (RTCF_BROADCAST, "brd"),
    (RTCF_REDIRECTED, "redirected"),
    (RTCF_DOREDIRECT, "redirect"),
)
_RTPROT_UNSPEC: Final = 0


def print_cache(
    printer: Printer,
    flags: int,
    learned: RouteException | None,
    metrics: Mapping[str, int],
    *,
    notify: bool = False,
    users: int = 0,
) -> None:
    """Linux: iproute2 ip/iproute.c print_cache_flags(), print_rta_cacheinfo()"""
    words = [word for flag, word in _FLAGS if flags & flag]
    words += ["notify"] if notify else []
    shown = f"<{','.join(words)}> " if words else ""
    printer.words("cache", words, joined=f"{printer.separator}    cache {shown}")
    metrics = dict(metrics)
    if learned is not None and learned.seconds_left:
        printer.put("expires", learned.seconds_left, f"expires {learned.seconds_left}sec ")
        metrics["mtu"] = learned.live_pmtu or metrics.get("mtu", 0)
        if learned.locked:
            metrics[LOCK] = metrics.get(LOCK, 0) | bit("mtu")
        metrics = {name: value for name, value in metrics.items() if value}
    if users:
        printer.put("users", users, f"users {users} ")
    print_metrics(printer, metrics)


def show_cache(
    printer: Printer,
    options: Options,
    routes: Iterable[FibRoute],
    exceptions: RouteExceptions,
    found: RouteFilter,
) -> None:
    """What was learned behind these routes.

    Linux differs: it lists them by a random hash, and with `-s` tells the time since each was last used.
    """
    for way, learned in _ways(routes, exceptions):
        if not found.takes(way):
            continue
        printer.open_object()
        print_way(printer, options, way, found)
        printer.words("flags", [], joined="")
        flags = RTCF_REDIRECTED if learned.gateway else 0
        print_cache(printer, flags, learned, way.info.metrics, users=1 if options.stats else 0)
        printer.text("\n")
        printer.close_object()


def _ways(
    routes: Iterable[FibRoute], exceptions: RouteExceptions
) -> Iterator[tuple[FibRoute, RouteException]]:
    """Each as if it were a route of its own. Linux: net/ipv4/route.c fib_dump_info_fnhe()"""
    followed = exceptions.followed()
    for route in routes:
        for hop in route.info.nexthops:
            for daddr, learned in followed.get(hop, ()) if not hop.flags & RTNH_F_DEAD else ():
                way = FibInfo(
                    route.info.type,
                    (Nexthop(hop.dev, learned.gateway or hop.gateway),),
                    protocol=_RTPROT_UNSPEC,
                    metrics=route.info.metrics,
                )
                yield FibRoute(route.table, daddr, HOST_LENGTH, way), learned
