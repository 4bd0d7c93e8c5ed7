"""Sends one packet through a host and keeps what the narrator said of it and of what came of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pystack.errors import EINVAL, ENODEV, NetError
from pystack.explain.answers import answer_to
from pystack.explain.link_header import framed
from pystack.explain.narrator import Narrator
from pystack.explain.stage import Stage, Traveller
from pystack.explain.words import Made
from pystack.host import Host
from pystack.l2.devices import Link
from pystack.l3.fib_types import Flow
from pystack.l3.route import Rtable
from pystack.netns import Netns
from pystack.wire import ipv4
from pystack.wire.checksum import add, ones_sum, pseudo_header_sum
from pystack.wire.ethernet import ETH_P_IP
from pystack.wire.ipv4 import IPPROTO_TCP, IPPROTO_UDP, Ipv4Header

_TURNS: Final = 1000  # of the backlog: frames that circle for ever end then
_CHECK_AT: Final = {IPPROTO_TCP: 16, IPPROTO_UDP: 6}


@dataclass(frozen=True, slots=True)
class Explanation:
    """All packets, in the order in which they came into being, and all their stages in order."""

    travellers: list[Traveller]
    stages: list[Stage]

    def end_of(self, traveller: Traveller) -> str:
        """How its way ended."""
        ends = list(dict.fromkeys(traveller.ends)) or ["waits"]
        caused = [f"#{other.number}" for other in self.travellers if other.cause == traveller.number]
        return "; ".join([*ends, *([f"caused {', '.join(caused)}"] if caused else [])])


class Journey:
    """On a host that nobody else uses."""

    def __init__(self, host: Host, netns: Netns) -> None:
        self._host = host
        self._netns = netns
        self._narrator = Narrator(host, host.origins.of)

    def enter(self, dev: Link, made: Made) -> None:
        """It comes in by a device."""
        self._receive(dev, framed(self._netns, dev, made))

    def leave(self, made: Made, bound_to: str = "") -> None:
        """A local socket sends it. Raises NetError as the socket would get it."""
        header = ipv4.parse(made.payload, 0)
        if made.protocol != ETH_P_IP or not isinstance(header, Ipv4Header):
            raise NetError(EINVAL, "only an IPv4 packet can be sent by a socket")
        dev = self._netns.devices.get(bound_to) if bound_to else None
        if bound_to and dev is None:
            raise NetError(ENODEV)
        flow = Flow(header.daddr, header.saddr, oif=dev.ifindex if dev else 0, tos=header.tos)
        route = self._netns.ipv4.router.route_output(flow)
        if not isinstance(route, Rtable):
            raise NetError(route)
        payload = made.payload[header.ihl :]
        if header.saddr != flow.saddr:
            header.saddr = flow.saddr
            payload = _summed(header, payload)
        output = self._netns.ipv4.output
        output.ip_local_out(output.build(header, payload, route))
        self._settle()

    def reply(self) -> bool:
        """Whoever got the first packet answers it; false if it never left, or asks for no answer."""
        first = self._narrator.watcher.travellers[0]
        left = self._narrator.left.get(first.number)
        answer = None if left is None else answer_to(left.frame)
        if left is None or answer is None:
            return False
        self._receive(left.dev, answer)
        return True

    def close(self) -> Explanation:
        """What was said."""
        self._narrator.watcher.close()
        return Explanation(self._narrator.watcher.travellers, self._narrator.watcher.stages)

    def _receive(self, dev: Link, frame: bytes) -> None:
        dev.net.ingress.receive(dev, bytearray(frame))
        self._settle()

    def _settle(self) -> None:
        turns = _TURNS
        while len(self._host.backlog) and turns:
            self._host.run_backlog()
            turns -= 1


def _summed(header: Ipv4Header, payload: bytes) -> bytes:
    """With the transport's checksum for the source that was chosen."""
    at = _CHECK_AT.get(header.protocol)
    if at is None or len(payload) < at + 2:
        return payload
    bare = payload[:at] + bytes(2) + payload[at + 2 :]
    pseudo = pseudo_header_sum(header.saddr, header.daddr, header.protocol, len(bare))
    check = 0xFFFF ^ add(pseudo, ones_sum(bare))
    return payload[:at] + (check or 0xFFFF).to_bytes(2, "big") + payload[at + 2 :]
