"""Says what happened at each crossing of a hook: the order of the stages is the order of the path."""

from __future__ import annotations

from dataclasses import replace
from typing import Final, NamedTuple

from pystack.device import IFF_LOOPBACK
from pystack.explain import (
    bridging,
    connections,
    delivery,
    devices,
    hooks,
    lengths,
    neighbours,
    resolution,
    routing,
    rule_steps,
    translation,
)
from pystack.explain.changes import changed
from pystack.explain.learning import Known, known, learned
from pystack.explain.redirects import why_unheeded
from pystack.explain.scene import ConfigOf, Scene
from pystack.explain.stage import Passing, Stage, Told, Traveller
from pystack.explain.watcher import Crossing, Watcher
from pystack.host import Host
from pystack.l2.bridge_state import BridgeState
from pystack.l2.devices import Link
from pystack.l2.veth import Veth
from pystack.l3.fib_types import RTN_BROADCAST, Flow
from pystack.l3.route import Rtable
from pystack.netfilter import hooks as nf
from pystack.packet import PACKET_OTHERHOST
from pystack.wire import icmp, ipv4
from pystack.wire.ethernet import ETH_HLEN, ETH_P_IP
from pystack.wire.ipv4 import IPPROTO_ICMP, Ipv4Header, address_text
from pystack.wire.vlan import behind_tags

HEARD: Final = f"{delivery.DELIVERED} to ARP"
_TEACHERS: Final = (icmp.ICMP_DEST_UNREACH, icmp.ICMP_REDIRECT)
_DECIDES_THE_WAY: Final = ("mark ", "ip.src ", "ip.dst ", "ip.tos ")
_NO_LINK: Final = bytes(12)  # in front of a packet whose link header is not there yet


class Left(NamedTuple):
    """A frame at the moment in which it left for good."""

    dev: Link
    frame: bytes


class Redirect(NamedTuple):
    """Who names which gateway."""

    dev: Link
    teller: int
    gateway: int


class Lesson(NamedTuple):
    """An ICMP error that is being handed over, and what was known before."""

    traveller: Traveller
    scene: Scene
    flow: Flow
    before: Known
    redirect: Redirect | None = None


