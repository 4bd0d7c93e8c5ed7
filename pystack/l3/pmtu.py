"""The MTU of a way, learned from routers that could not pass a packet on whole (RFC 1191)."""

from __future__ import annotations

from pystack.l3.exceptions import RouteExceptions, RouteSysctl
from pystack.l3.fib import Fib
from pystack.l3.fib_types import FibResult, Flow
from pystack.l3.route import Router, Rtable


class PathMtu:
    """Linux: net/ipv4/route.c __ip_rt_update_pmtu()"""

    def __init__(self, *, exceptions: RouteExceptions, sysctl: RouteSysctl, fib: Fib, router: Router) -> None:
        self._exceptions = exceptions
        self._sysctl = sysctl
        self._fib = fib
        self._router = router

    def heed(self, flow: Flow, mtu: int) -> None:
        """Believe that what `flow` describes must not be longer than this."""
        asked = flow.without_ports()
        route = self._router.route_output(asked)
        if not isinstance(route, Rtable) or route.is_mtu_locked or route.mtu < mtu:
            return
        locked = mtu < self._sysctl.min_pmtu
        if locked:
            mtu = min(route.mtu, self._sysctl.min_pmtu)
        lasts = self._sysctl.mtu_expires
        known = route.exception
        if known is not None and known.pmtu == mtu and not locked and known.seconds_left > lasts // 2:
            return
        found = self._fib.lookup(asked)
        if not isinstance(found, FibResult):
            return
        every_way = len(found.info.nexthops) > 1
        for nexthop in found.info.nexthops if every_way else (found.nexthop,):
            self._exceptions.note(nexthop, asked.daddr, lasts, pmtu=mtu, locked=locked)
        self._fib.changed()
