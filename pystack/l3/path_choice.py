"""One of several next hops for this packet: what is hashed, and which hops may be taken."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pystack.l2.devices import Link
from pystack.l2.nud import NUD_REACHABLE, NUD_VALID
from pystack.l3.addresses import RT_SCOPE_LINK
from pystack.l3.conf import Ipv4Sysctl
from pystack.l3.fib_types import FibResult, Flow, Nexthop
from pystack.l3.flow_keys import NO_KEYS, PORTS_AT, FlowKeys, flow_addresses, flow_keys
from pystack.l3.multipath import choose, flow_hash
from pystack.l3.source_check import Arrival
from pystack.rng import Rng

L4_POLICY: Final = 1

NeighbourState = Callable[[Link, int], int | None]  # None: there is no such neighbour


class PathChoice:
    """Linux: net/ipv4/route.c fib_multipath_hash()"""

    def __init__(self, *, sysctl: Ipv4Sysctl, rng: Rng, state_of: NeighbourState) -> None:
        self._sysctl = sysctl
        self._rng = rng
        self._drawn_seed = 0
        self._state_of = state_of

    def choose_for_flow(self, found: FibResult, flow: Flow) -> None:
        """Linux: net/ipv4/fib_semantics.c fib_select_path()"""
        if len(found.info.nexthops) > 1 and not flow.oif:
            keys = NO_KEYS
            if self._by_ports:
                has_ports = flow.proto in PORTS_AT
                keys = (flow.proto, flow.sport, flow.dport) if has_ports else (flow.proto, 0, 0)
            self._choose(found, flow.saddr, self._hash(flow.saddr, flow.daddr, keys))

    def choose_for_arrival(self, found: FibResult, arrival: Arrival) -> None:
        """Linux: net/ipv4/route.c ip_mkroute_input()"""
        if len(found.info.nexthops) < 2:
            return
        ends, keys = (arrival.saddr, arrival.daddr), NO_KEYS
        if arrival.pkt is not None:
            if self._by_ports:
                keys = flow_keys(arrival.pkt)
            else:
                ends = flow_addresses(arrival.pkt)
        self._choose(found, 0, self._hash(*ends, keys))

    @property
    def _by_ports(self) -> bool:
        return self._sysctl.fib_multipath_hash_policy == L4_POLICY

    def _hash(self, saddr: int, daddr: int, keys: FlowKeys) -> int:
        if not self._drawn_seed:
            self._drawn_seed = 1 + self._rng.below(0xFFFFFFFF)
        seed = self._sysctl.fib_multipath_hash_seed or self._drawn_seed
        return flow_hash(seed, saddr, daddr, *keys)

    def _choose(self, found: FibResult, saddr: int, hash_: int) -> None:
        chosen = choose(found.info, hash_, saddr, self._is_good)
        if chosen is not None:
            found.nexthop = chosen

    def _is_good(self, hop: Nexthop) -> bool:
        """Whether the gateway is not known to be gone. Linux: net/ipv4/fib_semantics.c fib_good_nh()"""
        if not self._sysctl.fib_multipath_use_neigh or hop.scope != RT_SCOPE_LINK or hop.dev is None:
            return True
        state = self._state_of(hop.dev, hop.gateway)
        return bool((NUD_REACHABLE if state is None else state) & NUD_VALID)
