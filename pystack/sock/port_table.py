"""The sockets of one protocol by local port: who may have a port, and who gets a packet.

One index by port, and one by address and port, as the kernel has them, so that a packet meets few sockets
that
are not for it. The newest socket stands first in each.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain
from typing import Final, Generic, TypeVar

from pystack.errors import EADDRINUSE, NetError
from pystack.sock.context import SocketContext
from pystack.sock.inet import InetSocket
from pystack.sock.lookup import Endpoints, compute_score, hears
from pystack.sock.reuseport import ReuseportGroup

S = TypeVar("S", bound=InetSocket)

_PORT_BITS: Final = 16


class PortTable(Generic[S]):
    """Linux: include/net/udp.h struct udp_table"""

    def __init__(self, context: SocketContext) -> None:
        self._context = context
        self._by_port: dict[int, list[S]] = {}
        self._by_address: dict[int, list[S]] = {}  # the key: address << 16 | port
        self._places: dict[S, int] = {}  # under which key of that a socket is found
        self._groups: dict[S, ReuseportGroup[S]] = {}
        self._secret = context.rng.u32()

    def __iter__(self) -> Iterator[S]:
        return chain.from_iterable(self._by_port.values())

    def __len__(self) -> int:
        return len(self._places)

    def on_port(self, port: int) -> Sequence[S]:
        """The sockets that have a port, the newest first."""
        return self._by_port.get(port, ())

    # -- ports ---------------------------------------------------------------------------------------------

    def take_port(self, sock: S, port: int) -> None:
        """Give a socket a port, for 0 a free one. Linux: net/ipv4/udp.c udp_lib_get_port()"""
        if not port:
            port = self._free_port(sock)
        elif self._is_in_use(sock, port):
            raise NetError(EADDRINUSE)
        sock.num = port
        self._by_port.setdefault(port, []).insert(0, sock)
        self._enter(sock)
        if sock.reuseport:
            self._join_group(sock)

    def release_port(self, sock: S) -> None:
        """Linux: net/ipv4/udp.c udp_lib_unhash()"""
        if sock not in self._places:
            return
        self._leave_group(sock)
        _remove(self._by_port, sock.num, sock)
        _remove(self._by_address, self._places.pop(sock), sock)
        sock.num = 0

    def rehash(self, sock: S) -> None:
        """The socket's own address changed. Linux: net/ipv4/udp.c udp_lib_rehash()"""
        place = self._places.get(sock)
        if place is None:
            return
        self._leave_group(sock)
        if place != _place_of(sock):
            _remove(self._by_address, place, sock)
            self._enter(sock)

    def _enter(self, sock: S) -> None:
        place = self._places[sock] = _place_of(sock)
        self._by_address.setdefault(place, []).insert(0, sock)

    def _is_in_use(self, sock: S, port: int) -> bool:
        """Linux: net/ipv4/udp.c udp_lib_lport_inuse()"""
        for other in self._by_port.get(port, ()):
            if _is_apart(sock, other):
                continue
            return not (sock.reuseport and other.reuseport)
        return False

    def _free_port(self, sock: S) -> int:
        sysctl = self._context.sysctl
        low, high = sysctl.ip_local_port_range
        count = high - low + 1
        start = self._context.rng.below(count)
        for offset in range(count):
            port = low + (start + offset) % count
            others = self._by_port.get(port, ())
            if all(_is_apart(sock, other) for other in others) and not sysctl.is_reserved(port):
                return port
        raise NetError(EADDRINUSE)

    # -- groups --------------------------------------------------------------------------------------------

    def note_connection(self, sock: S) -> None:
        """A member of a group was connected. Linux: reuseport_has_conns_set()"""
        group = self._groups.get(sock)
        if group is not None:
            group.has_connections = True

    def _join_group(self, sock: S) -> None:
        """Linux: net/ipv4/udp.c udp_reuseport_add_sock()"""
        for other in self._by_port[sock.num]:
            group = self._groups.get(other)
            if group and (other.rcv_saddr, other.ifindex) == (sock.rcv_saddr, sock.ifindex):
                break
        else:
            group = ReuseportGroup(self._secret)
        group.add(sock)
        self._groups[sock] = group

    def _leave_group(self, sock: S) -> None:
        group = self._groups.pop(sock, None)
        if group is not None:
            group.remove(sock)

    # -- packets -------------------------------------------------------------------------------------------

    def lookup(self, at: Endpoints) -> S | None:
        """The socket for a packet to one host. Linux: net/ipv4/udp.c __udp4_lib_lookup()"""
        by_address = self._by_address
        bound = by_address.get(at.daddr << _PORT_BITS | at.dport)
        found = None if bound is None else self._best(bound, at.daddr, at)
        if found is not None:
            return found
        anybodys = by_address.get(at.dport)
        return None if anybodys is None else self._best(anybodys, 0, at)

    def _best(self, sockets: list[S], rcv_saddr: int, at: Endpoints) -> S | None:
        """Linux: net/ipv4/udp.c udp4_lib_lookup2()"""
        result, best = None, 0
        for sock in sockets:
            score = compute_score(sock, rcv_saddr, at)
            if score <= best:
                continue
            best, result = score, sock
            group = None if sock.is_connected else self._groups.get(sock)
            chosen = None if group is None else group.select(at)
            if group is None or chosen is None:
                continue
            if not group.has_connections:
                return chosen
            best, result = max(best, compute_score(chosen, rcv_saddr, at)), chosen
        return result

    def all_that_hear(self, at: Endpoints) -> list[S]:
        """The sockets for a packet to many. Linux: net/ipv4/udp.c __udp4_lib_mcast_deliver()"""
        return [sock for sock in self._by_port.get(at.dport, ()) if hears(sock, at)]


def _place_of(sock: InetSocket) -> int:
    return sock.rcv_saddr << _PORT_BITS | sock.num


def _is_apart(sock: InetSocket, other: InetSocket) -> bool:
    """Whether two sockets may have the same port without agreeing to share it."""
    return (
        (sock.reuse and other.reuse)
        or _exclude(sock.ifindex, other.ifindex)
        or _exclude(sock.rcv_saddr, other.rcv_saddr)
    )


def _exclude(one: int, other: int) -> bool:
    """Whether both name something, and not the same."""
    return bool(one and other and one != other)


def _remove(index: dict[int, list[S]], key: int, sock: S) -> None:
    sockets = index[key]
    sockets.remove(sock)
    if not sockets:
        del index[key]
