"""What a frame may differ in by nature."""

from pystack.compare.equivalences import Injected, alike
from pystack.wire import tcp
from pystack.wire.ipv4 import IPPROTO_TCP
from pystack.wire.tcp import TcpHeader
from tests.frames import datagram, ip, packet_frame

US, PEER = ip("10.0.0.1"), ip("10.0.0.2")
SYN_ACK = tcp.SYN | tcp.ACK


def segment(sport: int, dport: int, *, seq: int = 5, flags: int = SYN_ACK, window: int = 100) -> bytes:
    """From us to our peer."""
    header = TcpHeader(sport, dport, seq=seq, ack=2, flags=flags, window=window)
    return packet_frame(datagram(tcp.build(header, b"", US, PEER), IPPROTO_TCP, src=US, dst=PEER))


def knock() -> bytes:
    header = TcpHeader(4000, 80, seq=1, flags=tcp.SYN)
    return packet_frame(datagram(tcp.build(header, b"", PEER, US), IPPROTO_TCP, src=PEER, dst=US))


def test_what_a_tcp_draws_may_differ() -> None:
    assert alike(segment(40000, 80), segment(50000, 80), Injected([knock()])) == ["drawn"]


def test_what_a_tcp_does_not_draw_may_not() -> None:
    assert alike(segment(40000, 80), segment(50000, 80, flags=tcp.ACK), Injected([knock()])) is None
    assert alike(segment(40000, 80), segment(50000, 80, window=99), Injected([knock()])) is None
    assert alike(segment(40000, 80), segment(40000, 80, seq=6), Injected([knock()])) is None
    broken = bytearray(segment(50000, 80))
    broken[50] ^= 1  # in its checksum
    assert alike(segment(40000, 80), bytes(broken), Injected([knock()])) is None


def test_a_peers_port_may_differ_only_if_the_peer_drew_it() -> None:
    assert alike(segment(80, 40000), segment(80, 50000), Injected([knock()])) is None
    assert alike(segment(40000, 40000), segment(50000, 50000), Injected([])) == ["drawn", "echoed"]
