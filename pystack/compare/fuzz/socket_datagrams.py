"""UDP sockets, datagrams for them, and errors about what they sent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pystack.compare.fuzz import packets
from pystack.compare.fuzz.dice import Dice
from pystack.compare.scenario import Call, Send, Step
from pystack.wire import icmp, udp
from pystack.wire.ethernet import BROADCAST
from pystack.wire.ipv4 import IPPROTO_ICMP, IPPROTO_UDP, Ipv4Header, parse_address

ADDRESSES: Final = ("0.0.0.0", "0.0.0.0", "10.1.0.1", "10.1.0.3", "127.0.0.1", "10.1.0.255", "224.0.0.9")
OURS: Final = ("10.1.0.1", "10.1.0.1", "10.1.0.3", "10.1.0.255", "224.0.0.9", "10.1.0.9")
FAR: Final = (
    "10.1.0.7",
    "10.1.0.7",
    "10.1.0.1",
    "127.0.0.1",
    "8.8.8.8",
    "10.7.0.1",
    "10.1.0.255",
    "224.0.0.9",
)
# After a connect() that fails Linux sends the second datagram for the old peer to the new one.
REACHED: Final = ("10.1.0.7", "10.1.0.1", "127.0.0.1", "224.0.0.9")
PORTS: Final = (7000, 7000, 7001)
OPTIONS: Final = (
    "SO_REUSEADDR 1",
    "SO_BROADCAST 1",
    "IP_TTL 7",
    "IP_TOS 16",
    "IP_MTU_DISCOVER 0",
    "IP_MTU_DISCOVER 2",
    "IP_MTU_DISCOVER 3",
    "IP_ADD_MEMBERSHIP 224.0.0.9 10.1.0.1",
    "IP_DROP_MEMBERSHIP 224.0.0.9 10.1.0.1",
    "IP_MULTICAST_ALL 0",
    "IP_MULTICAST_LOOP 0",
    "SO_ATTACH_FILTER 1,6 0 0 12",
    "SO_ATTACH_FILTER 4,32 0 0 8,21 0 1 0,6 0 0 65535,6 0 0 0",
    "SO_DETACH_FILTER 0",
)
# What an error tells beside itself is not modelled: not both in one sequence.
TOLD: Final = ("IP_PKTINFO 1", "IP_RECVTTL 1", "IP_RECVTOS 1", "IP_RECVORIGDSTADDR 1")
ERRORS: Final = ("IP_RECVERR 1", "IP_RECVERR 1", "IP_RECVERR 0")
ACTIONS: Final = {
    "option": 8,
    "bind": 5,
    "connect": 4,
    "send": 5,
    "sendto": 8,
    "recv": 8,
    "recverr": 3,
    "hear": 12,
    "error": 4,
    "shutdown": 1,
    "close": 1,
    "name": 2,
    "ask": 2,
}
SIZES: Final = (1, 20, 100, 1472, 1473, 4000)
_OUR_MAC: Final = b"\x02\0\0\0\0\x01"
_PEER_MAC: Final = b"\x02\0\0\0\0\x77"


def datagrams(dice: Dice, number: int) -> Iterator[Step]:
    """One to three sockets."""
    names = [f"u{number}.{index}" for index in range(dice.between(1, 3))]
    for name in names:
        yield Call(f"{name} socket udp")
    options = (*OPTIONS, *dice.among((TOLD, ERRORS)))
    for _ in range(dice.between(4, 24)):
        yield _step(dice, dice.among(names), options)


def _step(dice: Dice, name: str, options: tuple[str, ...]) -> Step:
    match dice.weighted(ACTIONS):
        case "option":
            return Call(f"{name} set {dice.among(options)}")
        case "bind":
            return Call(f"{name} bind {dice.among(ADDRESSES)} {dice.among(PORTS)}")
        case "connect":
            return Call(f"{name} connect {dice.among(REACHED)} {dice.among(PORTS)}")
        case "send":
            return Call(f"{name} send x*{dice.among(SIZES)}")
        case "sendto":
            return Call(f"{name} sendto {dice.among(FAR)} {dice.among(PORTS)} x*{dice.among(SIZES)}")
        case "recv":
            return Call(f"{name} recvmsg {dice.among((5, 100, 5000))}")
        case "hear":
            return _heard(dice)
        case "error":
            return _error(dice)
        case "shutdown":
            return Call(f"{name} shutdown {dice.among(('rd', 'wr', 'rdwr'))}")
        case "name":
            return Call(f"{name} {dice.among(('name', 'peer'))}")
        case "ask":
            return Call(f"{name} get {dice.among(('SO_ERROR', 'IP_MTU', 'IP_TTL', 'SO_RCVBUF'))}")
        case verb:
            return Call(f"{name} {verb}")


def _heard(dice: Dice) -> Send:
    """A datagram from outside."""
    ends = _address("10.1.0.7"), _address(dice.among(OURS))
    payload = dice.octets(dice.among((0, 1, 30, 200)))
    datagram = udp.build(dice.among(PORTS), dice.among(PORTS), payload, *ends)
    if dice.chance(4):
        datagram = datagram[:6] + b"\x12\x34" + datagram[8:]
    return _framed(dice, IPPROTO_UDP, *ends, datagram)


def _error(dice: Dice) -> Send:
    """A router's complaint about a datagram of ours."""
    ends = _address(dice.among(OURS[:3])), _address("10.1.0.7")
    quote = packets.built(
        Ipv4Header(*ends, IPPROTO_UDP, id=9), udp.build(dice.among(PORTS), dice.among(PORTS), b"hello", *ends)
    )
    kind, code = dice.among(((3, 0), (3, 1), (3, 3), (3, 3), (3, 4), (3, 13), (11, 0), (12, 0), (4, 0)))
    message = icmp.build(kind, code, 0, 1200 if code == 4 else 0, quote)
    return _framed(dice, IPPROTO_ICMP, ends[1], ends[0], message)


def _framed(dice: Dice, protocol: int, saddr: int, daddr: int, payload: bytes) -> Send:
    head = Ipv4Header(saddr, daddr, protocol, id=dice.between(1, 0xFFFF), ttl=dice.among((64, 64, 9)))
    to = BROADCAST if daddr & 0xFF == 0xFF else _OUR_MAC
    if daddr >> 28 == 0xE:
        to = b"\x01\0\x5e" + (daddr & 0x7FFFFF).to_bytes(3, "big")
    frame = packets.framed(to, _PEER_MAC, packets.built(head, payload))
    return Send("tap1", (frame,), frame.hex(), relative=True)


def _address(text: str) -> int:
    return parse_address(text) or 0
