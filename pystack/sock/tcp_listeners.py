"""The listeners of a namespace: who a SYN is for.

Linux: net/ipv4/inet_hashtables.c __inet_lookup_listener()
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain
from typing import Final

from pystack.sock.inet import InetSocket
from pystack.sock.lookup import Candidate, Endpoints, candidates
from pystack.sock.reuseport import ReuseportGroup

_FAMILY: Final = 2
_DEVICE: Final = 4


class Listeners:
    """By port. Of those that fit equally well there is one, or a group."""

    def __init__(self, secret: int) -> None:
        self._by_port: dict[int, list[InetSocket]] = {}
        self._groups: dict[InetSocket, ReuseportGroup[InetSocket]] = {}
        self._secret = secret

    def __iter__(self) -> Iterator[InetSocket]:
        return chain.from_iterable(self._by_port.values())

    def add(self, sock: InetSocket) -> None:
        """Linux: net/ipv4/inet_hashtables.c __inet_hash()"""
        others = self._by_port.setdefault(sock.num, [])
        if sock.reuseport:
            self._join(sock, others)
        others.append(sock)

    def remove(self, sock: InetSocket) -> None:
        """It listens no longer."""
        others = self._by_port[sock.num]
        others.remove(sock)
        if not others:
            del self._by_port[sock.num]
        group = self._groups.pop(sock, None)
        if group is not None:
            group.remove(sock)

    def _join(self, sock: InetSocket, others: list[InetSocket]) -> None:
        """Linux: net/ipv4/inet_hashtables.c inet_reuseport_add_sock()"""
        for other in others:
            group = self._groups.get(other)
            if group and (other.rcv_saddr, other.ifindex) == (sock.rcv_saddr, sock.ifindex):
                break
        else:
            group = ReuseportGroup(self._secret)
        group.add(sock)
        self._groups[sock] = group

    def find(self, at: Endpoints) -> InetSocket | None:
        """The listener for a segment: bound to the address first, then to none."""
        socks = self._by_port.get(at.dport)
        if socks is None:
            return None
        return self._best(socks, at.daddr, at) or self._best(socks, 0, at)

    def _best(self, socks: list[InetSocket], address: int, at: Endpoints) -> InetSocket | None:
        """Linux: net/ipv4/inet_hashtables.c inet_lhash2_lookup(), compute_score()"""
        found, best = None, 0
        for sock in socks:
            if sock.rcv_saddr != address or sock.ifindex not in (0, at.ifindex):
                continue
            score = _FAMILY + (_DEVICE if sock.ifindex else 0)
            if score <= best:
                continue
            group = self._groups.get(sock)
            chosen = group.select(at) if group is not None else None
            if chosen is not None:
                return chosen
            found, best = sock, score
        return found

    def explain(self, at: Endpoints) -> list[Candidate]:
        """Every listener of the port with its score: why a SYN goes where it goes."""
        return candidates(self._by_port.get(at.dport, ()), at)
