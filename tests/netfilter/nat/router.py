"""A router with rules in nat between two stations, and packets across it."""

from __future__ import annotations

from pystack.applets.virtual import run_setup
from pystack.netfilter.conntrack.conn import Conn
from pystack.netfilter.nat.setup import Nat
from pystack.wire import ipv4, tcp, udp
from pystack.wire.ethernet import ETH_HLEN, ETH_P_IP, header
from pystack.wire.ipv4 import IPPROTO_TCP, IPPROTO_UDP, Ipv4Header
from pystack.wire.tcp import SYN, TcpHeader
from pystack.wire.virtio import NONE, Offload
from tests.box import Box
from tests.frames import datagram, ip

INSIDE, OUTSIDE = "10.1.0.1", "10.2.0.1"  # the router's addresses
CLIENT, OTHER, SERVER = "10.1.0.2", "10.1.0.3", "10.2.0.2"
PORTS = ("in0", "out0")
_OURS = {0: bytes.fromhex("020000000001"), 1: bytes.fromhex("020000000002")}
_STATION = {0: bytes.fromhex("020000000b01"), 1: bytes.fromhex("020000000b02")}
_NEIGHBOURS = {0: (CLIENT, OTHER, "10.1.0.4"), 1: (SERVER, "10.2.0.3", "10.2.0.99")}


class NatRouter:
    """The box; `rules` are those of `iptables -t nat -A`, `more` is any setup."""

    def __init__(self, *rules: str, more: str = "") -> None:
        self.box = Box()
        self.devices = [
            self.box.port(PORTS[side], _OURS[side], f"{address}/24")
            for side, address in enumerate((INSIDE, OUTSIDE))
        ]
        self.box.forward()
        setup = "".join(
            f"ip neigh add {address} lladdr {_STATION[side].hex(':')} dev {PORTS[side]}\n"
            for side, addresses in _NEIGHBOURS.items()
            for address in addresses
        )
        setup += "".join(f"iptables -t nat -A {rule}\n" for rule in rules) + more
        assert run_setup(self.box.host, setup, "rules") == []

    @property
    def nat(self) -> Nat:
        return self.box.ns.tables.nat

    @property
    def connections(self) -> list[Conn]:
        return list(self.box.ns.conntrack.context.table)

    def send(self, side: int, packet: bytes, offload: Offload = NONE) -> bytes | None:
        """What leaves on the other side for a packet that enters on this one; None if nothing does."""
        away = self.devices[1 - side]
        away.tx.clear()
        self.devices[side].tx.clear()
        frame = bytearray(header(_OURS[side], _STATION[side], ETH_P_IP) + packet)
        self.box.ns.receive(self.devices[side], frame, offload)
        self.box.host.run_backlog()
        return bytes(away.tx[0][0])[ETH_HLEN:] if away.tx else None


def udp_packet(source: str, sport: int, destination: str, dport: int, data: bytes = b"data") -> bytes:
    body = udp.build(sport, dport, data, ip(source), ip(destination))
    return datagram(body, IPPROTO_UDP, src=ip(source), dst=ip(destination))


def tcp_packet(
    source: str, sport: int, destination: str, dport: int, flags: int = SYN, *, seq: int = 1, ack: int = 0
) -> bytes:
    fields = TcpHeader(sport, dport, seq=seq, ack=ack, flags=flags, window=1000)
    body = tcp.build(fields, b"", ip(source), ip(destination))
    return datagram(body, IPPROTO_TCP, src=ip(source), dst=ip(destination))


def ends(packet: bytes | None) -> tuple[str, int, str, int]:
    """Addresses and ports of a packet."""
    assert packet is not None
    head = ipv4.parse(packet, 0)
    assert isinstance(head, Ipv4Header)
    sport, dport = (int.from_bytes(packet[head.ihl + at : head.ihl + at + 2], "big") for at in (0, 2))
    return ipv4.address_text(head.saddr), sport, ipv4.address_text(head.daddr), dport
