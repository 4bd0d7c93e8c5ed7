"""One routing table: longest prefix first, then TOS, then metric.

A dictionary a prefix length, probed from the longest that is in use: faster in Python than any tree.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pystack.device import NetDevice
from pystack.errors import EEXIST, ESRCH, NetError
from pystack.l3.fib_types import (
    RTNH_F_DEAD,
    RTNH_F_LINKDOWN,
    TYPE_ERRORS,
    FibInfo,
    FibResult,
    FibRoute,
    Flow,
)
from pystack.wire.ipv4 import netmask


class FibTable:
    """Linux: include/net/ip_fib.h struct fib_table"""

    def __init__(self, number: int) -> None:
        self.number = number
        self._by_length: dict[int, dict[int, list[FibRoute]]] = {}
        self._lengths: tuple[tuple[int, dict[int, list[FibRoute]]], ...] = ()  # (mask, routes), longest first

    def __iter__(self) -> Iterator[FibRoute]:
        """By destination, of equal ones the longest prefix first, as the kernel dumps its trie."""
        entries = [
            (prefix, length, routes)
            for length, by_prefix in self._by_length.items()
            for prefix, routes in by_prefix.items()
        ]
        for _, _, routes in sorted(entries, key=lambda entry: (entry[0], -entry[1])):
            yield from routes

    def __len__(self) -> int:
        return sum(len(routes) for by_prefix in self._by_length.values() for routes in by_prefix.values())

    def lookup(self, flow: Flow, *, ignore_linkdown: bool = False) -> FibResult | int | None:
        """A way, the errno of a route that forbids, or None. Linux: net/ipv4/fib_trie.c fib_table_lookup()"""
        for mask, by_prefix in self._lengths:
            routes = by_prefix.get(flow.daddr & mask)
            if routes is None:
                continue
            for route in routes:
                if (route.tos and route.tos != flow.tos) or route.info.flags & RTNH_F_DEAD:
                    continue
                if route.info.scope < flow.scope:
                    continue
                if route.info.type in TYPE_ERRORS:
                    return TYPE_ERRORS[route.info.type]
                for nexthop in route.info.nexthops:
                    if nexthop.flags & RTNH_F_DEAD or (ignore_linkdown and nexthop.flags & RTNH_F_LINKDOWN):
                        continue
                    if flow.oif and (nexthop.dev is None or nexthop.dev.ifindex != flow.oif):
                        continue
                    return FibResult(route, nexthop)
        return None

    def insert(self, route: FibRoute, *, exclusive: bool, append: bool, replace: bool) -> None:
        """Linux: net/ipv4/fib_trie.c fib_table_insert()"""
        routes = self._routes_at(route)
        rank = (-route.tos, route.info.priority)
        equals = [known for known in routes if (-known.tos, known.info.priority) == rank]
        if equals and exclusive:
            raise NetError(EEXIST)
        twin = next((known for known in equals if known.info.same_as(route.info)), None)
        if equals and replace and twin in (None, equals[0]):
            if twin is None:
                routes[routes.index(equals[0])] = route
            return
        if twin is not None:
            raise NetError(EEXIST)
        before = [known for known in routes if (-known.tos, known.info.priority) < rank]
        place = len(before) + (len(equals) if append else 0)
        routes.insert(place, route)

    def has_equal(self, route: FibRoute) -> bool:
        """Whether there is a route of the same destination, TOS and metric."""
        there = self._by_length.get(route.prefixlen, {}).get(route.prefix, [])
        rank = (route.tos, route.info.priority)
        return any((known.tos, known.info.priority) == rank for known in there)

    def delete(self, prefix: int, prefixlen: int, tos: int, wanted: FibMatch) -> FibRoute:
        """Linux: net/ipv4/fib_trie.c fib_table_delete()"""
        for route in self._by_length.get(prefixlen, {}).get(prefix, []):
            if route.tos == tos and wanted.matches(route.info):
                self.remove(route)
                return route
        raise NetError(ESRCH)

    def remove(self, route: FibRoute) -> None:
        """Take a route out."""
        by_prefix = self._by_length[route.prefixlen]
        routes = by_prefix[route.prefix]
        routes.remove(route)
        if not routes:
            del by_prefix[route.prefix]
        if not by_prefix:
            del self._by_length[route.prefixlen]
            self._sort_lengths()

    def _routes_at(self, route: FibRoute) -> list[FibRoute]:
        by_prefix = self._by_length.get(route.prefixlen)
        if by_prefix is None:
            by_prefix = self._by_length[route.prefixlen] = {}
            self._sort_lengths()
        return by_prefix.setdefault(route.prefix, [])

    def _sort_lengths(self) -> None:
        ordered = sorted(self._by_length.items(), reverse=True)
        self._lengths = tuple((netmask(length), by_prefix) for length, by_prefix in ordered)


class FibMatch:
    """What a user says of the route to delete; what is left out matches anything."""

    __slots__ = ("dev", "gateway", "metrics", "prefsrc", "priority", "protocol", "scope", "type")

    def __init__(
        self,
        *,
        type_: int | None = None,
        scope: int | None = None,
        protocol: int | None = None,
        prefsrc: int = 0,
        priority: int = 0,
        dev: NetDevice | None = None,
        gateway: int = 0,
        metrics: Mapping[str, int] | None = None,
    ) -> None:
        self.type = type_
        self.scope = scope
        self.protocol = protocol
        self.prefsrc = prefsrc
        self.priority = priority
        self.dev = dev
        self.gateway = gateway
        self.metrics = metrics or {}

    def matches(self, info: FibInfo) -> bool:
        """Linux: net/ipv4/fib_semantics.c fib_nh_match()"""
        if self.type is not None and info.type != self.type:
            return False
        if self.scope is not None and info.scope != self.scope:
            return False
        if self.protocol is not None and info.protocol != self.protocol:
            return False
        if self.prefsrc and info.prefsrc != self.prefsrc:
            return False
        if self.priority and info.priority != self.priority:
            return False
        if any(info.metrics.get(name, 0) != value for name, value in self.metrics.items()):
            return False
        if self.dev is None and not self.gateway:
            return True
        first = info.nexthops[0] if info.nexthops else None
        if first is None or (self.dev is not None and first.dev is not self.dev):
            return False
        return not self.gateway or first.gateway == self.gateway
