"""Says what happened at each crossing of a hook: the order of the stages is the order of the path."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from pystack.explain import bridging, delivery, devices, hooks, neighbours, routing
from pystack.explain.changes import changed
from pystack.explain.stage import Stage, Told, Traveller
from pystack.explain.watcher import DELIVERED, Crossing, Watcher
from pystack.host import Host
from pystack.l2.bridge_state import BridgeState
from pystack.l2.devices import Link
from pystack.l2.veth import Veth
from pystack.l3.fib_types import RTN_BROADCAST
from pystack.l3.route import Rtable
from pystack.netfilter import hooks as nf

ConfigOf = Callable[[object], str]

_NO_LINK: Final = bytes(12)  # in front of a packet whose link header is not there yet


class Left(NamedTuple):
    """A frame at the moment in which it left for good."""

    dev: Link
    frame: bytes


class Narrator:
    """Follows packets through a host that nobody else uses."""

    def __init__(self, host: Host, config_of: ConfigOf) -> None:
        self.watcher = Watcher(host, self._narrate)
        self.left: dict[int, Left] = {}  # by packet; the last copy of one that was flooded
        self._config_of = config_of

    def _narrate(self, crossing: Crossing, traveller: Traveller) -> None:
        changes = _changes(crossing, traveller)
        if crossing.family == nf.NFPROTO_NETDEV:
            self._at_device(crossing, traveller, changes)
        elif crossing.behind:
            self._behind_hook(crossing, traveller, changes)
        else:
            self._before_hook(crossing, traveller, changes)

    def _stage(
        self,
        crossing: Crossing,
        traveller: Traveller,
        kind: str,
        place: str,
        told: Told,
        changes: tuple[str, ...] = (),
        verbose: bool = False,
    ) -> None:
        self.watcher.add(
            Stage(traveller.number, crossing.netns.name, kind, place, told, changes, verbose=verbose)
        )

    # --- devices ------------------------------------------------------------------------------------------

    def _at_device(self, crossing: Crossing, traveller: Traveller, changes: tuple[str, ...]) -> None:
        dev, pkt = crossing.pkt.dev, crossing.pkt
        if crossing.hook == nf.NETDEV_INGRESS and not crossing.behind:
            told = devices.received(dev, pkt, self._config_of)
            self._stage(crossing, traveller, "rx", dev.name, told, changes)
        if crossing.hook != nf.NETDEV_EGRESS or not crossing.behind:
            return
        if isinstance(dev, BridgeState):
            told = bridging.leaves(dev, pkt, self._config_of)
            return self._stage(crossing, traveller, "bridge", dev.name, told, changes)
        told, end = devices.sent(dev, pkt)
        if end:
            traveller.ends.append(end)
        if isinstance(dev, Veth) and dev.peer is not None:
            self.watcher.crosses(traveller, dev.peer)
        elif end and isinstance(dev, Link):
            self.left[traveller.number] = Left(dev, bytes(pkt.frame()))
        self._stage(crossing, traveller, "tx", dev.name, told, changes)

    # --- before the functions of a hook -------------------------------------------------------------------

    def _before_hook(self, crossing: Crossing, traveller: Traveller, changes: tuple[str, ...]) -> None:
        if crossing.family == nf.NFPROTO_IPV4 and crossing.hook == nf.OUTPUT and crossing.pkt.ip is not None:
            told = routing.routed_out(crossing.netns, crossing.pkt, crossing.pkt.ip, self._config_of)
            self._stage(crossing, traveller, "route", "route", told)
        elif crossing.family == nf.NFPROTO_IPV4 and crossing.hook == nf.FORWARD:
            told = Told("forwarded", "net/ipv4/ip_forward.c ip_forward()")
            self._stage(crossing, traveller, "forward", "forward", told, changes)

    # --- behind them --------------------------------------------------------------------------------------

    def _behind_hook(self, crossing: Crossing, traveller: Traveller, changes: tuple[str, ...]) -> None:
        functions = hooks.functions_of(crossing)
        told = hooks.passed(functions)
        name = hooks.hook_name(crossing)
        self._stage(crossing, traveller, "hook", name, told, changes, verbose=not functions and not changes)
        after = {
            (nf.NFPROTO_BRIDGE, nf.PREROUTING): self._into_bridge,
            (nf.NFPROTO_IPV4, nf.PREROUTING): self._route,
            (nf.NFPROTO_IPV4, nf.INPUT): self._deliver,
            (nf.NFPROTO_IPV4, nf.POSTROUTING): self._resolve,
            (nf.NFPROTO_ARP, nf.ARP_IN): self._hear_arp,
        }.get((crossing.family, crossing.hook))
        if after is not None:
            after(crossing, traveller)

    def _into_bridge(self, crossing: Crossing, traveller: Traveller) -> None:
        bridge = bridging.bridge_of(crossing.pkt.dev)
        port = None if bridge is None else bridge.port_of.get(crossing.pkt.dev)
        if bridge is not None and port is not None:
            told = bridging.enters(bridge, port, crossing.pkt, self._config_of)
            self._stage(crossing, traveller, "bridge", bridge.name, told)

    def _route(self, crossing: Crossing, traveller: Traveller) -> None:
        if crossing.pkt.ip is not None:
            told = routing.routed_in(crossing.netns, crossing.pkt, crossing.pkt.ip, self._config_of)
            self._stage(crossing, traveller, "route", "route", told)

    def _deliver(self, crossing: Crossing, traveller: Traveller) -> None:
        if crossing.pkt.ip is not None:
            told = delivery.delivers(crossing.netns, crossing.pkt, crossing.pkt.ip)
            traveller.ends.append(DELIVERED)
            self._stage(crossing, traveller, "protocol", "local", told)

    def _resolve(self, crossing: Crossing, traveller: Traveller) -> None:
        route, header = crossing.pkt.route, crossing.pkt.ip
        if not isinstance(route, Rtable) or header is None or not isinstance(route.dev, Link):
            return
        told = neighbours.resolves(
            crossing.netns.ipv4.neighbours,
            route.dev,
            route.nexthop(header.daddr),
            route.type == RTN_BROADCAST,
            self._config_of,
        )
        self._stage(crossing, traveller, "neighbour", "neighbour", told)

    def _hear_arp(self, crossing: Crossing, traveller: Traveller) -> None:
        told = Told("ARP looks at it", "net/ipv4/arp.c arp_process()")
        self._stage(crossing, traveller, "arp", crossing.pkt.dev.name, told)


def _changes(crossing: Crossing, traveller: Traveller) -> tuple[str, ...]:
    """What became of the bytes since the packet was last seen."""
    pkt = crossing.pkt
    network = bytes(pkt.payload())
    before, traveller.network = traveller.network, network
    if not before or before == network:
        return ()
    front = _NO_LINK + pkt.protocol.to_bytes(2, "big")
    return tuple(changed(front + before, front + network))
