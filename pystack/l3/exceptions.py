"""What was learned about single destinations behind a next hop: a smaller MTU on the way, a better gateway.

A learned MTU is void after net.ipv4.route.mtu_expires, a redirect after five minutes. It belongs to the next
hop of the route that it was learned over, so a route that is replaced forgets it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pystack.clock import Clock
from pystack.l2.devices import Link
from pystack.l3.fib_types import Nexthop

_MOST: Final = 10_240  # Linux: FNHE_HASH_SIZE * FNHE_RECLAIM_DEPTH, though that a next hop


@dataclass(slots=True)
class RouteSysctl:
    """net.ipv4.route, as every namespace has it"""

    min_pmtu: int = 552
    mtu_expires: int = 600  # seconds


class RouteException:
    """Linux: include/net/ip_fib.h struct fib_nh_exception"""

    __slots__ = ("clock", "device_mtu", "expires", "gateway", "is_followed", "locked", "pmtu")

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.device_mtu = 0  # when this was learned, or since it changed
        self.forget()

    def forget(self) -> None:
        """Know nothing; as such it stays, for as long as the next hop is there."""
        self.gateway = 0  # 0: the route's own
        self.pmtu = 0  # 0: the route's own
        self.locked = False  # it was said to be below min_pmtu, so we took that and set no DF
        self.expires = 0.0  # 0: never
        self.is_followed = False  # some decision went by it

    def fit(self, mtu: int) -> None:
        """No way is wider than the device; one that was as wide may still be.

        Linux: net/ipv4/route.c fnhe_update_pmtu()
        """
        was_as_wide = 0 < self.pmtu == self.device_mtu and not self.locked
        if mtu < self.pmtu or was_as_wide or (self.locked and mtu == self.pmtu):
            self.pmtu, self.locked = mtu, False
        self.device_mtu = mtu

    @property
    def is_void(self) -> bool:
        """Whether it is too old."""
        return bool(self.expires) and self.clock.now > self.expires

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
        self.known: dict[tuple[Nexthop, int], RouteException] = {}  # each may be too old

    def __len__(self) -> int:
        return len(self.known)

    def find(self, nexthop: Nexthop, daddr: int) -> RouteException | None:
        """What is known of a destination behind this hop."""
        if not self.known:
            return None
        known = self.known.get((nexthop, daddr))
        if known is None:
            return None
        if known.is_void:
            del self.known[nexthop, daddr]
            return None
        known.is_followed = True
        return known

    def followed(self) -> dict[Nexthop, list[tuple[int, RouteException]]]:
        """What decisions went by, and their destinations. Linux: net/ipv4/route.c fnhe_dump_bucket()"""
        by_nexthop: dict[Nexthop, list[tuple[int, RouteException]]] = {}
        for (nexthop, daddr), known in self.known.items():
            if known.is_followed and not known.is_void:
                by_nexthop.setdefault(nexthop, []).append((daddr, known))
        return by_nexthop

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
        known = self.known.pop(key, None) or RouteException(self._clock)
        known.gateway = gateway or known.gateway
        if pmtu:
            known.pmtu, known.locked = pmtu, locked
            known.device_mtu = 0 if nexthop.dev is None else nexthop.dev.mtu
        known.expires = self._clock.now + lasts
        if len(self.known) >= _MOST:
            del self.known[next(iter(self.known))]
        self.known[key] = known

    def fit(self, dev: Link) -> None:
        """A device takes longer or shorter packets now. Linux: net/ipv4/fib_semantics.c fib_sync_mtu()"""
        for (nexthop, _), known in self.known.items():
            if nexthop.dev is dev:
                known.fit(dev.mtu)

    def flush(self) -> None:
        """Forget all. Linux: include/net/net_namespace.h fnhe_genid_bump()"""
        for known in self.known.values():
            known.forget()
