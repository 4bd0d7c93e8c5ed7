"""Random segments and calls in random order: nothing raises, no packet is lost count of, nothing stays."""

import random

import pytest

from pystack.errors import NetError
from pystack.sock.tcp import TcpSocket
from pystack.sock.tcp_request import Request
from pystack.sock.tcp_states import TcpState
from pystack.sock.tcp_timewait import TimeWait
from tests.sock.tcp_peer import MSS, OUR_PORT, Peer

STEPS = 1500
FLAGS = (*"S S. . . . . . P. P. P. P. F. R R. F SF UP.".split(), "")
OPTIONS = (
    b"",
    MSS,
    MSS + bytes.fromhex("0402080a 00000064 00000000 01030307"),
    b"\x08\x0a\x01\x01",
    b"\x05\x0a" * 6,
)


class Storm:
    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        self.peer = Peer(seed=seed)
        self.socks: list[TcpSocket] = []
        self.listener = self.peer.listen(3)
        self.seen: set[TcpState] = set()

    def step(self) -> None:
        chance = self.chance
        self.peer.port = 4000 + chance.randrange(4)
        what = chance.random()
        if what < 0.7:
            self.segment()
        elif what < 0.9 and self.socks:
            self.call(chance.choice(self.socks))
        elif what < 0.95:
            self.open()
        else:
            self.peer.box.advance(chance.choice((0.001, 0.05, 1, 10)))
        self.peer.heard()
        self.seen |= {sock.state for sock in self.socks}

    def segment(self) -> None:
        chance, known = self.chance, list(self.peer.box.ns.tcp)
        end = chance.choice(known) if known and chance.random() < 0.9 else None
        base, ours = getattr(end, "rcv_nxt", 0), getattr(end, "snd_nxt", 0)
        if isinstance(end, Request):
            base, ours = end.peer_isn + 1, end.isn + 1
            self.peer.our_port, self.peer.port = end.ends[1], end.ends[3]
        elif isinstance(end, TcpSocket | TimeWait) and end.dport:
            self.peer.our_port, self.peer.port = end.num, end.dport
        else:
            self.peer.our_port = OUR_PORT
        self.peer.send(
            chance.choice(FLAGS),
            (base + 256 + chance.choice((0, 0, 0, 1, -1, 5, 1000, 70000, -70000))) & 0xFFFFFFFF,
            (ours - self.peer.isn + chance.choice((0, 0, 0, -1, 1, -500, 500))) & 0xFFFFFFFF,
            chance.randbytes(chance.choice((0, 0, 1, 100, 1460))),
            window=chance.choice((0, 1, 500, 65535)),
            options=chance.choice(OPTIONS),
            urgent=chance.choice((0, 3)),
        )

    def open(self) -> None:
        child = self.listener.accept()
        if child is not None:
            self.socks.append(child)
        elif len(self.socks) < 6:
            sock = self.peer.open()
            self.socks.append(sock)
            self.tolerate(sock.connect, 0x0A000002, self.peer.port)

    def call(self, sock: TcpSocket) -> None:
        chance = self.chance
        what = chance.randrange(5)
        if what == 0:
            self.tolerate(sock.send, chance.randbytes(chance.choice((1, 100, 5000, 100_000))))
        elif what == 1:
            self.tolerate(sock.recv, chance.choice((1, 1000, 100_000)))
        elif what == 2 and chance.random() < 0.3:
            self.tolerate(sock.shut_down, chance.randrange(3))
        elif what == 3 and chance.random() < 0.3:
            self.socks.remove(sock)
            sock.close()
        elif what == 4:
            self.tolerate(sock.connect, 0x0A000002, self.peer.port)

    def tolerate(self, call: object, *args: object) -> None:
        assert callable(call)
        try:
            call(*args)
        except NetError:
            pass


@pytest.mark.parametrize("seed", [0, 1, 2, 3, 5, 6])
def test_a_storm_is_survived(seed: int) -> None:
    storm = Storm(seed)
    for _ in range(STEPS):
        storm.step()
    for sock in (*storm.socks, storm.listener):
        sock.close()
    storm.peer.moments(4000)
    box = storm.peer.box
    assert {TcpState.ESTABLISHED, TcpState.CLOSE_WAIT, TcpState.FIN_WAIT1} <= storm.seen
    box.assert_every_packet_is_accounted_for()
    assert not box.ns.tcp.tcp.connections
    assert not list(box.ns.tcp.tcp.ports)
    assert box.ns.tcp.tcp.orphans == box.ns.tcp.tcp.time_waits == 0
    assert {sock.state for sock in storm.socks} <= {TcpState.CLOSE}
    assert box.ns.snmp.Tcp.CurrEstab == 0
