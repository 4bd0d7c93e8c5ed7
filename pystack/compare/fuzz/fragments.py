"""Fuzzing fragments: datagrams cut at random, out of order, twice, overlapping, contradicting each other.

Some are for this host, which puts them together and answers; others it passes on, cutting them anew for a
link with a smaller MTU. What never becomes whole stays until its time is over, which no scenario waits for.
"""

from __future__ import annotations

from typing import Final

from pystack.compare.fuzz import packets
from pystack.compare.fuzz.dice import Dice
from pystack.compare.scenario import Run, Scenario, Send, Step, Topology
from pystack.wire import icmp
from pystack.wire.ethernet import BROADCAST
from pystack.wire.ipv4 import IP_DF, IP_MF, IPPROTO_ICMP, Ipv4Header

PORTS: Final = ("p0", "p1")
SETUP: Final = """\
ip link set lo up
ip link set p0 up
ip link set p1 up
ip addr add 10.0.0.1/24 dev p0
ip addr add 10.0.1.1/24 dev p1
ip neigh add 10.0.0.7 lladdr 02:00:00:00:00:07 dev p0
ip neigh add 10.0.1.7 lladdr 02:00:00:00:01:07 dev p1
ip route add 10.64.0.0/10 via 10.0.0.7
ip route add 10.128.0.0/10 via 10.0.1.7
sysctl -qw net.ipv4.ip_forward=1 net.ipv4.icmp_ratelimit=0 net.ipv4.icmp_msgs_per_sec=1000000
sysctl -qw net.ipv4.icmp_msgs_burst=1000000 net.ipv4.icmp_echo_ignore_broadcasts=0
"""
OUR_MAC: Final = b"\x02\0\0\0\0\x01"
NEIGHBOUR_MAC: Final = b"\x02\0\0\0\0\x07"
TARGETS: Final = {0x0A000001: 6, 0x0A000101: 2, 0x0A800001: 4, 0x0A0000FF: 1}


def draw(dice: Dice, cases: int) -> Scenario:
    """Two links, and so many fragments."""
    setup = SETUP.splitlines()
    setup.append(f"ip link set p1 mtu {dice.among([1500, 576, 300, 100, 68])}")
    if dice.chance(40):
        setup.append(f"sysctl -qw net.ipv4.ipfrag_max_dist={dice.among([0, 1, 3, 10])}")
    if dice.chance(10):
        setup.append("sysctl -qw net.ipv4.ipfrag_low_thresh=0 net.ipv4.ipfrag_high_thresh=0")
    sender = 0x0A400000 | dice.between(1, 0x3FFFFF)
    steps: list[Step] = []
    while len(steps) < cases:
        steps += _mixed(dice, [_datagram(dice, sender) for _ in range(dice.between(1, 4))])
    steps[cases - 1 :] = [Run("nstat -as")]
    return Scenario("", "fragments", Topology(PORTS, "\n".join(setup) + "\n"), tuple(steps))


def _mixed(dice: Dice, datagrams: list[list[bytes]]) -> list[Step]:
    """The pieces of all, mingled."""
    steps: list[Step] = []
    left = [pieces for pieces in datagrams if pieces]
    while left:
        pieces = dice.among(left)
        to = BROADCAST if dice.chance(2) else OUR_MAC
        frame = packets.framed(to, NEIGHBOUR_MAC, pieces.pop(0))
        steps.append(Send(PORTS[0], (frame,), frame.hex()))
        left = [pieces for pieces in left if pieces]
    return steps


def _datagram(dice: Dice, sender: int) -> list[bytes]:
    """An echo request in pieces, most of them fitting."""
    data = dice.octets(dice.between(0, 200))
    whole = icmp.build(icmp.ICMP_ECHO, 0, 7, 1, data)
    head = Ipv4Header(sender, dice.weighted(TARGETS), IPPROTO_ICMP, id=dice.between(0, 0xFFFF))
    head.ttl = dice.among([64, 64, 64, 2, 1])
    if dice.chance(15):
        head.options = packets.options(dice, [0x0A000001, 0x0A000107])
    cuts = sorted({8 * dice.between(0, len(whole) // 8) for _ in range(dice.between(0, 5))} - {0})
    ends = [*cuts, len(whole)]
    pieces = [
        _piece(dice, head, whole, start, end)
        for start, end in zip([0, *cuts], ends, strict=True)
        if start < end
    ]
    if dice.chance(40):
        for at in range(len(pieces) - 1, 0, -1):
            other = dice.between(0, at)
            pieces[at], pieces[other] = pieces[other], pieces[at]
    if dice.chance(40):
        pieces.insert(dice.between(0, len(pieces)), _intruder(dice, head, whole))
    return pieces if dice.chance(90) else pieces[1:]


def _piece(dice: Dice, head: Ipv4Header, whole: bytes, start: int, end: int) -> bytes:
    own = head.copy()
    more = IP_MF if end < len(whole) else 0
    own.frag_off = more | start // 8 | (IP_DF if dice.chance(15) else 0)
    own.tos = dice.weighted({0: 30, 1: 1, 2: 3, 3: 2})
    return packets.built(own, whole[start:end])


def _intruder(dice: Dice, head: Ipv4Header, whole: bytes) -> bytes:
    """Something that was there already, or contradicts what was."""
    own = head.copy()
    start = 8 * dice.between(0, len(whole) // 8 + 1)
    length = dice.among([0, 3, 8, 8, 16, 24, 40])
    offset = start // 8 if dice.chance(95) else 0x1FFF
    own.frag_off = offset | dice.among([0, IP_MF, IP_MF])
    return packets.built(own, (whole + bytes(64))[start : start + length].ljust(length, b"\0"))
