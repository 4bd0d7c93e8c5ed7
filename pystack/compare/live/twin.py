"""The copy's side: what was seen to begin in the kernel begins here too, and goes its way."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from pystack.compare.lab.observers import Recorder, observe
from pystack.compare.live.beyond import NOT_ROUTED
from pystack.compare.live.decisions import Decision, hear_decisions
from pystack.compare.live.draws import Draws
from pystack.compare.live.frames import offload_of
from pystack.compare.live.passing import ENTRY, Passing
from pystack.compare.points import points_of
from pystack.compare.programs import Refused, stand_in_for_programs
from pystack.compare.records import Hop
from pystack.errors import NetError
from pystack.explain.sender import Sender
from pystack.hooks.imported.building import Building
from pystack.l2.devices import Link
from pystack.l3.fib_types import IPTOS_RT_MASK, Flow
from pystack.l3.route import Rtable
from pystack.packet import Packet
from pystack.wire import ipv4
from pystack.wire.ethernet import ETH_HLEN, ETH_P_IP
from pystack.wire.ipv4 import IPPROTO_TCP, IPPROTO_UDP, Ipv4Header
from pystack.wire.malformed import Malformed

TURNS: Final = 1000  # of the backlog, for all that one packet causes
MOST_AWAITED: Final = 4096  # packets that the copy made and the kernel has not shown yet

MOST_FOLLOWED: Final = 1 << 14

_BY_ITSELF: Final = {
    "ip6": NOT_ROUTED,
    "arp": "the kernel asks for a neighbour when it likes",
    "bridge": "the kernel's bridge speaks for itself",
    "netdev": "begins where it leaves: it was not seen to be made",
}


class Unplayable(Exception):
    """Why a packet cannot go through the copy; the words name a cause."""


@dataclass(slots=True)
class Made:
    """A packet that the copy made by itself."""

    hops: list[Hop] = field(default_factory=list)


class Twin:
    """A host that was taken over, with an observer at every point."""

    def __init__(self, building: Building, is_refused: Refused, draws: Draws) -> None:
        self.host = building.host
        self.netns = building.netns
        self._ports: dict[str, Link] = dict(building.ports)
        self._recorder = Recorder()
        self.awaited: OrderedDict[int, Made] = OrderedDict()
        self.caused: list[int] = []  # by the packet that was played last: these are awaited
        self._followed: OrderedDict[int, list[Hop]] = OrderedDict()  # by packet; one may wait for a neighbour
        observe(self.netns, self._ports, points_of(("ip", "ip6")), self._recorder)
        self._heard = hear_decisions(self.netns, self._recorder)
        self._decided: dict[int, list[tuple[int, Decision]]] = {}  # by packet; behind how many of its hops
        stand_in_for_programs(self.netns, is_refused)
        for tables in (self.netns.tables, self.netns.tables6):
            chooser = tables.nat.chooser
            chooser.draw = draws.instead_of(chooser.draw)

    def pass_time(self, now: float) -> None:
        """Timers run out as time passes; what they send is not expected of the kernel at the same moment."""
        clock = self.host.clock
        if now <= clock.now:
            return
        clock.set(now)
        self.host.run_timers()
        self._settle()
        self._take()

    def play(self, passing: Passing) -> list[Hop]:
        """Its hops here, which may become more. What it causes is awaited. Raises Unplayable."""
        own: list[Hop] = []
        self.caused = []
        for beginning in passing.beginnings:
            self._begin(beginning)
            self._settle()
            self._take(own)
        return own

    def _begin(self, first: Hop) -> None:
        if (first.family, first.hook) == ENTRY:
            self._enter(first)
        elif (first.family, first.hook) == ("ip", "OUTPUT"):
            self._leave(first)
        else:
            raise Unplayable(_BY_ITSELF.get(first.family, f"begins at {first.family} {first.hook}"))

    def _enter(self, first: Hop) -> None:
        port = self._ports.get(first.indev or "")
        if port is None:
            raise Unplayable(f"entered by {first.indev}, which is not modelled")
        port.net.ingress.receive(port, bytearray(first.data), offload_of(first.data, port.mtu))

    def _leave(self, first: Hop) -> None:
        """A program sends it; what it chose for itself is known by what it sent."""
        header = ipv4.parse(first.data, 0)
        if isinstance(header, Malformed):
            raise Unplayable("a program sends what is no packet")
        sender = Sender(header.saddr, mark=first.mark or 0)
        route = self._route(header, first, sender)
        output = self.netns.ipv4.output
        offload = offload_of(bytes(ETH_HLEN - 2) + ETH_P_IP.to_bytes(2, "big") + first.data, route.dev.mtu)
        pkt = Packet(bytearray(ETH_HLEN) + first.data, route.dev, offload)
        pkt.network_header, pkt.transport_header = ETH_HLEN, ETH_HLEN + header.ihl
        pkt.protocol, pkt.ip, pkt.route = ETH_P_IP, header, route
        pkt.sock, pkt.mark, pkt.error = sender, sender.mark, 0
        self.host.outcomes.generated += 1
        output.ip_local_out(pkt)

    def _route(self, header: Ipv4Header, first: Hop, sender: Sender) -> Rtable:
        flow = Flow(header.daddr, header.saddr, tos=header.tos & IPTOS_RT_MASK, mark=sender.mark)
        flow.proto = header.protocol
        if header.protocol in (IPPROTO_TCP, IPPROTO_UDP) and not header.frag_off & 0x1FFF:
            ports = first.data[header.ihl : header.ihl + 4]
            flow.sport, flow.dport = int.from_bytes(ports[:2], "big"), int.from_bytes(ports[2:], "big")
        try:
            route = self.netns.ipv4.router.route_output(flow)
        except NetError as error:
            raise Unplayable(f"its program would get: {error.text}") from None
        if not isinstance(route, Rtable):
            raise Unplayable(f"its program would get errno {route}")
        return route

    # --- what comes of it -------------------------------------------------------------------------------

    def _settle(self) -> None:
        for _ in range(TURNS):
            if not len(self.host.backlog):
                break
            self.host.run_backlog()
        for port in self._ports.values():
            tx = getattr(port, "tx", None)
            if tx:
                tx.clear()

    def _take(self, own: list[Hop] | None = None) -> None:
        """The hops of a packet that has just begun; those of others go where theirs are."""
        records, self._recorder.records = self._recorder.records, []
        heard = deque(self._heard)
        self._heard.clear()
        for at, hop in enumerate(records):
            while heard and heard[0].after <= at:
                self._note(heard.popleft())
            assert isinstance(hop, Hop), "observers at points write down hops alone"
            found = self._followed.get(hop.packet)
            if found is None and own is not None:
                found, own = own, None
                self._follow(hop.packet, found)
            elif found is None:
                found = []
                self._follow(hop.packet, found)
                self.awaited[hop.packet] = Made(found)
                self.caused.append(hop.packet)
            found.append(hop)
        for decision in heard:
            self._note(decision)
        while len(self.awaited) > MOST_AWAITED:
            self.awaited.popitem(last=False)

    def _follow(self, packet: int, hops: list[Hop]) -> None:
        self._followed[packet] = hops
        if len(self._followed) > MOST_FOLLOWED:
            eldest, _ = self._followed.popitem(last=False)
            self._decided.pop(eldest, None)

    def _note(self, decision: Decision) -> None:
        hops = self._followed.get(decision.packet)
        if hops is None:  # it has been forgotten
            return
        self._decided.setdefault(decision.packet, []).append((len(hops), decision))

    def decision(self, hops: Sequence[Hop], behind: int) -> Decision | None:
        """What let a packet go on, or did not, behind so many of its hops; None if none was asked."""
        found = self._decided.get(hops[0].packet, []) if hops else []
        return next((decision for after, decision in reversed(found) if after == behind), None)
