"""TCP conversations by chance: mostly sensible, with all that goes wrong on real paths."""

from __future__ import annotations

from random import Random

from pystack.netfilter.conntrack.tuples import Tuple
from pystack.wire import ipv4, tcp
from pystack.wire.tcp import ACK, FIN, PSH, RST, SYN, TcpHeader
from tests.frames import datagram, ip
from tests.netfilter.conntrack.router import LEFT, RIGHT

ADDRESSES = (ip(LEFT), ip(RIGHT))
MASK = 0xFFFFFFFF


class Peer:
    """What one end thinks."""

    def __init__(self, chance: Random, port: int) -> None:
        self.port = port
        self.isn = chance.choice((chance.getrandbits(32), MASK - chance.randrange(3000), 0))
        self.next = self.isn
        self.heard = 0  # what it would acknowledge
        self.window = chance.choice((0, 1, 1000, 65535, chance.getrandbits(16)))
        self.sent: list[tuple[int, int, int, bytes, bytes]] = []

    def restart(self, chance: Random) -> None:
        self.isn = chance.choice((chance.getrandbits(32), self.next + 1 & MASK, self.next - 5000 & MASK))
        self.next, self.heard = self.isn, 0


class Conversation:
    """Draws one segment after another."""

    def __init__(self, seed: int) -> None:
        self.chance = chance = Random(seed)
        self.peers = (Peer(chance, 1024 + seed % 60000), Peer(chance, 80))
        self.flow = Tuple(2, ipv4.IPPROTO_TCP, *ADDRESSES, self.peers[0].port, 80)
        self.script = list(chance.choice(SCRIPTS)) if chance.random() < 0.85 else []

    def segment(self) -> tuple[int, bytes]:
        """From which side, and the packet."""
        chance = self.chance
        if self.script and chance.random() < 0.85:
            side, flags = self.script.pop(0)
        else:
            side = chance.randrange(2)
            flags = chance.choices(
                (ACK, ACK | PSH, SYN, SYN | ACK, FIN | ACK, RST, RST | ACK, 0, FIN, SYN | FIN, ACK | tcp.URG),
                (30, 15, 8, 6, 10, 6, 6, 1, 1, 1, 1),
            )[0]
        return side, self._packet(side, flags)

    def _packet(self, side: int, flags: int) -> bytes:
        chance, me, peer = self.chance, self.peers[side], self.peers[1 - side]
        if me.sent and chance.random() < 0.08:  # once more
            return self._build(side, *chance.choice(me.sent))
        if flags & SYN and chance.random() < 0.2:
            me.restart(chance)
        size = chance.choice((0, 0, 1, 100, 1400)) if flags & PSH or chance.random() < 0.1 else 0
        seq = me.isn if flags & SYN and chance.random() < 0.8 else me.next
        ack = me.heard if flags & ACK or chance.random() < 0.1 else 0
        if chance.random() < 0.15:
            seq += chance.choice((-1, 1, -100000, 100000, 1000, -1000, me.window, peer.window, 1 << 31))
        if chance.random() < 0.1:
            ack += chance.choice((-1, 1, -70000, 70000, 1000, -65999, -66001, 1 << 31))
        if flags & RST and chance.random() < 0.3:
            seq = chance.choice((0, peer.heard, peer.heard + 1, peer.heard - 1))
        if chance.random() < 0.2:
            me.window = chance.choice((0, 1, 5, 1000, 65535, chance.getrandbits(16)))
        options = self._options(flags, peer)
        drawn = (seq & MASK, ack & MASK, flags, bytes(size), options)
        me.sent.append(drawn)
        me.next = max(me.next, seq + size + bool(flags & (SYN | FIN))) & MASK
        if chance.random() < 0.9:  # it arrives
            peer.heard = me.next
        return self._build(side, *drawn)

    def _options(self, flags: int, peer: Peer) -> bytes:
        chance = self.chance
        options = b""
        if flags & SYN:
            if chance.random() < 0.6:
                options += bytes((1, 3, 3, chance.choice((0, 1, 7, 14, 15))))
            if chance.random() < 0.6:
                options += bytes((1, 1, 4, 2))
            if chance.random() < 0.1:
                options += bytes((1, 1, 1, 0))
        elif chance.random() < 0.2:
            left = peer.next + chance.randrange(-100, 3000)
            edges = (left & MASK).to_bytes(4, "big") + (left + 1000 & MASK).to_bytes(4, "big")
            options = bytes((1, 1, 5, 10)) + edges
        elif chance.random() < 0.2:
            options = bytes((1, 1, 8, 10)) + bytes(8)
        if chance.random() < 0.02:
            options += bytes((5, 40, 0, 0))
        return options

    def _build(self, side: int, seq: int, ack: int, flags: int, payload: bytes, options: bytes) -> bytes:
        me, peer = self.peers[side], self.peers[1 - side]
        fields = TcpHeader(
            me.port, peer.port, seq=seq, ack=ack, flags=flags, window=me.window, options=options
        )
        source, destination = ADDRESSES[side], ADDRESSES[1 - side]
        segment = tcp.build(fields, payload, source, destination)
        if self.chance.random() < 0.01:
            segment = segment[:16] + b"\x12\x34" + segment[18:]
        return datagram(segment, ipv4.IPPROTO_TCP, src=source, dst=destination)


_OPEN = ((0, SYN), (1, SYN | ACK), (0, ACK))
_TALK = ((0, ACK | PSH), (1, ACK), (1, ACK | PSH), (0, ACK))
SCRIPTS = (
    (*_OPEN, *_TALK, (0, FIN | ACK), (1, ACK), (1, FIN | ACK), (0, ACK), *_OPEN, *_TALK),
    (*_OPEN, *_TALK, (1, FIN | ACK), (0, FIN | ACK), (1, ACK), (0, ACK), *_OPEN),
    (*_OPEN, *_TALK, (0, RST), *_OPEN, *_TALK, (1, RST | ACK)),
    (*_OPEN, *_TALK, (0, SYN), (1, ACK), (0, RST), *_OPEN),
    (*_OPEN, *_TALK, (0, SYN), (1, SYN | ACK), (0, ACK), *_TALK),
    ((0, SYN), (1, SYN), (0, SYN | ACK), (1, SYN | ACK), (0, ACK), (1, ACK), *_TALK),
    ((0, SYN), (1, SYN), (0, ACK), (1, ACK), *_TALK),
    ((0, SYN), (1, RST | ACK), *_OPEN),
    ((0, SYN), (1, ACK), (0, RST), *_OPEN, *_TALK),
    (*_TALK, *_TALK, (0, FIN | ACK), (1, FIN | ACK), (0, ACK)),
    (*_OPEN, (0, FIN | ACK), (1, FIN | ACK), (0, SYN), (1, ACK), (0, RST), *_OPEN),
)
