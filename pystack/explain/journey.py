"""Sends one packet through a host and keeps what the narrator said of it and of what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pystack.errors import EINVAL, EMSGSIZE, ENODEV, NetError
from pystack.explain import lengths
from pystack.explain.answers import answer_to, arp_answer
from pystack.explain.delivery import DELIVERED
from pystack.explain.link_header import framed
from pystack.explain.narrator import Narrator
from pystack.explain.path_kind import Wiring, kind_of, wiring_of
from pystack.explain.routing import why_asked, why_not_bound
from pystack.explain.scene import Scene
from pystack.explain.sender import Sender
from pystack.explain.sockets import open_socket
from pystack.explain.stage import DROPPED, Reason, Stage, Told, Traveller
from pystack.explain.words import Made
from pystack.host import Host
from pystack.l2.devices import Link
from pystack.l3.fib_types import IPTOS_RT_MASK, Flow
from pystack.l3.flow_keys import flow_keys
from pystack.l3.route import Rtable
from pystack.netns import Netns
from pystack.packet import Packet
from pystack.wire import ipv4
from pystack.wire.checksum import transport_sum
from pystack.wire.ethernet import ETH_P_ARP, ETH_P_IP
from pystack.wire.ipv4 import IPPROTO_TCP, IPPROTO_UDP, Ipv4Header

_TURNS: Final = 1000  # of the backlog: frames that circle for ever end then
MOST_PACKETS: Final = 100  # that come of one another: a loop makes them without end
_CHECK_AT: Final = {IPPROTO_TCP: 16, IPPROTO_UDP: 6}


@dataclass(frozen=True, slots=True)
class Explanation:
    """All packets, in the order in which they came into being, and all their stages in order."""

    travellers: list[Traveller]
    stages: list[Stage]
    wiring: dict[str, Wiring]  # by namespace
    is_cut_short: bool = False  # there were more packets than anybody wants to read of

    @property
    def is_dropped(self) -> bool:
        """Whether the packet that was asked about came nowhere: no copy of it met another end."""
        ends = ends_of(self.travellers[0])
        return all(end.startswith(DROPPED) for end in ends)

    def end_of(self, traveller: Traveller) -> str:
        """How its way ended."""
        caused = [f"#{other.number}" for other in self.travellers if other.cause == traveller.number]
        return "; ".join([*ends_of(traveller), *([f"caused {', '.join(caused)}"] if caused else [])])


def ends_of(traveller: Traveller) -> list[str]:
    """Where it was last seen, each place once; what it waits for, if it came nowhere."""
    return list(dict.fromkeys(traveller.ends)) or [traveller.waits or "gone: no more is to be seen of it"]


class NoWay(NetError):
    """The socket that sends is told an errno instead of a way; the reasons say why."""

    def __init__(self, number: int, reasons: tuple[Reason, ...]) -> None:
        super().__init__(number)
        self.reasons = reasons


class Journey:
    """On a host that nobody else uses."""

    def __init__(self, host: Host, netns: Netns) -> None:
        self._host = host
        self._netns = netns
        self._scene = Scene(netns, host.origins.of)
        self._narrator = Narrator(host, host.origins.of, MOST_PACKETS)

    def enter(self, dev: Link, made: Made) -> None:
        """It comes in by a device."""
        frame = framed(self._netns, dev, made)
        self._narrator.watcher.expect(self._netns, dev, frame)
        self._receive(dev, frame)

    def leave(self, made: Made, *, bound_to: str = "", mark: int = 0, uid: int = 0) -> None:
        """A local socket sends it. Raises NetError as the socket would get it."""
        header = ipv4.parse(made.payload, 0)
        if made.protocol != ETH_P_IP or not isinstance(header, Ipv4Header):
            raise NetError(EINVAL, "only an IPv4 packet can be sent by a socket")
        dev = self._netns.devices.get(bound_to) if bound_to else None
        if bound_to and dev is None:
            raise NetError(ENODEV)
        sender = Sender(header.saddr, ifindex=dev.ifindex if dev else 0, mark=mark, uid=uid)
        self._open(header, made.payload[header.ihl :], sender)
        flow = self._flow(header, made.payload, sender)
        route = self._netns.ipv4.router.route_output(flow)
        if not isinstance(route, Rtable):
            asked = self._flow(header, made.payload, sender)
            raise NoWay(route, tuple(why_asked(self._scene, asked)))
        if too_long := lengths.refused(self._scene, header, route):
            raise NoWay(EMSGSIZE, too_long)
        payload = made.payload[header.ihl :]
        if header.saddr != flow.saddr:
            header.saddr = flow.saddr
            payload = _summed(header, payload)
        output = self._netns.ipv4.output
        pkt = output.build(header, payload, route)
        pkt.sock, pkt.mark = sender, mark
        output.ip_local_out(pkt)
        self._settle()

    def _open(self, header: Ipv4Header, payload: bytes, sender: Sender) -> None:
        try:
            open_socket(self._netns, header, payload, sender)
        except NetError as error:
            raise NoWay(error.number, tuple(why_not_bound(self._scene, header.saddr))) from None

    def _flow(self, header: Ipv4Header, packet: bytes, sender: Sender) -> Flow:
        """How its socket asks for the way."""
        pkt = Packet(packet, self._netns.loopback)
        pkt.ip = header
        flow = Flow(header.daddr, header.saddr, oif=sender.ifindex, tos=header.tos & IPTOS_RT_MASK)
        flow.mark, flow.uid = sender.mark, sender.uid
        flow.proto, flow.sport, flow.dport = flow_keys(pkt)
        return flow

    def reply(self) -> bool:
        """Whoever got the first packet answers it; false if it never left, or asks for no answer."""
        first = self._narrator.watcher.travellers[0]
        if first.number not in self._narrator.left:
            self._assume_neighbour(first)
        left = self._narrator.left.get(first.number)
        answer = None if left is None else answer_to(left.frame)
        if left is None or answer is None:
            told = Told(f"nothing is followed: {_why_no_answer(first, left is not None)}")
            self._narrator.watcher.add(Stage(first.number, first.netns, "reply", "reply", told))
            return False
        self._receive(left.dev, answer)
        return True

    def _assume_neighbour(self, first: Traveller) -> None:
        """Have a station answer the question by ARP that keeps a packet waiting."""
        travellers = self._narrator.watcher.travellers
        for asking in [one for one in travellers if one.cause == first.number and one.protocol == ETH_P_ARP]:
            left = self._narrator.left.get(asking.number)
            answer = None if left is None else arp_answer(left.frame)
            if left is None or answer is None:
                continue
            known = len(travellers)
            self._receive(left.dev, answer)
            for assumed in travellers[known : known + 1]:
                assumed.begins = f"assumed to enter by {left.dev.name}"

    def close(self) -> Explanation:
        """What was said."""
        self._narrator.watcher.close()
        wiring = {name: wiring_of(self._host, netns) for name, netns in self._host.namespaces.items()}
        for traveller in self._narrator.watcher.travellers:
            hooks = [passing.crossed for passing in traveller.passed]
            traveller.path = kind_of(hooks, wiring[traveller.netns])
        watcher = self._narrator.watcher
        return Explanation(watcher.travellers, watcher.stages, wiring, watcher.is_cut_short)

    def _receive(self, dev: Link, frame: bytes) -> None:
        dev.net.ingress.receive(dev, bytearray(frame))
        self._settle()

    def _settle(self) -> None:
        turns = _TURNS
        while len(self._host.backlog) and turns:
            self._host.run_backlog()
            turns -= 1
        self._narrator.settle()


def _why_no_answer(first: Traveller, has_left: bool) -> str:
    if has_left:
        return "it asks for no answer"
    if any(end.startswith(f"{DELIVERED} to") for end in first.ends):
        return "what a program here answers is not known"
    return "it did not leave; what the stack itself answers is told anyway"


def _summed(header: Ipv4Header, payload: bytes) -> bytes:
    """With the transport's checksum for the source that was chosen."""
    at = _CHECK_AT.get(header.protocol)
    if at is None or len(payload) < at + 2:
        return payload
    bare = payload[:at] + bytes(2) + payload[at + 2 :]
    check = 0xFFFF ^ transport_sum(header.saddr, header.daddr, header.protocol, bare)
    return payload[:at] + (check or 0xFFFF).to_bytes(2, "big") + payload[at + 2 :]
