"""Somebody behind a port of a host under test: answers ARP, and echo requests as the test wants it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from pystack.applets.virtual import Outside, run_setup
from pystack.host import Host
from pystack.l2.port import PortDevice
from pystack.wire import arp, icmp, ipv4
from pystack.wire.arp import Arp
from pystack.wire.ethernet import ETH_HLEN, ETH_P_ARP, ETH_P_IP, header
from pystack.wire.ipv4 import IPPROTO_ICMP, Ipv4Header

MAC = bytes.fromhex("020000000099")
OURS = ipv4.parse_address("10.0.0.1")
assert OURS is not None

Answerer = Callable[["Echo"], list[bytes]]


@dataclass(slots=True)
class Echo:
    """An echo request as it came: its IPv4 packet, and what is in it."""

    packet: bytes
    ident: int
    sequence: int
    payload: bytes
    source: int
    destination: int

    def reply(self, *, source: int | None = None, payload: bytes | None = None, ttl: int = 64) -> bytes:
        """The IPv4 packet of an answer."""
        whole = self.payload if payload is None else payload
        message = icmp.build(icmp.ICMP_ECHOREPLY, 0, self.ident, self.sequence, whole)
        return datagram(self.destination if source is None else source, self.source, message, ttl=ttl)

    def error(self, type_: int, code: int, *, rest: int = 0, source: int | None = None) -> bytes:
        """The IPv4 packet of an ICMP error that quotes the request."""
        message = icmp.build(type_, code, rest >> 16, rest & 0xFFFF, self.packet[:28])
        return datagram(self.destination if source is None else source, self.source, message)


def datagram(source: int, destination: int, payload: bytes, *, ttl: int = 64) -> bytes:
    head = Ipv4Header(source, destination, IPPROTO_ICMP, ttl=ttl)
    return ipv4.build(head, len(payload)) + payload


def honestly(echo: Echo) -> list[bytes]:
    return [echo.reply()]


@dataclass(slots=True)
class Neighbour:
    """Has every address of 10.0.0.0/24 but the host's own; `seen` are the frames that it got."""

    host: Host
    port: PortDevice
    answer: Answerer = honestly
    seen: list[bytes] = field(default_factory=list)

    def settle(self) -> None:
        while self.port.tx:
            frame = bytes(self.port.tx.popleft()[0])
            self.seen.append(frame)
            for packet in self._answers(frame):
                self.host.init.receive(self.port, packet)

    def _answers(self, frame: bytes) -> list[bytes]:
        kind = int.from_bytes(frame[12:14], "big")
        asked = arp.parse(frame, ETH_HLEN)
        if kind == ETH_P_ARP and isinstance(asked, Arp) and asked.operation == arp.ARPOP_REQUEST:
            if asked.tpa == asked.spa or asked.tpa == OURS:
                return []
            told = Arp(arp.ARPOP_REPLY, MAC, asked.tpa, asked.sha, asked.spa)
            return [header(asked.sha, MAC, ETH_P_ARP) + arp.build(told)]
        if kind == ETH_P_IP and frame[23] == IPPROTO_ICMP and frame[34] == icmp.ICMP_ECHO:
            return [header(frame[6:12], MAC, ETH_P_IP) + packet for packet in self.answer(_echo(frame))]
        return []

    def outside(self) -> Outside:
        return Outside(settle=self.settle)

    def echoes(self) -> list[Echo]:
        return [
            _echo(frame) for frame in self.seen if frame[12:14] == b"\x08\x00" and frame[34] == icmp.ICMP_ECHO
        ]


def _echo(frame: bytes) -> Echo:
    packet = frame[ETH_HLEN:]
    _, _, _, ident, sequence = icmp.HEADER.unpack_from(packet, 20)
    source, destination = (int.from_bytes(packet[at : at + 4], "big") for at in (12, 16))
    return Echo(packet, ident, sequence, packet[28:], source, destination)


def host_with_neighbour(answer: Answerer = honestly) -> Neighbour:
    """A host 10.0.0.1/24 on `tap1`, whose default gateway is 10.0.0.254."""
    host = Host()
    port = host.init.add_port("tap1", bytes.fromhex("020000000001"))
    setup = """
    ip link set lo up
    ip link set tap1 up
    ip addr add 10.0.0.1/24 dev tap1
    ip route add default via 10.0.0.254
    """
    assert run_setup(host, setup, "neighbours") == []
    return Neighbour(host, port, answer)
