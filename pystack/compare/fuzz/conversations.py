"""TCP conversations by chance: mostly sensible, with all that goes wrong on real paths."""

from __future__ import annotations

from typing import Final, NamedTuple

from pystack.compare.fuzz.dice import Dice
from pystack.wire import tcp
from pystack.wire.tcp import ACK, FIN, PSH, RST, SYN, URG, TcpHeader

_MASK: Final = 0xFFFFFFFF
_OPEN: Final = ((0, SYN), (1, SYN | ACK), (0, ACK))
_TALK: Final = ((0, ACK | PSH), (1, ACK), (1, ACK | PSH), (0, ACK))
# From which side, and with which flags.
_SCRIPTS: Final = (
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
    (),
)
_FLAGS: Final = {
    ACK: 30,
    ACK | PSH: 15,
    SYN: 8,
    SYN | ACK: 6,
    FIN | ACK: 10,
    RST: 6,
    RST | ACK: 6,
    0: 1,
    FIN: 1,
    SYN | FIN: 1,
    ACK | URG: 1,
}
_AROUND_ACK: Final = (-1, 1, -70000, 70000, 1000, -65999, -66001, 1 << 31)


class Ends(NamedTuple):
    """What packets from one side say; between the two somebody may translate."""

    saddr: int
    sport: int
    daddr: int
    dport: int

    def answered(self) -> Ends:
        """The same from the other side, where nobody does."""
        return Ends(self.daddr, self.dport, self.saddr, self.sport)


Fields = tuple[int, int, int, bytes, bytes]  # seq, ack, flags, payload, options


class Peer:
    """What one end thinks."""

    def __init__(self, dice: Dice) -> None:
        self.first = dice.among((dice.seed(), _MASK - dice.between(0, 2999), 0))
        self.next = self.first
        self.heard = 0  # what it would acknowledge
        self.window = _window(dice)
        self.sent: list[Fields] = []

    def restart(self, dice: Dice) -> None:
        """A new connection between the same ports."""
        self.first = dice.among((dice.seed(), self.next + 1 & _MASK, self.next - 5000 & _MASK))
        self.next, self.heard = self.first, 0


class Conversation:
    """Draws one segment after another."""

    def __init__(self, dice: Dice, here: Ends, there: Ends) -> None:
        self._dice = dice
        self._ends = here, there
        self.peers = (Peer(dice), Peer(dice))
        self._script = list(dice.among(_SCRIPTS))

    def segment(self) -> tuple[int, bytes]:
        """From which side, and the whole segment."""
        dice = self._dice
        if self._script and dice.chance(85):
            side, flags = self._script.pop(0)
        else:
            side, flags = dice.between(0, 1), dice.weighted(_FLAGS)
        return side, self._said(side, flags)

    def _said(self, side: int, flags: int) -> bytes:
        dice, me, peer = self._dice, self.peers[side], self.peers[1 - side]
        if me.sent and dice.chance(8):
            return self._built(side, dice.among(me.sent))  # once more
        if flags & SYN and dice.chance(20):
            me.restart(dice)
        size = dice.among((0, 0, 1, 100, 1400)) if flags & PSH or dice.chance(10) else 0
        if dice.chance(20):
            me.window = _window(dice)
        seq, ack = self._numbers(me, peer, flags)
        fields = (seq & _MASK, ack & _MASK, flags, bytes(size), self._options(flags, peer))
        me.sent.append(fields)
        me.next = max(me.next, seq + size + bool(flags & (SYN | FIN))) & _MASK
        if dice.chance(90):  # it arrives
            peer.heard = me.next
        return self._built(side, fields)

    def _numbers(self, me: Peer, peer: Peer, flags: int) -> tuple[int, int]:
        dice = self._dice
        seq = me.first if flags & SYN and dice.chance(80) else me.next
        ack = me.heard if flags & ACK or dice.chance(10) else 0
        if dice.chance(15):
            seq += dice.among((-1, 1, -100000, 100000, 1000, -1000, me.window, peer.window, 1 << 31))
        if dice.chance(10):
            ack += dice.among(_AROUND_ACK)
        if flags & RST and dice.chance(30):
            seq = dice.among((0, peer.heard, peer.heard + 1, peer.heard - 1))
        return seq, ack

    def _options(self, flags: int, peer: Peer) -> bytes:
        dice, options = self._dice, b""
        if flags & SYN:
            options += bytes((1, 3, 3, dice.among((0, 1, 7, 14, 15)))) if dice.chance(60) else b""
            options += bytes((1, 1, 4, 2)) if dice.chance(60) else b""
            options += bytes((1, 1, 1, 0)) if dice.chance(10) else b""
        elif dice.chance(20):
            left = peer.next + dice.between(-100, 2999)
            edges = (left & _MASK).to_bytes(4, "big") + (left + 1000 & _MASK).to_bytes(4, "big")
            options = bytes((1, 1, 5, 10)) + edges
        elif dice.chance(20):
            options = bytes((1, 1, 8, 10)) + bytes(8)
        return options + (bytes((5, 40, 0, 0)) if dice.chance(2) else b"")  # cut off

    def _built(self, side: int, fields: Fields) -> bytes:
        me, ends = self.peers[side], self._ends[side]
        seq, ack, flags, payload, options = fields
        header = TcpHeader(
            ends.sport, ends.dport, seq=seq, ack=ack, flags=flags, window=me.window, options=options
        )
        segment = tcp.build(header, payload, ends.saddr, ends.daddr)
        if self._dice.chance(1):
            segment = segment[: tcp.CHECK_OFFSET] + b"\x12\x34" + segment[tcp.CHECK_OFFSET + 2 :]
        return segment


def _window(dice: Dice) -> int:
    return dice.among((0, 1, 5, 1000, 65535, dice.between(0, 0xFFFF)))
