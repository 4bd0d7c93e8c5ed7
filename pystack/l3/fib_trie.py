"""Routes by destination, of one table or of two that are kept together: longest prefix first, then TOS,
then metric.

A dictionary a prefix length, probed from the longest that is in use: faster in Python than any tree. Routes
of one prefix hang behind one another.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pystack.l2.devices import Link
from pystack.l3.fib_types import IPTOS_RT_MASK, RTNH_F_DEAD, RTNH_F_DOWN, FibRoute, Flow, Nexthop
from pystack.wire.ipv4 import netmask

IgnoresLinkdown = Callable[[Link], bool]


def never(dev: Link) -> bool:
    """A hop without carrier is as good as any: the sysctl's default."""
    return False


class FibTrie:
    """Linux: net/ipv4/fib_trie.c struct trie"""

    def __init__(self, ignores_linkdown: IgnoresLinkdown = never) -> None:
        self.ignores_linkdown = ignores_linkdown
        self._by_length: dict[int, dict[int, FibRoute]] = {}
        self._probes: tuple[tuple[int, dict[int, FibRoute]], ...] = ()  # (mask, routes), longest first

    def __iter__(self) -> Iterator[FibRoute]:
        """By destination, of equal ones the longest prefix first, as the kernel walks its trie."""
        firsts = [first for by_prefix in self._by_length.values() for first in by_prefix.values()]
        firsts.sort(key=lambda route: (route.prefix, -route.prefixlen))
        for first in firsts:
            yield from chain(first)

    def lookup(self, flow: Flow, *, ignore_linkstate: bool = False) -> tuple[FibRoute, Nexthop | None] | None:
        """The first route that fits, and its first hop that works; no hop where the route forbids.

        Linux: net/ipv4/fib_trie.c fib_table_lookup()
        """
        daddr, oif, scope, tos = flow.daddr, flow.oif, flow.scope, flow.tos & IPTOS_RT_MASK
        for mask, by_prefix in self._probes:
            prefix = daddr & mask
            if prefix not in by_prefix:
                continue
            route: FibRoute | None = by_prefix[prefix]
            while route is not None:
                info = route.info
                if info.scope >= scope and (not route.tos or route.tos == tos):
                    if info.error:
                        return route, None
                    if not info.flags & RTNH_F_DEAD:
                        for hop in info.nexthops:
                            if hop.flags & RTNH_F_DOWN and not self.works(hop, ignore_linkstate):
                                continue
                            if not oif or (hop.dev is not None and hop.dev.ifindex == oif):
                                return route, hop
                route = route.behind
        return None

    def works(self, hop: Nexthop, ignore_linkstate: bool) -> bool:
        """Linux: net/ipv4/fib_trie.c fib_lookup_good_nhc(), but for the device that is asked for"""
        if hop.flags & RTNH_F_DEAD:
            return False
        return ignore_linkstate or hop.dev is None or not self.ignores_linkdown(hop.dev)

    def at(self, prefix: int, prefixlen: int) -> FibRoute | None:
        """The first route of a prefix, with the others behind it."""
        by_prefix = self._by_length.get(prefixlen)
        return None if by_prefix is None else by_prefix.get(prefix)

    def around(self, address: int) -> Iterator[FibRoute]:
        """All routes whose prefix holds the address, in the order in which a look-up tries them."""
        for mask, by_prefix in self._probes:
            yield from chain(by_prefix.get(address & mask))

    def insert(self, route: FibRoute, before: FibRoute | None) -> None:
        """Put a route in front of another of its prefix, or behind all of them."""
        by_prefix = self._by_length.get(route.prefixlen)
        if by_prefix is None:
            by_prefix = self._by_length[route.prefixlen] = {}
            self._sort_lengths()
        first = by_prefix.setdefault(route.prefix, route)
        if first is route:
            return
        route.behind = before
        if first is before:
            by_prefix[route.prefix] = route
        else:
            _in_front_of(first, before).behind = route

    def remove(self, route: FibRoute) -> None:
        """Take a route out."""
        by_prefix = self._by_length[route.prefixlen]
        first = by_prefix[route.prefix]
        if first is not route:
            _in_front_of(first, route).behind = route.behind
        elif route.behind is not None:
            by_prefix[route.prefix] = route.behind
        else:
            del by_prefix[route.prefix]
            if not by_prefix:
                del self._by_length[route.prefixlen]
                self._sort_lengths()
        route.behind = None

    def _sort_lengths(self) -> None:
        ordered = sorted(self._by_length.items(), reverse=True)
        self._probes = tuple((netmask(length), by_prefix) for length, by_prefix in ordered)


def chain(route: FibRoute | None) -> Iterator[FibRoute]:
    """A route and those behind it."""
    while route is not None:
        following = route.behind
        yield route
        route = following


def _in_front_of(first: FibRoute, sought: FibRoute | None) -> FibRoute:
    route = first
    while route.behind is not sought:
        assert route.behind is not None
        route = route.behind
    return route
