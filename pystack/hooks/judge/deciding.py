"""A copy of a namespace says what becomes of the kernel's packets.

At each point a packet crosses the whole hook of the copy that the point stands for: all tables and chains
that hang there, and connection tracking. Between two hooks it is the kernel's: that routes it, and shows it
again at the next one. So every table of the copy is asked once for each packet, and a connection is found at
its first hook and confirmed at its last, as it is in the kernel.

Addresses are translated by one of the two. If rules of the kernel's own do it, the copy's chains of nat are
not asked, and what the copy must know of it, it asks the kernel for. If there are none, and the points are in
front of the kernel's own connection tracking (raw) or it tracks nothing, the copy translates, and the kernel
only ever sees the inner side of connections.

A verdict needs no REPEAT: the kernel's rules behind ours are asked anyway, those in front were asked already.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pystack.device import IFF_LOOPBACK, NetDevice
from pystack.drop import NETFILTER_DROP
from pystack.hooks.judge.answer import ACCEPT, Answer
from pystack.hooks.judge.connections import KernelsConnections, translate_back
from pystack.hooks.judge.crossing import Crossing
from pystack.hooks.judge.journeys import Journeys
from pystack.hooks.judge.kernel import Kernel
from pystack.hooks.judge.packets import answer_of, packet_of
from pystack.hooks.judge.points import BEGINNINGS, hook_of, last_hooks, missing_for_nat
from pystack.hooks.queue.packet import Queued
from pystack.l2.devices import Link
from pystack.l2.offload import finish_checksum
from pystack.l3.fib_types import IPTOS_RT_MASK, Flow
from pystack.l3.route import Rtable
from pystack.netfilter.hooks import (
    INPUT,
    NETDEV_EGRESS,
    NFPROTO_IPV4,
    OUTPUT,
    POSTROUTING,
    PREROUTING,
    HookState,
)
from pystack.netfilter.tables import NAT
from pystack.netfilter.verdict import NF_ACCEPT, NF_DROP, NF_STOLEN
from pystack.netns import Netns
from pystack.packet import Packet

_FIRST: Final = -(1 << 31)
_ENDS: Final = frozenset({INPUT, POSTROUTING})
_LEAVING: Final = frozenset({OUTPUT, POSTROUTING})
_DROPPED: Final = Answer(NF_DROP)


class Deciding:
    """A Judge, of one copy."""

    def __init__(
        self, netns: Netns, points: Sequence[str], kernel: Kernel, *, is_obeyed: bool = True
    ) -> None:
        """Raises Refused. What is not obeyed translates nothing, and answers nobody."""
        self.unasked = 0  # packets by devices that the copy does not have, or that are no IPv4
        self._is_obeyed = is_obeyed
        self._missing = missing_for_nat(points, kernel_tracks=kernel.tracks)
        self.translates = is_obeyed and not kernel.translates and not self._missing
        self._netns = netns
        self._kernel = kernel
        self._last = last_hooks(points) - _ENDS
        self._journeys = Journeys(with_destination=not kernel.translates)
        self._own = Journeys(with_destination=True)  # of what the copy had the kernel send
        self._is_judging = False
        sends = netns.hooks.ip[OUTPUT].register(self._send, _FIRST, "judge") if is_obeyed else None
        self._crossings = {
            point: Crossing(netns, hook_of(point), translates=self.translates, without=sends)
            for point in points
        }
        self._watched: set[str] = set()  # ports of bridges whose frames of the copy's own are seen
        self._kernels: KernelsConnections | None = None
        if kernel.tracks and not self.translates:
            context = netns.conntrack.context
            self._kernels = KernelsConnections(context, kernel)
            context.elsewhere = self._kernels.find

    def judge(self, point: str, packets: Sequence[Queued]) -> list[Answer]:
        """As the copy would have it."""
        crossing = self._crossings[point]
        self._is_judging = True
        try:
            return [self._answer(crossing, queued) for queued in packets]
        finally:
            self._is_judging = False

    @property
    def is_indispensable(self) -> bool:
        """While it translates: an answer that comes to an outer address is not for the kernel's host."""
        return self.translates and self._has_nat

    @property
    def _has_nat(self) -> bool:
        return any(entry.name == NAT for entry in self._netns.hooks.ip[PREROUTING].entries)

    @property
    def notes(self) -> list[str]:
        """What of the copy has no effect."""
        found = []
        if not self.translates and self._has_nat:
            found.append(f"the copy's nat is not asked: {self._why_it_translates_nothing()}")
        if self.unasked:
            found.append(f"{self.unasked} packets passed unasked: their devices are not in the copy")
        if self._kernel.unsent:
            found.append(
                f"{self._kernel.unsent} answers of the copy's were not sent: the kernel refused them"
            )
        return found

    def _why_it_translates_nothing(self) -> str:
        if self._kernel.translates:
            return "rules of the kernel's translate addresses"
        if not self._is_obeyed:
            return "pystack only observes"
        return f"that takes the points {', '.join(self._missing)}"

    def _answer(self, crossing: Crossing, queued: Queued) -> Answer:
        if crossing.is_bare and not queued.physin and not self._netns.conntrack.tracks(NFPROTO_IPV4):
            return ACCEPT
        devices, outcomes = self._netns.devices, self._netns.link.outcomes
        indev, outdev = devices.by_index(queued.indev), devices.by_index(queued.outdev)
        dev = outdev if crossing.hook in _LEAVING else indev
        is_strange = (queued.indev and indev is None) or (queued.outdev and outdev is None)
        pkt = None if dev is None or is_strange else packet_of(queued, dev)
        if pkt is None:
            self.unasked += 1
            return ACCEPT
        pkt.physin, pkt.physout = devices.by_index(queued.physin), devices.by_index(queued.physout)
        if pkt.physin is not None:
            self._watch(pkt.physin)
        passed: list[Packet] = []
        state = HookState(crossing.hook, indev, outdev, passed.append)
        outcomes.received += 1
        if self._is_taken_up(pkt, state, queued.payload):
            self._find_way(pkt, state)
            crossing.run(pkt, state)
        if not passed or not self._is_confirmed(pkt, state):
            return _DROPPED
        outcomes.consumed += 1  # it is the kernel's again
        if state.hook not in _ENDS or (outdev is not None and outdev.flags & IFF_LOOPBACK):
            self._journeys.note(pkt)
        return answer_of(queued, pkt)

    def _is_taken_up(self, pkt: Packet, state: HookState, packet: bytes) -> bool:
        """What is known of it from the hook before; who was not seen there begins here. False: dropped."""
        begins = state.hook in BEGINNINGS
        if state.hook == OUTPUT:
            journey = self._own.find(packet) or self._journeys.find_quoted(pkt)
        elif begins and (state.indev is None or not state.indev.flags & IFF_LOOPBACK):
            journey = None
        else:
            journey = self._journeys.find(packet)
        if journey is not None:
            pkt.ct, pkt.ctinfo = journey.ct, journey.ctinfo
            pkt.physin = pkt.physin or (journey.physin if pkt.physout is not None else None)
            if self._kernels is not None and self._kernel.translates:
                self._kernels.follow(pkt)
            return True
        conntrack = self._netns.conntrack
        if begins or not conntrack.tracks(NFPROTO_IPV4):
            return True  # connection tracking itself hangs at these hooks
        return self._went_on(pkt, conntrack.tracker.classify(pkt, state))

    def _is_confirmed(self, pkt: Packet, state: HookState) -> bool:
        """Where nobody sees it again, its connection counts from now on."""
        conntrack = self._netns.conntrack
        if state.hook not in self._last or not conntrack.tracks(NFPROTO_IPV4):
            return True  # as above
        return self._went_on(pkt, conntrack.tracker.confirm(pkt, state))

    def _went_on(self, pkt: Packet, verdict: int) -> bool:
        if verdict == NF_DROP:
            self._netns.drop(pkt, NETFILTER_DROP)
        return verdict != NF_DROP

    def _find_way(self, pkt: Packet, state: HookState) -> None:
        """The route that the copy would take: rules ask for it. The kernel takes its own."""
        header, indev, router = pkt.ip, state.indev, self._netns.ipv4.router
        if header is None or state.hook == PREROUTING or pkt.physout is not None:
            return
        flow = Flow(header.daddr, header.saddr, tos=header.tos & IPTOS_RT_MASK, mark=pkt.mark)
        route = (
            router.route_input(header.daddr, header.saddr, header.tos, pkt.mark, indev, pkt)
            if isinstance(indev, Link)
            else router.route_output(flow, any_source=True)
        )
        if isinstance(route, Rtable):
            pkt.route = route

    def _send(self, pkt: Packet, state: HookState) -> int:
        """What the copy makes while it judges (a REJECT's answer, a TEE's copy), the kernel sends; it comes
        back to OUTPUT there, and only then meets the copy's rules.
        """
        if not self._is_judging:
            return NF_ACCEPT
        if pkt.offload.needs_checksum:
            finish_checksum(pkt)
        if self._kernel.translates:
            translate_back(pkt)
        self._own.note(pkt)
        self._netns.link.outcomes.consumed += 1
        self._kernel.send(bytes(pkt.data[pkt.network_header :]), pkt.mark)
        return NF_STOLEN

    def _watch(self, port: NetDevice) -> None:
        """A RST about a bridged segment leaves by its port at once, and meets no rules of IP."""
        if self._is_obeyed and port.name not in self._watched:
            self._watched.add(port.name)
            self._netns.hooks.hang_at_device(port.name, NETDEV_EGRESS, self._send_frame, _FIRST, "judge")

    def _send_frame(self, pkt: Packet, state: HookState) -> int:
        if not self._is_judging:
            return NF_ACCEPT
        if pkt.offload.needs_checksum:
            finish_checksum(pkt)
        self._netns.link.outcomes.consumed += 1
        self._kernel.send_frame(pkt.dev.name, bytes(pkt.frame()))
        return NF_STOLEN
