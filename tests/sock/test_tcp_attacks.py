"""Peers that mean no good cost little, and others are served on."""

import random
import sys
import tracemalloc
from collections.abc import Callable
from types import FunctionType, ModuleType

from pystack.applets import virtual
from pystack.sock.tcp_states import TcpState
from pystack.wire import tcp
from pystack.wire.checksum import transport_sum
from pystack.wire.ipv4 import IPPROTO_TCP
from tests.frames import OUR_IP, datagram, ip, packet_frame
from tests.sock.tcp_peer import ISN, MSS, OUR_PORT, Peer

BACKLOG = 64


def syn_from(source: int, sport: int) -> bytes:
    header = tcp.TcpHeader(sport, OUR_PORT, seq=ISN, flags=tcp.SYN, window=1000, options=MSS)
    segment = tcp.build(header, b"", source, OUR_IP)
    return packet_frame(datagram(segment, IPPROTO_TCP, src=source, dst=OUR_IP))


def flood(peer: Peer, number: int) -> None:
    """From all over the world, which lies behind Alice."""
    virtual.run("ip route replace default via 10.0.0.2".split(), peer.box.host)
    chance = random.Random(1)
    for _ in range(number):
        source = ip("20.0.0.0") + chance.randrange(1 << 28)
        peer.box.send(peer.eth0, syn_from(source, chance.randrange(1024, 65536)))
        peer.box.sent(peer.eth0)


def test_a_syn_flood_keeps_no_more_than_the_backlog_and_others_get_in(scaled: Callable[[int], int]) -> None:
    peer, number = Peer(), scaled(100_000)
    listener = peer.listen(BACKLOG)
    flood(peer, BACKLOG * 2)
    held = footprint_of_all(peer)
    flood(peer, number)
    assert footprint_of_all(peer) < held + 64 * 1024
    assert len(peer.box.ns.tcp.tcp.connections) <= BACKLOG + 1
    assert peer.box.ns.snmp.TcpExt.SyncookiesSent > number * 0.9
    peer.send("S", options=MSS)
    assert peer.heard() == ["S. 0 ack 1"]
    peer.send(".", 1, 1)
    child = listener.accept()
    assert child is not None
    peer.send("P.", 1, 1, b"let me in")
    assert child.recv() == b"let me in"
    peer.box.assert_every_packet_is_accounted_for()


def test_without_cookies_a_flood_shuts_others_out_only_until_it_is_over() -> None:
    peer = Peer()
    peer.box.sysctl("net.ipv4.tcp_syncookies", "0")
    peer.listen(BACKLOG)
    flood(peer, 200)
    peer.send("S", options=MSS)
    assert peer.heard() == []
    assert peer.box.drops()["TCP_SYN_FLOOD"] > 0
    peer.box.advance(70)
    peer.box.sent(peer.eth0)
    peer.send("S", options=MSS)
    assert peer.heard() == ["S. 0 ack 1"]


def test_a_peer_that_never_opens_its_window_holds_no_more_than_a_send_buffer() -> None:
    peer = Peer()
    sock = peer.accepted(window=0)
    while sock.send(b"x" * 65536):
        pass
    assert sock.write_queued < 2 * sock.sndbuf
    assert sock.sndbuf <= 4_194_304
    sock.close()
    peer.moments(3600)
    assert sock.state is TcpState.CLOSE
    assert not peer.box.ns.tcp.tcp.connections
    assert peer.box.ns.tcp.tcp.orphans == 0


def test_a_program_that_never_reads_holds_no_more_than_a_receive_buffer() -> None:
    peer = Peer()
    sock = peer.accepted()
    for number in range(3000):
        peer.send(".", 1 + number * 1460, 1, b"x" * 1460)
    assert sock.rcvq_truesize <= sock.rcvbuf + 4096
    assert sock.rcvq_length < 200_000


def test_segments_out_of_order_hold_no_more_than_a_receive_buffer() -> None:
    peer = Peer()
    sock = peer.accepted()
    for number in range(5000):
        peer.send(".", 3 + number * 2 % 60000, 1, b"x")
        if not number % 500:
            peer.heard()
    assert sock.rcvq_truesize <= sock.rcvbuf + 4096


def test_random_octets_instead_of_a_segment_are_survived() -> None:
    peer = Peer()
    sock = peer.accepted()
    chance = random.Random(7)
    for _ in range(3000):
        segment = bytearray(chance.randbytes(chance.randrange(60)))
        if len(segment) >= 20:
            segment[:4] = bytes((4000 >> 8, 4000 & 255, 0, OUR_PORT))
            segment[12] = chance.choice((0x50, 0x60, 0x80, segment[12]))
            segment[16:18] = bytes(2)
            check = transport_sum(ip("10.0.0.2"), OUR_IP, IPPROTO_TCP, segment) ^ 0xFFFF
            segment[16:18] = check.to_bytes(2, "big")
        peer.box.send(peer.eth0, packet_frame(datagram(bytes(segment), IPPROTO_TCP)))
    peer.box.assert_every_packet_is_accounted_for()
    assert sock.state in TcpState


def footprint_of_all(peer: Peer) -> int:
    return sum(footprint(end) for end in peer.box.ns.tcp)


def footprint(root: object) -> int:
    """Octets that an object holds alone, what it shares with others left out."""
    seen: set[int] = set()
    total, todo = 0, [root]
    shared = (type, ModuleType, FunctionType)
    while todo:
        thing = todo.pop()
        if id(thing) in seen or isinstance(thing, shared) or type(thing).__name__ in SHARED:
            continue
        seen.add(id(thing))
        total += sys.getsizeof(thing)
        for kind in type(thing).__mro__:
            names = getattr(kind, "__slots__", ())
            todo += [getattr(thing, name) for name in names if hasattr(thing, name)]
        if isinstance(thing, list | tuple | set):
            todo += list(thing)
    return total


SHARED = frozenset({"TcpContext", "SocketContext", "Timers", "Timer", "Rtable", "Netns"})


def test_an_idle_connection_is_small() -> None:
    peer = Peer()
    sock = peer.accepted()
    peer.send("P.", 1, 1, b"hello")
    sock.recv()
    assert footprint(sock) < 10 * 1024


def test_ten_thousand_idle_connections_hold_less_than_ten_kibibytes_each(
    scaled: Callable[[int], int],
) -> None:
    peer, number = Peer(), scaled(10_000)
    listener = peer.listen(BACKLOG)
    children = []
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    for port in range(10_000, 10_000 + number):
        peer.port = port
        peer.send("S", options=MSS)
        peer.heard()
        peer.send(".", 1, 1)
        children.append(listener.accept())
    held = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    assert all(child is not None and child.state is TcpState.ESTABLISHED for child in children)
    assert held / number < 10 * 1024
