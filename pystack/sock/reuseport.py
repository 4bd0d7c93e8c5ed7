"""Sockets that share a port on purpose (SO_REUSEPORT): each flow belongs to one of them."""

from __future__ import annotations

import zlib
from struct import Struct
from typing import Final, Generic, TypeVar

from pystack.sock.inet import InetSocket
from pystack.sock.lookup import Endpoints

S = TypeVar("S", bound=InetSocket)

_FLOW: Final = Struct("!IHIHI")


class ReuseportGroup(Generic[S]):
    """Linux: include/net/sock_reuseport.h struct sock_reuseport"""

    __slots__ = ("_secret", "has_connections", "sockets")

    def __init__(self, secret: int) -> None:
        self._secret = secret
        self.sockets: list[S] = []
        self.has_connections = False  # then a member may fit better than the one that the flow's hash names

    def add(self, sock: S) -> None:
        """One more, at the end."""
        self.sockets.append(sock)

    def remove(self, sock: S) -> None:
        """The last one takes the place. Linux: net/core/sock_reuseport.c __reuseport_detach_sock()"""
        place = self.sockets.index(sock)
        last = self.sockets.pop()
        if last is not sock:
            self.sockets[place] = last

    def select(self, at: Endpoints) -> S | None:
        """Whose flow this is, connected ones left out. Linux: reuseport_select_sock_by_hash()

        Linux differs: it hashes with jhash; which socket gets which flow can be told on neither side.
        """
        flow = _FLOW.pack(at.daddr, at.dport, at.saddr, at.sport, self._secret)
        first = zlib.crc32(flow) * len(self.sockets) >> 32
        for sock in self.sockets[first:] + self.sockets[:first]:
            if not sock.is_connected:
                return sock
        return None
