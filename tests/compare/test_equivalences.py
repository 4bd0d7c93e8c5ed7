"""What a text may differ in by nature."""

from pystack.compare.equivalences import Injected, alike, plain_text
from pystack.wire import tcp
from pystack.wire.ipv4 import IPPROTO_TCP
from pystack.wire.tcp import TcpHeader
from tests.frames import datagram, ip, packet_frame

LOCAL = "02:00:00:00:00:01 dev tap1 master br0 permanent\n"
LEARNED = "02:00:00:00:aa:01 dev tap1 master br0 \n"


def test_what_a_kernel_with_vlans_lists_once_more_counts_once() -> None:
    again = "02:00:00:00:00:01 dev tap1 vlan 1 master br0 permanent\n"
    sticky = "02:00:00:00:aa:01 dev tap3 vlan 1 sticky master br0 static\n"
    assert plain_text(LEARNED + again + LOCAL + sticky) == LEARNED + LOCAL


def test_entries_of_other_vlans_and_learned_ones_stay() -> None:
    text = (
        "02:00:00:00:00:01 dev tap1 vlan 5 master br0 permanent\n"
        "02:00:00:00:00:01 dev tap1 vlan 11 master br0 permanent\n"
        "02:00:00:00:aa:01 dev tap1 vlan 1 master br0 \n"
    )
    assert plain_text(text) == text


def proc_row(
    sl: int = 0, *, port: str = "8BC2", queued: int = 1, left: str = "00000031", place: str = "24965242 2"
) -> str:
    """As in /proc/net/tcp."""
    ends = f"0100000A:{port} 0200000A:0063 02 {queued:08X}:00000000 01:{left} 00000000"
    return f"{sl:4}: {ends}     0        0 {place} {0x47:016x} 100 0 0 10 -1".ljust(149) + "\n"


def test_a_socket_may_lie_anywhere_and_have_any_drawn_port_in_proc() -> None:
    other = proc_row(10618, port="EE47", left="00000032", place="0 1")
    assert plain_text(proc_row()) == plain_text(other)


def test_what_else_proc_tells_of_a_socket_stays() -> None:
    for other in (proc_row(queued=2), proc_row(port="0050"), proc_row(port="EE48")):
        assert plain_text(proc_row()) != plain_text(other)


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
