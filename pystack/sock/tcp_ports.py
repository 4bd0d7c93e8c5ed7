"""Which TCP sockets hold a port, and who else may have it.

Linux: net/ipv4/inet_connection_sock.c inet_csk_get_port(), net/ipv4/inet_hashtables.c
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, Protocol

from pystack.errors import EADDRINUSE, EADDRNOTAVAIL, NetError
from pystack.sock.context import SocketContext
from pystack.sock.tcp_states import TcpState

_PARITY: Final = 1  # bind() and connect() begin at ports of different parity, so as not to meet


class Holder(Protocol):
    """Somebody who holds a port: a socket, or what waits after a connection."""

    num: int
    rcv_saddr: int
    ifindex: int
    reuse: bool
    reuseport: bool
    state: TcpState
    port_is_bound: bool  # with bind()


class BoundPorts:
    """Linux: struct inet_bind_hashbucket"""

    def __init__(self, context: SocketContext) -> None:
        self._context = context
        self._by_port: dict[int, dict[int, Holder]] = {}  # by id(), in the order they came

    def __iter__(self) -> Iterator[Holder]:
        for holders in self._by_port.values():
            yield from holders.values()

    def hold(self, holder: Holder, port: int) -> None:
        """Let somebody hold a port, no questions asked: a clone, or what waits after a connection."""
        holder.num = port
        self._by_port.setdefault(port, {})[id(holder)] = holder

    def release(self, holder: Holder) -> None:
        """Linux: net/ipv4/inet_hashtables.c inet_put_port()"""
        holders = self._by_port.get(holder.num)
        if holders is None or holders.pop(id(holder), None) is None:
            return
        if not holders:
            del self._by_port[holder.num]
        holder.num = 0

    def bind(self, holder: Holder, port: int) -> None:
        """bind(): a port that was named, for 0 a free one. Raises NetError."""
        if not port:
            port = self._find(_PARITY, lambda free: not self._conflicts(holder, free, relax=False))
            if not port:
                raise NetError(EADDRINUSE)
        elif self._conflicts(holder, port, relax=True):
            raise NetError(EADDRINUSE)
        self.hold(holder, port)

    def check(self, holder: Holder) -> None:
        """listen() asks again: what two bound sockets may share, a listener may not. Raises NetError."""
        if self._conflicts(holder, holder.num, relax=True):
            raise NetError(EADDRINUSE)

    def for_connection(self, holder: Holder, is_free: Callable[[int], bool]) -> None:
        """connect(): a port from which nobody speaks to the same peer. Raises NetError.

        Linux: net/ipv4/inet_hashtables.c __inet_hash_connect()
        """
        port = self._find(0, lambda free: not self._is_bound(free) and is_free(free))
        if not port:
            raise NetError(EADDRNOTAVAIL)
        self.hold(holder, port)

    def _is_bound(self, port: int) -> bool:
        """Whether somebody has this port by bind()."""
        return any(other.port_is_bound for other in self._by_port.get(port, {}).values())

    def _find(self, parity: int, is_free: Callable[[int], bool]) -> int:
        """Linux: net/ipv4/inet_connection_sock.c inet_csk_find_open_port()"""
        sysctl = self._context.sysctl
        low, high = sysctl.ip_local_port_range
        count = high - low + 1
        start = self._context.rng.below(count) & ~1
        for side in (parity, 1 - parity):
            for offset in range(side, count + side, 2):
                port = low + (start + offset) % count
                if not sysctl.is_reserved(port) and is_free(port):
                    return port
        return 0

    def _conflicts(self, holder: Holder, port: int, *, relax: bool) -> bool:
        """Linux: net/ipv4/inet_connection_sock.c inet_csk_bind_conflict()"""
        others = self._by_port.get(port)
        if not others:
            return False
        return any(other is not holder and _conflict(holder, other, relax=relax) for other in others.values())


def _conflict(one: Holder, other: Holder, *, relax: bool) -> bool:
    if one.ifindex and other.ifindex and one.ifindex != other.ifindex:
        return False
    if one.rcv_saddr and other.rcv_saddr and one.rcv_saddr != other.rcv_saddr:
        return False
    if one.reuseport and other.reuseport:
        return False
    return not (one.reuse and other.reuse and other.state is not TcpState.LISTEN and relax)
