"""Fuzzing connection tracking: conversations across a router whose rules write down how each packet stands.

What is drawn around, because time passes differently on the two sides: nothing waits, and no UDP flow becomes
a stream.
"""

from __future__ import annotations

from typing import Final

from pystack.compare.fuzz import conntrack_ipv6, packets
from pystack.compare.fuzz.conversations import Conversation, Ends
from pystack.compare.fuzz.dice import Dice
from pystack.compare.scenario import Run, Scenario, Send, Start, Step, Topology
from pystack.wire import icmp, udp
from pystack.wire.ipv4 import IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP, Ipv4Header

PORTS: Final = ("p0", "p1")
ADDRESSES: Final = (0x0A010002, 0x0A020002)
STATIONS: Final = (b"\x02\0\0\0\x0b\x01", b"\x02\0\0\0\x0b\x02")
OURS: Final = (b"\x02\0\0\0\0\x01", b"\x02\0\0\0\0\x02")
SETUP: Final = """\
ip link set lo up
ip link set p0 up
ip link set p1 up
ip addr add 10.1.0.1/24 dev p0
ip addr add 10.2.0.1/24 dev p1
ip neigh add 10.1.0.2 lladdr 02:00:00:00:0b:01 dev p0
ip neigh add 10.2.0.2 lladdr 02:00:00:00:0b:02 dev p1
sysctl -qw net.ipv4.ip_forward=1 net.ipv4.icmp_ratelimit=0
iptables -t mangle -A FORWARD -m conntrack --ctstate NEW -j TOS --set-tos 0x08
iptables -t mangle -A FORWARD -m conntrack --ctstate ESTABLISHED -j TOS --set-tos 0x10
iptables -t mangle -A FORWARD -m conntrack --ctstate RELATED -j TOS --set-tos 0x04
iptables -t mangle -A FORWARD -m conntrack --ctstate INVALID -j TOS --set-tos 0x14
"""
SETTINGS: Final = {
    "tcp_loose": (0, 1, 1),
    "tcp_be_liberal": (0, 0, 1),
    "tcp_ignore_invalid_rst": (0, 0, 1),
    "tcp_max_retrans": (0, 1, 3, 255),
    "checksum": (0, 1, 1),
    "acct": (0, 1),
}
EVENTS: Final = Start("conntrack -E", "events")  # which both sides have to tell in the same order
LISTENERS: Final = 10  # in a hundred scenarios: each step waits for what they print
COMMANDS: Final = 3  # in a hundred steps
AT_ONCE: Final = 3  # conversations
IPV6: Final = 30  # in a hundred scenarios


def draw(dice: Dice, cases: int) -> Scenario:
    """A router between two stations, and so many steps; sometimes with somebody who listens. Or a bridge that
    IPv6 crosses.
    """
    if dice.chance(IPV6):
        return conntrack_ipv6.draw(dice, cases)
    setup = SETUP + "".join(f"{_setting(dice)}\n" for _ in range(dice.between(0, 3)))
    talk = _Talk(dice)
    listens = dice.chance(LISTENERS)
    steps = (*((EVENTS,) if listens else ()), *(_step(dice, talk) for _ in range(cases - listens)))
    return Scenario("", "conntrack", Topology(PORTS, setup), steps)


def _setting(dice: Dice) -> str:
    name = dice.among(list(SETTINGS))
    return f"sysctl -w net.netfilter.nf_conntrack_{name}={dice.among(SETTINGS[name])}"


def _step(dice: Dice, talk: _Talk) -> Step:
    if dice.chance(COMMANDS):
        return Run(dice.among(("conntrack -C", "conntrack -F", _setting(dice))))
    side, packet = talk.packet()
    frame = packets.framed(OURS[side], STATIONS[side], packet)
    return Send(PORTS[side], (frame,), frame.hex())


class _Talk:
    """What the two stations say."""

    def __init__(self, dice: Dice) -> None:
        self._dice = dice
        self._next_port = 1000
        self._conversations = [self._new() for _ in range(AT_ONCE)]
        self._said: list[tuple[int, bytes]] = []

    def _new(self) -> Conversation:
        self._next_port += 1
        ends = Ends(ADDRESSES[0], self._next_port, ADDRESSES[1], 80)
        return Conversation(self._dice, ends, ends.answered())

    def packet(self) -> tuple[int, bytes]:
        """From which side, and what."""
        dice = self._dice
        kind = dice.weighted({"tcp": 20, "udp": 3, "echo": 2, "error": 3, "other": 1})
        if kind == "tcp":
            at = dice.between(0, AT_ONCE - 1)
            if dice.chance(4):
                self._conversations[at] = self._new()
            side, payload = self._conversations[at].segment()
            protocol = IPPROTO_TCP
        elif kind == "error" and self._said:
            side, payload = self._error()
            protocol = IPPROTO_ICMP
        else:
            side = dice.between(0, 1)
            protocol, payload = self._single(kind, side)
        packet = packets.built(Ipv4Header(ADDRESSES[side], ADDRESSES[1 - side], protocol), payload)
        self._said.append((side, packet))
        return side, packet

    def _error(self) -> tuple[int, bytes]:
        dice = self._dice
        side, about = dice.among(self._said)
        kind, code = dice.among(((3, 1), (3, 3), (3, 4), (11, 0), (12, 0), (4, 0)))
        quote = about[: dice.among((28, 28, 48, 100, 24, 20))]
        return (1 - side if dice.chance(80) else side), icmp.build(kind, code, 0, 0, quote)

    def _single(self, kind: str, side: int) -> tuple[int, bytes]:
        dice = self._dice
        if kind == "other":
            return dice.among((50, 99, 4)), bytes(20)
        if kind == "udp":
            ports = dice.among((1000, 2000)), dice.among((1000, 2000))
            return IPPROTO_UDP, udp.build(*ports, dice.octets(4), ADDRESSES[side], ADDRESSES[1 - side])
        query = dice.among((8, 8, 8, 0, 0, 13, 14, 17, 18, 9, 30))
        return IPPROTO_ICMP, icmp.build(query, 0, dice.among((1, 2)), 7, b"abcd")
