"""What two stations say to each other across a router: from which side, and the packet."""

from __future__ import annotations

from pystack.wire import icmp, tcp, udp
from pystack.wire.ipv4 import IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP
from pystack.wire.tcp import TcpHeader
from tests.frames import datagram, echo_message, ip
from tests.netfilter.conntrack.router import LEFT, RIGHT

ADDRESSES = (ip(LEFT), ip(RIGHT))
CLIENT, SERVER = 1000, 80

Said = tuple[int, bytes]


def in_ip(side: int, payload: bytes, protocol: int) -> Said:
    """A packet of one side for the other."""
    return side, datagram(payload, protocol, src=ADDRESSES[side], dst=ADDRESSES[1 - side])


def segment(
    side: int,
    flags: int,
    seq: int = 0,
    ack: int = 0,
    data: bytes = b"",
    window: int = 1000,
    port: int = CLIENT,
) -> Said:
    """TCP between a client's port and port 80."""
    ports = (port, SERVER) if side == 0 else (SERVER, port)
    fields = TcpHeader(*ports, seq=seq, ack=ack, flags=flags, window=window)
    return in_ip(side, tcp.build(fields, data, ADDRESSES[side], ADDRESSES[1 - side]), IPPROTO_TCP)


def query(side: int, sport: int, dport: int) -> Said:
    """UDP."""
    return in_ip(side, udp.build(sport, dport, b"x", ADDRESSES[side], ADDRESSES[1 - side]), IPPROTO_UDP)


def ping(ident: int = 7) -> Said:
    """An echo request from the left."""
    return in_ip(0, echo_message(ident=ident), IPPROTO_ICMP)


def error_about(said: Said, code: int = icmp.ICMP_PORT_UNREACH) -> Said:
    """What the receiver complains of."""
    side, packet = said
    return in_ip(1 - side, icmp.build(icmp.ICMP_DEST_UNREACH, code, 0, 0, packet[:28]), IPPROTO_ICMP)


def bare(protocol: int) -> Said:
    """Twenty zeros of some protocol from the left."""
    return in_ip(0, bytes(20), protocol)
