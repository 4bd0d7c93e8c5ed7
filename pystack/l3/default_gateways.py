"""Several default routes of one metric: gateways that may answer are used in turn, the others tried last.

Linux calls it dead gateway detection; it looks at no more than the states of the gateways' neighbours.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from pystack.l2.devices import Link
from pystack.l2.nud import NUD_INCOMPLETE, NUD_REACHABLE, NUD_VALID
from pystack.l3.addresses import RT_SCOPE_LINK
from pystack.l3.fib import Fib
from pystack.l3.fib_trie import chain
from pystack.l3.fib_types import IPTOS_RT_MASK, RTN_UNICAST, RTNH_F_DEAD, FibResult, FibRoute, Flow

NeighbourState = Callable[[Link, int], int | None]  # None: there is no such neighbour

_NONE = -1


@dataclass(slots=True)
class _LastResort:
    """The best of the bad ones."""

    place: int = _NONE
    route: FibRoute | None = field(default=None)


class DefaultGateways:
    """Linux: net/ipv4/fib_semantics.c fib_select_default()"""

    def __init__(self, fib: Fib, state_of: NeighbourState) -> None:
        self._fib = fib
        self._state_of = state_of
        self._last: dict[FibRoute, int] = {}  # by the first route: which one was taken last time
        fib.listeners.append(self._on_route)

    def _on_route(self, action: str, route: FibRoute) -> None:
        self._last.pop(route, None)

    def choose(self, found: FibResult, flow: Flow) -> None:
        """Take another default route of the same table than the first, where that is better."""
        first = self._fib.tables[found.table].trie.at(0, 0)
        if found.type != RTN_UNICAST or found.route.prefixlen or first is None or first.behind is None:
            return
        candidates = list(self._candidates(first, found, flow))
        if len(candidates) < 2 or candidates[0] is not found.route:
            self._last.pop(found.route, None)
            return
        last, resort = self._last.get(found.route, _NONE), _LastResort()
        for place, route in enumerate(candidates):
            if not self._is_dead(route, place, last, resort):
                return self._take(found, route, place)
        if resort.route is not None:
            return self._take(found, resort.route, resort.place)
        self._last[found.route] = _NONE

    def _candidates(self, first: FibRoute, found: FibResult, flow: Flow) -> Iterator[FibRoute]:
        """Routes by a gateway on the link, of the first metric for each TOS that fits."""
        metric, tos = found.info.priority, 0
        for route in chain(first):
            if route.table != found.route.table or (route.tos and route.tos != flow.tos & IPTOS_RT_MASK):
                continue
            if route.info.priority > metric and route.tos == tos:
                if tos:
                    continue
                return
            if route.info.flags & RTNH_F_DEAD:
                continue
            metric, tos = route.info.priority, route.tos
            if route.info.scope != found.info.scope or route.info.type != RTN_UNICAST:
                continue
            hop = route.info.nexthops[0]
            if hop.gateway and hop.scope == RT_SCOPE_LINK:
                yield route

    def _is_dead(self, route: FibRoute, place: int, last: int, resort: _LastResort) -> bool:
        """Linux: net/ipv4/fib_semantics.c fib_detect_death()"""
        hop = route.info.nexthops[0]
        state = None if hop.dev is None else self._state_of(hop.dev, hop.gateway)
        if state is None or state == NUD_REACHABLE:
            return False
        if state & NUD_VALID:
            if place != last:
                return False
        elif resort.place >= 0 or place <= last or state == NUD_INCOMPLETE:
            return True
        resort.place, resort.route = place, route
        return True

    def _take(self, found: FibResult, route: FibRoute, place: int) -> None:
        self._last[found.route] = place
        found.route, found.info, found.nexthop = route, route.info, route.info.nexthops[0]
