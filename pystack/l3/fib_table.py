"""One routing table: what is added, in which place, and what is taken out again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final

from pystack.errors import EEXIST, ENOENT, ESRCH, NetError
from pystack.l2.devices import Link
from pystack.l3.fib_trie import FibTrie, chain
from pystack.l3.fib_types import FibInfo, FibResult, FibRoute, Flow, Nexthop, NexthopObject


class FibTable:
    """Linux: include/net/ip_fib.h struct fib_table"""

    def __init__(self, number: int, trie: FibTrie) -> None:
        self.number = number
        self.trie = trie  # local's and main's is one, until a rule of the user's parts them

    def __iter__(self) -> Iterator[FibRoute]:
        """In the order of the kernel's dump."""
        number = self.number
        return (route for route in self.trie if route.table == number)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def lookup(self, flow: Flow, *, ignore_linkstate: bool = False) -> FibResult | int | None:
        """A way, the errno of a route that forbids, or None. Linux: net/ipv4/fib_trie.c fib_table_lookup()"""
        found = self.trie.lookup(flow, ignore_linkstate=ignore_linkstate)
        if found is None:
            return None
        route, hop = found
        return route.info.error if hop is None else FibResult(route, hop, self.number)

    def insert(
        self, route: FibRoute, *, create: bool, exclusive: bool, append: bool, replace: bool
    ) -> FibRoute | None:
        """Add a route whose `info` is shared; what it replaced, itself if there is nothing to do.

        Linux: net/ipv4/fib_trie.c fib_table_insert()
        """
        before, equals = self._place_of(route)
        if equals:
            if exclusive:
                raise NetError(EEXIST)
            twin = next((known for known in equals if known.info is route.info), None)
            if replace and twin is None:
                self.trie.insert(route, equals[0])
                self.trie.remove(equals[0])
                return equals[0]
            if replace and twin is equals[0]:
                return route
            if twin is not None:
                raise NetError(EEXIST)
        if not create:
            raise NetError(ENOENT)
        self.trie.insert(route, before if append or not equals else equals[0])
        return None

    def _place_of(self, route: FibRoute) -> tuple[FibRoute | None, list[FibRoute]]:
        """What stands behind the route's equals, and these. Linux: net/ipv4/fib_trie.c fib_find_alias()"""
        first = self.trie.at(route.prefix, route.prefixlen)
        equals: list[FibRoute] = []
        if first is None:
            return None, equals
        rank = (-route.table, -route.tos, route.info.priority)
        for known in chain(first):
            place = (-known.table, -known.tos, known.info.priority)
            if place > rank:
                return known, equals
            if place == rank:
                equals.append(known)
        return None, equals

    def delete(self, prefix: int, prefixlen: int, tos: int, wanted: FibMatch) -> FibRoute:
        """Linux: net/ipv4/fib_trie.c fib_table_delete()"""
        for route in chain(self.trie.at(prefix, prefixlen)):
            if route.table == self.number and route.tos == tos and wanted.matches(route.info):
                self.trie.remove(route)
                return route
        raise NetError(ESRCH)


_NO_HOPS: Final = (Nexthop(None),)  # a route that forbids has one that leads nowhere


class FibMatch:
    """What a user says of the route to delete; what is left out matches anything."""

    __slots__ = ("hops", "metrics", "multipath", "object", "prefsrc", "priority", "protocol", "scope", "type")

    def __init__(
        self,
        *,
        type_: int | None = None,
        scope: int | None = None,
        protocol: int | None = None,
        prefsrc: int = 0,
        priority: int = 0,
        dev: Link | None = None,
        gateway: int = 0,
        multipath: tuple[Nexthop, ...] = (),
        metrics: Mapping[str, int] | None = None,
        of_object: NexthopObject | None = None,
    ) -> None:
        self.object = of_object
        self.type = type_
        self.scope = scope
        self.protocol = protocol
        self.prefsrc = prefsrc
        self.priority = priority
        self.hops = [(dev, gateway)] if dev is not None or gateway else []
        self.multipath = [(hop.dev, hop.gateway) for hop in multipath]
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
        if self.object is not None:
            return info.object is self.object
        if info.object is not None:
            return not self.hops and not self.multipath
        hops = info.nexthops or _NO_HOPS
        if self.hops:  # only the first of several is held against them
            return _are_named(self.hops, hops[:1])
        return not self.multipath or _are_named(self.multipath, hops)


def _are_named(named: list[tuple[Link | None, int]], hops: tuple[Nexthop, ...]) -> bool:
    """Whether each hop is what was said of it; more may have been said than there are hops."""
    if len(named) < len(hops):
        return False
    return all(
        (dev is None or hop.dev is dev) and (not gateway or hop.gateway == gateway)
        for (dev, gateway), hop in zip(named, hops, strict=False)
    )