class Narrator:
    """Follows packets through a host that nobody else uses."""

    def __init__(self, host: Host, config_of: ConfigOf, most: int | None = None) -> None:
        self.watcher = Watcher(host, self._narrate, most)
        self.left: dict[int, Left] = {}  # by packet; the last copy of one that was flooded
        self._config_of = config_of
        self._lessons: list[Lesson] = []
        self._ways: dict[int, str] = {}  # by packet: where the tables send it
        self._told_already: set[tuple[int, str]] = set()  # packets and hooks of the bridge
        self._entered: dict[int, str] = {}  # by packet: the card's hook that it has not left yet
        self._sent_on: dict[int, tuple[int, str]] = {}  # by packet: where in the story, and from which hook

    def settle(self) -> None:
        """Nothing moves any more: tell what was learned meanwhile."""
        self._tell_who_sent_on()
        for traveller, scene, flow, before, redirect in self._lessons:
            after = known(scene, flow)
            told = learned(before, after, flow)
            if redirect is not None and after == before:
                told = replace(told, reasons=(why_unheeded(scene, *redirect, flow),))
            self.watcher.add(Stage(traveller.number, scene.netns.name, "learned", "routes", told))
        self._lessons.clear()

    def _narrate(self, crossing: Crossing, traveller: Traveller) -> None:
        if not crossing.behind:
            traveller.hook = hooks.hook_name(crossing)
            traveller.passed.append(Passing(hooks.crossed(crossing), hooks.log_fields(crossing)))
        changes = _changes(crossing, traveller)
        if crossing.family == nf.NFPROTO_NETDEV:
            self._at_device(crossing, traveller, changes)
        elif crossing.behind:
            self._behind_hook(crossing, traveller, changes)
        else:
            self._before_hook(crossing, traveller, changes)

    def _scene(self, crossing: Crossing) -> Scene:
        return Scene(crossing.netns, self._config_of)

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
        self._note_card_rules(crossing, traveller)
        if crossing.hook == nf.NETDEV_INGRESS and not crossing.behind:
            told = devices.received(dev, pkt, self._config_of)
            self._stage(crossing, traveller, "rx", dev.name, told, changes)
            met_ip_in_the_bridge = pkt.physin is not None and pkt.protocol == ETH_P_IP
            if met_ip_in_the_bridge and pkt.pkt_type != PACKET_OTHERHOST:
                self._route(crossing, traveller)
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

    def _note_card_rules(self, crossing: Crossing, traveller: Traveller) -> None:
        """What rules at a card said. Who sends on is heard when the packet has gone, so its place is kept."""
        name = hooks.hook_name(crossing)
        if not crossing.behind:
            before = self._entered.get(traveller.number)
            if before is not None:
                self._sent_on[traveller.number] = len(self.watcher.stages), before
            self._entered[traveller.number] = name
            return
        self._entered.pop(traveller.number, None)
        told = rule_steps.at_card(traveller, "accepted")
        if told is not None:
            self._stage(crossing, traveller, "hook", name, told)

    def _tell_who_sent_on(self) -> None:
        """The last ones first, so that places stay what they are."""
        for number, (at, place) in sorted(self._sent_on.items(), key=lambda row: -row[1][0]):
            traveller = self.watcher.travellers[number - 1]
            told = rule_steps.at_card(traveller, "sent on by a rule")
            if told is not None:
                self.watcher.stages.insert(at, Stage(number, traveller.netns, "hook", place, told))
        self._sent_on.clear()

    # --- before the functions of a hook -------------------------------------------------------------------

    def _before_hook(self, crossing: Crossing, traveller: Traveller, changes: tuple[str, ...]) -> None:
        pkt = crossing.pkt
        if (crossing.family, crossing.hook) == (nf.NFPROTO_ARP, nf.ARP_OUT):
            self._ask_arp(crossing, traveller)
        if crossing.family in hooks.IP_FAMILIES:
            self._note_bridge_rules(crossing, traveller)
            traveller.waits = connections.waits_for(crossing)
        if crossing.family != nf.NFPROTO_IPV4:
            return
        if crossing.hook == nf.OUTPUT and pkt.ip is not None:
            told = routing.routed_out(self._scene(crossing), pkt, pkt.ip, self._cause_of(traveller))
            self._stage(crossing, traveller, "route", "route", told)
        elif crossing.hook == nf.FORWARD and pkt.physout is None:
            self._note_detour(crossing, traveller)
            line = (
                self._scene(crossing).line_of_forwarding(crossing.indev)
                if isinstance(crossing.indev, Link)
                else ""
            )
            told = Told("forwarded", "net/ipv4/ip_forward.c ip_forward()", config=line)
            self._stage(crossing, traveller, "forward", "forward", told, changes)

    def _note_bridge_rules(self, crossing: Crossing, traveller: Traveller) -> None:
        """IP's hook within the bridge's hook of the same name, or in place of the bridge."""
        is_bridged = crossing.pkt.physin is not None
        told = rule_steps.so_far(traveller) if is_bridged else rule_steps.brouted(traveller)
        if told is None:
            return
        place = hooks.bridges_hook(crossing) if is_bridged else "bridge BROUTING"
        self._stage(crossing, traveller, "hook", place, told)
        self._told_already.add((traveller.number, place))

    def _ask_arp(self, crossing: Crossing, traveller: Traveller) -> None:
        """In whose name a neighbour is asked for."""
        waiting = self.watcher.travellers[traveller.cause - 1].network if traveller.cause else b""
        header = ipv4.parse(waiting, 0)
        told = resolution.asks(
            self._scene(crossing), crossing.pkt, header.saddr if isinstance(header, Ipv4Header) else 0
        )
        if told is not None:
            self._stage(crossing, traveller, "arp", crossing.pkt.dev.name, told)

    def _note_detour(self, crossing: Crossing, traveller: Traveller) -> None:
        """The packet itself can say where it goes next: a source route."""
        route = crossing.pkt.route
        way = routing.way(self._scene(crossing), route) if isinstance(route, Rtable) else ""
        if way != self._ways.get(traveller.number, way):
            told = Told(
                f"{way}, as the source route in its options says",
                "net/ipv4/ip_options.c ip_options_rcv_srr()",
            )
            self._stage(crossing, traveller, "route", "route", told)

    def _cause_of(self, traveller: Traveller) -> Ipv4Header | None:
        """The packet that this one answers, as it came."""
        if not traveller.cause:
            return None
        cause = self.watcher.travellers[traveller.cause - 1]
        header = ipv4.parse(cause.frame, ETH_HLEN) if cause.protocol == ETH_P_IP else None
        return header if isinstance(header, Ipv4Header) else None

    # --- behind them --------------------------------------------------------------------------------------

    def _behind_hook(self, crossing: Crossing, traveller: Traveller, changes: tuple[str, ...]) -> None:
        functions = hooks.functions_of(crossing)
        said_in_nat = translation.asked(traveller.steps)
        told = rule_steps.accepted(traveller, crossing.family, functions)
        name = hooks.hook_name(crossing)
        nothing_new = not functions or ((traveller.number, name) in self._told_already and not told.reasons)
        self._stage(crossing, traveller, "hook", name, told, changes, verbose=nothing_new and not changes)
        if (crossing.family, crossing.hook) == (nf.NFPROTO_IPV4, nf.OUTPUT):
            self._note_another_way(crossing, traveller, changes)
        stand = connections.classified(crossing, traveller)
        if stand is not None:
            self._stage(crossing, traveller, "connection", "conntrack", stand)
        mapped = translation.translated(self._scene(crossing), crossing, said_in_nat)
        if mapped is not None:
            self._stage(crossing, traveller, "nat", "nat", mapped)
        after = {
            (nf.NFPROTO_BRIDGE, nf.PREROUTING): self._into_bridge,
            (nf.NFPROTO_IPV4, nf.PREROUTING): self._route_unless_bridged,
            (nf.NFPROTO_IPV4, nf.INPUT): self._deliver,
            (nf.NFPROTO_IPV4, nf.POSTROUTING): self._resolve,
            (nf.NFPROTO_ARP, nf.ARP_IN): self._hear_arp,
        }.get((crossing.family, crossing.hook))
        if after is not None:
            after(crossing, traveller)

    def _note_another_way(self, crossing: Crossing, traveller: Traveller, changes: tuple[str, ...]) -> None:
        """What changed a packet that is made here has it routed again."""
        pkt = crossing.pkt
        what = [change for change in changes if change.startswith(_DECIDES_THE_WAY)]
        if pkt.ip is not None and what:
            told = routing.rerouted(self._scene(crossing), pkt, pkt.ip, what)
            self._stage(crossing, traveller, "route", "route", told)

    def _into_bridge(self, crossing: Crossing, traveller: Traveller) -> None:
        bridge = bridging.bridge_of(crossing.pkt.dev)
        port = None if bridge is None else bridge.port_of.get(crossing.pkt.dev)
        if bridge is not None and port is not None:
            told = bridging.enters(bridge, port, crossing.pkt, self._config_of)
            self._stage(crossing, traveller, "bridge", bridge.name, told)

    def _route_unless_bridged(self, crossing: Crossing, traveller: Traveller) -> None:
        if crossing.pkt.physin is None:  # else br_netfilter only shows it, and the bridge decides first
            self._route(crossing, traveller)

    def _route(self, crossing: Crossing, traveller: Traveller) -> None:
        pkt = crossing.pkt
        header = pkt.ip
        if header is None:
            return
        told = routing.routed_in(self._scene(crossing), pkt, header)
        self._stage(crossing, traveller, "route", "route", told)
        self._ways[traveller.number] = told.text
        if header.is_fragment and told.text.startswith(routing.FOR_US):
            sender = address_text(header.saddr)
            traveller.waits = f"waits for the other fragments of datagram {header.id} from {sender}"

    def _deliver(self, crossing: Crossing, traveller: Traveller) -> None:
        pkt, scene = crossing.pkt, self._scene(crossing)
        header = pkt.ip
        if header is None:
            return
        told, end = delivery.delivers(scene, pkt, header)
        if end:
            traveller.ends.append(end)
        self._stage(crossing, traveller, "protocol", "local", told)
        message = bytes(pkt.data[pkt.transport_header :])
        if header.protocol == IPPROTO_ICMP and message[:1] and message[0] in _TEACHERS:
            flow = delivery.quoted_flow(message[icmp.HEADER_LENGTH :])
            if flow is not None:
                redirect = None
                if message[0] == icmp.ICMP_REDIRECT and isinstance(pkt.dev, Link):
                    redirect = Redirect(pkt.dev, header.saddr, int.from_bytes(message[4:8], "big"))
                self._lessons.append(Lesson(traveller, scene, flow, known(scene, flow), redirect))

    def _resolve(self, crossing: Crossing, traveller: Traveller) -> None:
        route, header = crossing.pkt.route, crossing.pkt.ip
        if not isinstance(route, Rtable) or header is None or not isinstance(route.dev, Link):
            return
        table, nexthop = crossing.netns.ipv4.neighbours, route.nexthop(header.daddr)
        cut = lengths.too_long(self._scene(crossing), crossing.pkt, header, route)
        if cut is not None:
            self._stage(crossing, traveller, "length", route.dev.name, cut)
        to_all = route.type == RTN_BROADCAST
        told = neighbours.resolves(table, route.dev, nexthop, to_all, self._config_of)
        traveller.waits = neighbours.waits_for(table, route.dev, nexthop, to_all)
        on_lo = bool(route.dev.flags & IFF_LOOPBACK)  # where nobody is asked for anything
        self._stage(crossing, traveller, "neighbour", "neighbour", told, verbose=on_lo)

    def _hear_arp(self, crossing: Crossing, traveller: Traveller) -> None:
        told = resolution.resolves(self._scene(crossing), crossing.pkt)
        traveller.ends.append(HEARD)
        self._stage(crossing, traveller, "arp", crossing.pkt.dev.name, told)


def _changes(crossing: Crossing, traveller: Traveller) -> tuple[str, ...]:
    """What became of the bytes since the packet was last seen."""
    pkt = crossing.pkt
    network = bytes(pkt.payload())
    before, traveller.network = traveller.network, network
    protocol, traveller.network_protocol = traveller.network_protocol, pkt.protocol
    marks, traveller.mark = (traveller.mark, pkt.mark), pkt.mark
    marked = () if not before or marks[0] == marks[1] else (f"mark {marks[0]:#x} -> {marks[1]:#x}",)
    if not before or before == network:
        return marked
    if protocol != pkt.protocol:  # a tag that came or went is told where that happens
        (protocol, before), (_, network) = behind_tags(protocol, before), behind_tags(pkt.protocol, network)
    front = _NO_LINK + protocol.to_bytes(2, "big")
    return (*marked, *changed(front + before, front + network))
