"""Which socket a packet is for: every candidate gets a score, the best one the packet.

A connected socket scores for its peer's address and port, one that is bound to a device for that. Of equals
the
one that was bound last wins. Sockets bound to the destination are asked before those bound to none.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from pystack.sock.inet import InetSocket
from pystack.wire.ipv4 import address_text

NO_MATCH: Final = -1
_FAMILY: Final = 2  # an IPv4 socket, where an IPv6 one would have heard it too
_EACH: Final = 4  # the peer's address, its port, the device


class Endpoints(NamedTuple):
    """What of a packet a socket is chosen by."""

    saddr: int
    sport: int
    daddr: int
    dport: int
    ifindex: int  # seen_on() the packet


class Candidate(NamedTuple):
    """A socket of the right port, for `explain`."""

    socket: InetSocket
    score: int
    reason: str  # why it does not match, empty if it does


def compute_score(sock: InetSocket, rcv_saddr: int, at: Endpoints) -> int:
    """How well a socket fits, NO_MATCH if it does not. Linux: net/ipv4/udp.c compute_score()"""
    if sock.rcv_saddr != rcv_saddr:
        return NO_MATCH
    score = _FAMILY
    if sock.daddr:
        if sock.daddr != at.saddr:
            return NO_MATCH
        score += _EACH
    if sock.dport:
        if sock.dport != at.sport:
            return NO_MATCH
        score += _EACH
    if sock.ifindex:
        if sock.ifindex != at.ifindex:
            return NO_MATCH
        score += _EACH
    return score


def candidates(sockets: Iterable[InetSocket], at: Endpoints) -> list[Candidate]:
    """Every socket of a port with its score, and what speaks against it."""
    return [_judge(sock, at) for sock in sockets]


def _judge(sock: InetSocket, at: Endpoints) -> Candidate:
    reason = ""
    if sock.rcv_saddr not in (0, at.daddr):
        reason = f"it is bound to {address_text(sock.rcv_saddr)}"
    elif sock.daddr not in (0, at.saddr) or sock.dport not in (0, at.sport):
        reason = f"it is connected to {address_text(sock.daddr)} port {sock.dport}"
    elif sock.ifindex not in (0, at.ifindex):
        reason = "it is bound to another device"
    return Candidate(sock, NO_MATCH if reason else compute_score(sock, sock.rcv_saddr, at), reason)


def hears(sock: InetSocket, at: Endpoints) -> bool:
    """Whether a socket gets a copy of what is sent to many. Linux: net/ipv4/udp.c __udp_is_mcast_sock()"""
    return (
        sock.daddr in (0, at.saddr)
        and sock.dport in (0, at.sport)
        and sock.rcv_saddr in (0, at.daddr)
        and sock.ifindex in (0, at.ifindex)
        and sock.hears_group(at.daddr, at.ifindex)
    )
