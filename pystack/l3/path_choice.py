"""One of several next hops for this packet: what is hashed, and which hops may be taken."""

from __future__ import annotations

from typing import Final

from pystack.l2.nud import NUD_REACHABLE, NUD_VALID
from pystack.l3.addresses import RT_SCOPE_LINK
from pystack.l3.conf import Ipv4Sysctl
from pystack.l3.default_gateways import DefaultGateways, NeighbourState
from pystack.l3.fib import Fib
from pystack.l3.fib_types import FibResult, Flow, Nexthop
from pystack.l3.flow_keys import NO_KEYS, PORTS_AT, FlowKeys, flow_addresses, flow_keys
from pystack.l3.multipath import choose, choose_of_group, flow_hash
from pystack.l3.source_check import Arrival
from pystack.packet import Packet
from pystack.rng import Rng

L4_POLICY: Final = 1


class PathChoice:
    """Linux: net/ipv4/route.c fib_multipath_hash()"""

    def __init__(self, *, fib: Fib, sysctl: Ipv4Sysctl, rng: Rng, state_of: NeighbourState) -> None:
        self._defaults = DefaultGateways(fib, state_of)
        self._sysctl = sysctl
        self._rng = rng
        self._drawn_seed = 0
        self._state_of = state_of

    def choose_for_flow(self, found: FibResult, flow: Flow, about: Packet | None = None) -> None:
        """For a local sender; an error goes the way of the packet that it is about.

        Linux: net/ipv4/fib_semantics.c fib_select_path()
        """
        if flow.oif:
            return
        if len(found.info.nexthops) < 2:
            return self._defaults.choose(found, flow)
        if about is not None:
            return self._choose(found, flow.saddr, self._hash_of(about))
        keys = NO_KEYS
        if self._by_ports:
            has_ports = flow.proto in PORTS_AT
            keys = (flow.proto, flow.sport, flow.dport) if has_ports else (flow.proto, 0, 0)
        self._choose(found, flow.saddr, self._hash(flow.saddr, flow.daddr, keys))

    def choose_for_arrival(self, found: FibResult, arrival: Arrival) -> None:
        """Linux: net/ipv4/route.c ip_mkroute_input()"""
        if len(found.info.nexthops) < 2:
            return
        pkt = arrival.pkt
        self._choose(
            found, 0, self._hash(arrival.saddr, arrival.daddr, NO_KEYS) if pkt is None else self._hash_of(pkt)
        )

    def _hash_of(self, pkt: Packet) -> int:
        if not self._by_ports or pkt.ip is None:
            return self._hash(*flow_addresses(pkt), NO_KEYS)
        return self._hash(pkt.ip.saddr, pkt.ip.daddr, flow_keys(pkt))

    @property
    def _by_ports(self) -> bool:
        return self._sysctl.fib_multipath_hash_policy == L4_POLICY

    def _hash(self, saddr: int, daddr: int, keys: FlowKeys) -> int:
        if not self._drawn_seed:
            self._drawn_seed = 1 + self._rng.below(0xFFFFFFFF)
        seed = self._sysctl.fib_multipath_hash_seed or self._drawn_seed
        return flow_hash(seed, saddr, daddr, *keys)

    def _choose(self, found: FibResult, saddr: int, hash_: int) -> None:
        if found.info.object is not None:
            found.nexthop = choose_of_group(found.info.nexthops, hash_, self._is_alive)
            return
        chosen = choose(found.info, hash_, saddr, self._is_good)
        if chosen is not None:
            found.nexthop = chosen

    def _is_good(self, hop: Nexthop) -> bool:
        """Whether the gateway is not known to be gone. Linux: net/ipv4/fib_semantics.c fib_good_nh()"""
        if not self._sysctl.fib_multipath_use_neigh or hop.scope != RT_SCOPE_LINK or hop.dev is None:
            return True
        return self._is_alive(hop)

    def _is_alive(self, hop: Nexthop) -> bool:
        """Linux: net/ipv4/nexthop.c ipv4_good_nh()"""
        state = None if hop.dev is None else self._state_of(hop.dev, hop.gateway)
        return bool((NUD_REACHABLE if state is None else state) & NUD_VALID)
