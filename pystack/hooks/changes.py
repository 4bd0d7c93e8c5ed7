"""What changes in a namespace of the kernel, told as it happens: neighbours one by one, else which kind.

Reading: include/uapi/linux/rtnetlink.h, neighbour.h, nfnetlink.h
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from pystack.hooks.nfnetlink import NETLINK_NETFILTER, attributes
from pystack.wire.malformed import Malformed

NETLINK_ROUTE: Final = 0
SOL_NETLINK: Final = 270
NETLINK_ADD_MEMBERSHIP: Final = 1
_ROOM: Final = 4 << 20
_SIZE: Final = 1 << 18

_HEADER: Final = struct.Struct("=IHHII")
_NDMSG: Final = struct.Struct("=BBHiHBB")  # family, -, -, ifindex, state, flags, type
_NDA_DST, _NDA_LLADDR = 1, 2
_NTF_PROXY: Final = 0x08

_RTM_NEWNEIGH, _RTM_DELNEIGH = 28, 29
_KINDS: Final = {  # of messages, by their numbers
    **dict.fromkeys((16, 17), "links"),
    **dict.fromkeys((20, 21), "addresses"),
    **dict.fromkeys((24, 25), "routes"),
    **dict.fromkeys((32, 33), "rules"),
}
_GROUPS: Final = {NETLINK_ROUTE: (1, 3, 5, 7, 8), NETLINK_NETFILTER: (7,)}  # RTNLGRP_*, NFNLGRP_NFTABLES
EVERYTHING: Final = "everything"  # more happened than the socket holds
FIREWALL: Final = "nft's tables"


@dataclass(frozen=True, slots=True)
class Neighbour:
    """An entry for IPv4 that began, changed, or went."""

    address: bytes
    ifindex: int
    state: int  # NUD_*, 0 when it is gone
    lladdr: bytes


@dataclass(slots=True)
class News:
    """All that was told since the last look."""

    neighbours: list[Neighbour] = field(default_factory=list)
    kinds: set[str] = field(default_factory=set)


def open_sockets() -> list[socket.socket]:
    """To be called inside the namespace."""
    opened = []
    for protocol, groups in _GROUPS.items():
        sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
        opened.append(sock)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _ROOM)
        sock.bind((0, 0))
        for group in groups:
            sock.setsockopt(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group)
        sock.setblocking(False)
    return opened


class Changes:
    """Hears a namespace from now on, over sockets that were opened in it."""

    def __init__(self, sockets: list[socket.socket]) -> None:
        self._route, self._nft = sockets

    def read(self) -> News:
        """What has happened."""
        news = News()
        for data in _datagrams(self._route, news):
            _note_all(data, news)
        if list(_datagrams(self._nft, news)):
            news.kinds.add(FIREWALL)
        return news

    def close(self) -> None:
        """Hear no more."""
        self._route.close()
        self._nft.close()


def _datagrams(sock: socket.socket, news: News) -> Iterator[bytes]:
    while True:
        try:
            yield sock.recv(_SIZE)
        except BlockingIOError:
            return
        except OSError as error:
            if error.errno != errno.ENOBUFS:
                raise
            news.kinds.add(EVERYTHING)


def _note_all(data: bytes, news: News) -> None:
    offset = 0
    while len(data) - offset >= _HEADER.size:
        length, kind, _, _, _ = _HEADER.unpack_from(data, offset)
        if not _HEADER.size <= length <= len(data) - offset:
            return
        body = data[offset + _HEADER.size : offset + length]
        if kind in (_RTM_NEWNEIGH, _RTM_DELNEIGH):
            neighbour = _neighbour(body, is_gone=kind == _RTM_DELNEIGH)
            if neighbour is not None:
                news.neighbours.append(neighbour)
        elif kind in _KINDS:
            news.kinds.add(_KINDS[kind])
        offset += (length + 3) & ~3


def _neighbour(body: bytes, *, is_gone: bool) -> Neighbour | None:
    """None for what is none of IPv4's: a bridge's forwarding entry, a proxy's."""
    if len(body) < _NDMSG.size:
        return None
    family, _, _, ifindex, state, flags, _ = _NDMSG.unpack_from(body)
    found = attributes(body, _NDMSG.size)
    if family != socket.AF_INET or flags & _NTF_PROXY or isinstance(found, Malformed):
        return None
    return Neighbour(
        found.get(_NDA_DST, bytes(4)), ifindex, 0 if is_gone else state, found.get(_NDA_LLADDR, b"")
    )
