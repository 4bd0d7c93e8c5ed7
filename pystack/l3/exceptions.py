"""What was learned about single destinations behind a next hop: a smaller MTU on the way, a better gateway.

A learned MTU is void after net.ipv4.route.mtu_expires, a redirect after five minutes. It belongs to the next
hop of the route that it was learned over, so a route that is replaced forgets it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pystack.clock import Clock
from pystack.l3.fib_types import Nexthop

_MOST: Final = 10_240  # Linux: FNHE_HASH_SIZE * FNHE_RECLAIM_DEPTH, though that a next hop


@dataclass(slots=True)
class RouteSysctl:
    """net.ipv4.route, as every namespace has it"""

    min_pmtu: int = 552
    mtu_expires: int = 600  # seconds


class RouteException:
    """Linux: include/net/ip_fib.h struct fib_nh_exception"""

    __slots__ = ("clock", "expires", "gateway", "locked", "pmtu")

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.gateway = 0  # 0: the route's own
        self.pmtu = 0  # 0: the route's own
        self.locked = False  # it was said to be below min_pmtu, so we took that and set no DF
        self.expires = 0.0

    @property
    def live_pmtu(self) -> int:
        """The MTU that was learned, 0 if none was or it is too old."""
        return self.pmtu if self.clock.now < self.expires else 0

    @property
    def seconds_left(self) -> int:
        """What `ip route get` shows behind `expires`."""
        return max(0, int(self.expires - self.clock.now))


class RouteExceptions:
    """Linux: net/ipv4/route.c find_exception(), update_or_create_fnhe()"""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[tuple[Nexthop, int], RouteException] = {}

    def __len__(self) -> int:
        return len(self._known)

    def find(self, nexthop: Nexthop, daddr: int) -> RouteException | None:
        """What is known of a destination behind this hop."""
        if not self._known:
            return None
        known = self._known.get((nexthop, daddr))
        if known is not None and self._clock.now > known.expires:
            del self._known[nexthop, daddr]
            return None
        return known

    def note(
        self,
        nexthop: Nexthop,
        daddr: int,
        lasts: float,
        *,
        gateway: int = 0,
        pmtu: int = 0,
        locked: bool = False,
    ) -> None:
        """Learn something; what is not said stays as it was known."""
        key = (nexthop, daddr)
        known = self._known.pop(key, None) or RouteException(self._clock)
        known.gateway = gateway or known.gateway
        if pmtu:
            known.pmtu, known.locked = pmtu, locked
        known.expires = self._clock.now + lasts
        if len(self._known) >= _MOST:
            del self._known[next(iter(self._known))]
        self._known[key] = known

    def flush(self) -> None:
        """Forget all. Linux: fnhe_genid_bump()"""
        self._known.clear()
