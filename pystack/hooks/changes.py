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

from pystack.hooks.link_settings import DELLINK, NEWLINK, LinkSettings
from pystack.hooks.nfnetlink import NETLINK_NETFILTER, NFGENMSG_SIZE, Message, attributes, messages
from pystack.hooks.ours import PROBES
from pystack.wire.malformed import Malformed

NETLINK_ROUTE: Final = 0
SOL_NETLINK: Final = 270
NETLINK_ADD_MEMBERSHIP: Final = 1
_ROOM: Final = 4 << 20
_SIZE: Final = 1 << 18

_NDMSG: Final = struct.Struct("=BBHiHBB")  # family, -, -, ifindex, state, flags, type
_NDA_DST, _NDA_LLADDR = 1, 2
_NTF_PROXY: Final = 0x08
_AF_BRIDGE: Final = 7

_RTM_NEWNEIGH, _RTM_DELNEIGH = 28, 29
_KINDS: Final = {  # of messages, by their numbers
    **dict.fromkeys((20, 21), "addresses"),
    **dict.fromkeys((24, 25), "routes"),
    **dict.fromkeys((32, 33), "rules"),
}
_GROUPS: Final = {NETLINK_ROUTE: (1, 3, 5, 7, 8), NETLINK_NETFILTER: (7,)}  # RTNLGRP_*, NFNLGRP_NFTABLES
LINKS: Final = "links"
FORWARDING: Final = "entries of bridges"  # that do not age
EVERYTHING: Final = "everything"  # more happened than the socket holds
FIREWALL: Final = "nft's tables"

_NUD_LASTING: Final = 0x40 | 0x80  # NUD_NOARP, NUD_PERMANENT: no frame taught it
_NFT_NEWGEN: Final = 10 << 8 | 15  # NFNL_SUBSYS_NFTABLES: the end of all that was changed at once
_NFTA_TABLE: Final = 1  # the name of a table, in whatever else is told


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


def listen() -> Changes:
    """To be called inside the namespace. Raises PermissionError."""
    sockets = [_open(protocol, groups) for protocol, groups in _GROUPS.items()]
    links = LinkSettings()
    links.learn()  # behind the sockets: what changes from now on is heard
    return Changes(sockets, links)


def _open(protocol: int, groups: tuple[int, ...]) -> socket.socket:
    sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _ROOM)
    sock.bind((0, 0))
    for group in groups:
        sock.setsockopt(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, group)
    sock.setblocking(False)
    return sock


class Changes:
    """Hears a namespace over sockets that were opened in it, and knows what its links were like then."""

    def __init__(self, sockets: list[socket.socket], links: LinkSettings) -> None:
        self._route, self._nft = sockets
        self._links = links

    def read(self) -> News:
        """What has happened."""
        news = News()
        for data in _datagrams(self._route, news):
            self._note_all(data, news)
        for data in _datagrams(self._nft, news):
            if _is_of_others(data):
                news.kinds.add(FIREWALL)
        return news

    def close(self) -> None:
        """Hear no more."""
        self._route.close()
        self._nft.close()

    def _note_all(self, data: bytes, news: News) -> None:
        for message in messages(data):
            if isinstance(message, Malformed):
                return
            kind, body = message.kind, message.body
            if kind in (_RTM_NEWNEIGH, _RTM_DELNEIGH):
                _note_neighbour(body, news, is_gone=kind == _RTM_DELNEIGH)
            elif kind in (NEWLINK, DELLINK):
                if self._links.is_new(kind, body):
                    news.kinds.add(LINKS)
            elif kind in _KINDS:
                news.kinds.add(_KINDS[kind])


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


def _is_of_others(data: bytes) -> bool:
    """Whether it tells of a table of nft's that is not our probes'."""
    return any(isinstance(message, Malformed) or _is_others(message) for message in messages(data))


def _is_others(message: Message) -> bool:
    if message.kind == _NFT_NEWGEN:
        return False
    found = attributes(message.body, NFGENMSG_SIZE)
    return isinstance(found, Malformed) or found.get(_NFTA_TABLE, b"").rstrip(b"\0") != PROBES.encode()


def _note_neighbour(body: bytes, news: News, *, is_gone: bool) -> None:
    """Of IPv4, one by one; of bridges' entries those that somebody set: frames teach the copy the others."""
    if len(body) < _NDMSG.size:
        return
    family, _, _, ifindex, state, flags, _ = _NDMSG.unpack_from(body)
    found = attributes(body, _NDMSG.size)
    if isinstance(found, Malformed):
        return
    if family == _AF_BRIDGE and state & _NUD_LASTING:
        news.kinds.add(FORWARDING)
    elif family == socket.AF_INET and not flags & _NTF_PROXY:
        address, lladdr = found.get(_NDA_DST, bytes(4)), found.get(_NDA_LLADDR, b"")
        news.neighbours.append(Neighbour(address, ifindex, 0 if is_gone else state, lladdr))
