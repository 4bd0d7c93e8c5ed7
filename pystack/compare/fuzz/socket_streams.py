"""One TCP connection between a program and a peer by hand: opened by either, used, and ended by anybody."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pystack.compare.fuzz.dice import Dice
from pystack.compare.fuzz.socket_peer import Peer
from pystack.compare.scenario import Call, Step

OURS: Final = ("10.1.0.1", "10.1.0.1", "10.1.0.3")
ANY: Final = "0.0.0.0"
SERVER_PORT: Final = 5000
FIRST_PORT: Final = 10_000  # of clients and peers: each sequence has others
OPTIONS: Final = (
    "TCP_NODELAY 1",
    "TCP_CORK 1",
    "TCP_CORK 0",
    "TCP_MAXSEG 500",
    "TCP_USER_TIMEOUT 5000",
    "TCP_LINGER2 -1",
    "TCP_LINGER2 5",
    "TCP_DEFER_ACCEPT 3",
    "SO_KEEPALIVE 1",
    "SO_RCVBUF 4000",
    "SO_RCVBUF 60000",
    "SO_SNDBUF 4000",
    "SO_LINGER 1 0",
    "IP_TOS 16",
    "IP_TTL 9",
    "IP_MTU_DISCOVER 0",
    "IP_MINTTL 60",
    "IP_RECVERR 1",
)
# Linux forgets the route for IP_TOS, and with it that ACKs are not to wait; see sockets.SETUP.
LATE_OPTIONS: Final = tuple(option for option in OPTIONS if not option.startswith("IP_TOS"))
ASKED: Final = ("TCP_MAXSEG", "SO_ACCEPTCONN", "TCP_QUICKACK", "SO_LINGER", "TCP_LINGER2")
ACTIONS: Final = {
    "data": 14,
    "ack": 10,
    "send": 12,
    "recv": 12,
    "fin": 4,
    "reset": 2,
    "syn": 3,
    "odd": 12,
    "again": 3,
    "error": 3,
    "shutdown": 5,
    "close": 2,
    "option": 3,
    "ask": 3,
    "state": 6,
    "name": 1,
}


def streams(dice: Dice, number: int) -> Iterator[Step]:
    """A whole life."""
    port = FIRST_PORT + number % 20_000
    stream = _Stream(dice, number, port)
    yield from stream.connected() if dice.chance(35) else stream.accepted()
    for _ in range(dice.between(3, 22)):
        yield from stream.step()


class _Stream:
    def __init__(self, dice: Dice, number: int, port: int) -> None:
        self._dice = dice
        self._listener, self._sock = f"l{number}", f"s{number}"
        self._port = port
        self._address = dice.among(OURS)
        self._peer = Peer(dice, self._address)

    # -- opening -------------------------------------------------------------------------------------------

    def accepted(self) -> Iterator[Step]:
        dice, name, peer = self._dice, self._listener, self._peer
        peer.ours, peer.theirs = SERVER_PORT, self._port
        yield Call(f"{name} socket tcp")
        if dice.chance(70):
            yield Call(f"{name} set SO_REUSEADDR 1")
        yield Call(f"{name} bind {dice.among((ANY, ANY, self._address))} {SERVER_PORT}")
        if dice.chance(25):
            yield Call(f"{name} set {dice.among(OPTIONS)}")
        yield Call(f"{name} listen {dice.among((5, 5, 5, 1, 0))}")
        yield peer.syn()
        if dice.chance(15):
            yield from self._noise()
        if dice.chance(95):
            yield peer.say("A", 1)
        if dice.chance(15):
            yield from self._noise()
        yield Call(f"{name} accept {self._sock}")

    def connected(self) -> Iterator[Step]:
        dice, name, peer = self._dice, self._sock, self._peer
        peer.ours, peer.theirs = self._port, 80
        yield Call(f"{name} socket tcp")
        yield Call(f"{name} bind {self._address} {self._port}")
        if dice.chance(25):
            yield Call(f"{name} set {dice.among(OPTIONS)}")
        yield Call(f"{name} connect {peer.them} 80")
        answer = dice.weighted({"open": 12, "refuse": 1, "cross": 2, "error": 1, "odd": 2, "nothing": 1})
        match answer:
            case "open":
                yield peer.syn("SA")
            case "refuse":
                yield peer.say("RA", 1)
            case "cross":
                yield peer.syn("S")
                yield peer.say(dice.among(("A", "SA")), 1)
            case "error":
                yield peer.error()
            case "odd":
                yield from self._noise()
                yield peer.syn("SA")
        if dice.chance(30):
            yield Call(f"{name} connect {peer.them} 80")

    # -- living --------------------------------------------------------------------------------------------

    def _noise(self) -> Iterator[Step]:
        for _ in range(self._dice.between(1, 2)):
            yield from self.step()

    def step(self) -> Iterator[Step]:
        dice, peer, name = self._dice, self._peer, self._sock
        match dice.weighted(ACTIONS):
            case "data":
                yield peer.data()
            case "ack":
                yield peer.say("A")
            case "fin":
                yield peer.say(dice.among(("FA", "FA", "FPA", "F")))
            case "reset":
                yield peer.say(dice.among(("R", "RA")))
            case "syn":
                yield peer.syn(dice.among(("S", "S", "SA")))
            case "odd":
                yield peer.odd()
            case "again":
                yield peer.again()
            case "error":
                yield peer.error()
            case "send":
                size = dice.among((1, 10, 100, 1000, 1460, 3000, 20_000))
                peer.heard += size
                yield Call(f"{name} send x*{size}")
            case "recv":
                yield Call(f"{name} recv {dice.among((1, 10, 500, 5000, 100_000))}")
            case "shutdown":
                how = dice.among(("wr", "wr", "rd", "rdwr"))
                peer.heard += how != "rd"
                yield Call(f"{name} shutdown {how}")
            case "close":
                peer.heard += 1
                yield Call(f"{name} close")
            case "option":
                yield Call(f"{dice.among((name, name, self._listener))} set {dice.among(LATE_OPTIONS)}")
            case "ask":
                yield Call(f"{name} get {dice.among(ASKED)}")
            case "name":
                yield Call(f"{name} {dice.among(('name', 'peer'))}")
            case _:
                yield Call(f"{name} state")
