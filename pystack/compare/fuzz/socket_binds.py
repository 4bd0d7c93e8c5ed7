"""Several sockets that want the same addresses and ports, and knocks that show who got them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pystack.compare.fuzz.dice import Dice
from pystack.compare.fuzz.socket_peer import Peer
from pystack.compare.scenario import Call, Step

ADDRESSES: Final = ("0.0.0.0", "0.0.0.0", "10.1.0.1", "10.1.0.3", "10.2.0.1", "127.0.0.1", "8.8.8.8")
BROADCASTS: Final = ("10.1.0.255", "224.0.0.1", "255.255.255.255")
FAR: Final = ("10.1.0.7", "10.2.0.7", "8.8.8.8", "10.7.0.1", "10.8.0.1", "10.1.0.255", "239.1.1.1")
NEAR: Final = ("10.1.0.1", "127.0.0.1", "0.0.0.0")
PORTS: Final = (6000, 6000, 6001)
OPTIONS: Final = (
    "SO_REUSEADDR 1",
    "SO_REUSEADDR 1",
    "SO_REUSEADDR 0",
    "SO_BINDTODEVICE tap1",
    "SO_BINDTODEVICE tap2",
    "SO_BINDTODEVICE lo",
    "SO_BINDTODEVICE ",
    "IP_FREEBIND 1",
    "IP_TRANSPARENT 1",
    "IP_BIND_ADDRESS_NO_PORT 1",
)
GROUP: Final = "SO_REUSEPORT 1"
KNOCK: Final = 10_000  # where a peer of this area speaks from
ACTIONS: Final = {
    "option": 6,
    "bind": 8,
    "listen": 7,
    "connect": 5,
    "accept": 4,
    "close": 3,
    "shutdown": 1,
    "knock": 5,
    "name": 2,
    "state": 2,
}


def binds(dice: Dice, number: int) -> Iterator[Step]:
    """Two to four sockets, and calls on them in any order."""
    kind = "tcp" if dice.chance(75) else "udp"
    names = [f"b{number}.{index}" for index in range(dice.between(2, 4))]
    options = (*OPTIONS, GROUP) if dice.chance(25) else OPTIONS
    knocks = dice.chance(50)  # or connections of its own: who is told first when both end differs
    for name in names:
        yield Call(f"{name} socket {kind}")
    for index in range(dice.between(4, 24)):
        action = dice.weighted(ACTIONS)
        name = dice.among(names)
        if action == "knock" and knocks:
            yield from _knock(dice, number, index)
        elif action == "connect":
            target = dice.among(FAR if knocks else (*FAR, *NEAR))
            yield Call(f"{name} connect {target} {dice.among((*PORTS, 7))}")
        else:
            yield from _step(dice, name, action, options)


def _step(dice: Dice, name: str, action: str, options: tuple[str, ...]) -> Iterator[Step]:
    match action:
        case "option":
            yield Call(f"{name} set {dice.among(options)}")
        case "bind":
            address = dice.among(BROADCASTS) if dice.chance(5) else dice.among(ADDRESSES)
            yield Call(f"{name} bind {address} {dice.among(PORTS)}")
        case "listen":
            yield Call(f"{name} listen {dice.among((3, 1, 5000))}")
        case "accept":
            yield Call(f"{name} accept {name}a")
        case "shutdown":
            yield Call(f"{name} shutdown {dice.among(('rd', 'wr', 'rdwr'))}")
        case "close":
            yield Call(f"{name} set SO_LINGER 1 0")
            yield Call(f"{name} close")
        case "name":
            yield Call(f"{name} {dice.among(('name', 'peer'))}")
        case _:
            yield Call(f"{name} get {dice.among(('SO_ERROR', 'SO_REUSEADDR', 'SO_ACCEPTCONN'))}")


def _knock(dice: Dice, number: int, index: int) -> Iterator[Step]:
    """A SYN from outside, and the ACK of its answer."""
    peer = Peer(dice, dice.among(("10.1.0.1", "10.1.0.3", "10.2.0.1")))
    peer.ours, peer.theirs = dice.among(PORTS), KNOCK + (number * 32 + index) % 20_000
    yield peer.syn()
    if dice.chance(70):
        yield peer.say("A", 1)
