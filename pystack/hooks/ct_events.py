"""What the kernel tells of its connections while they begin and change.

Reading: include/uapi/linux/netfilter/nfnetlink.h, net/netfilter/nf_conntrack_netlink.c
ctnetlink_conntrack_event()
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Final, NamedTuple

from pystack.hooks import ctnetlink
from pystack.hooks.nfnetlink import ANSWER_SIZE, HEADER_SIZE, NLMSG_HEADER
from pystack.netfilter.conntrack.snapshot import Snapshot

NEW: Final = "NEW"
UPDATE: Final = "UPDATE"

_SOL_NETLINK: Final = 270
_NETLINK_ADD_MEMBERSHIP: Final = 1
_GROUPS: Final = (1, 2)  # NFNLGRP_CONNTRACK_NEW, _UPDATE
_CT_NEW: Final = 1 << 8
_NLM_F_CREATE: Final = 0x400
_ROOM: Final = 4 << 20  # octets of events that nobody has read yet


class ConnEvent(NamedTuple):
    """One event."""

    kind: str
    conn: Snapshot


class ConnEventReader:
    """Hears a namespace from now on, over a socket of NETLINK_NETFILTER that was made in it."""

    def __init__(self, fd: int) -> None:
        self._socket = socket.socket(fileno=fd)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _ROOM)
        self._socket.bind((0, 0))  # one that has no port is taken for the kernel, and told nothing
        for group in _GROUPS:
            self._socket.setsockopt(_SOL_NETLINK, _NETLINK_ADD_MEMBERSHIP, group)
        self._socket.setblocking(False)

    def read(self) -> list[ConnEvent]:
        """All since the last call. Raises OSError (ENOBUFS) where some were lost."""
        found: list[ConnEvent] = []
        while True:
            try:
                found += _events(self._socket.recv(ANSWER_SIZE))
            except BlockingIOError:
                return found

    def close(self) -> None:
        """Hear no more."""
        self._socket.close()


def _events(data: bytes) -> Iterator[ConnEvent]:
    offset = 0
    while len(data) - offset >= HEADER_SIZE:
        length, kind, flags, _, _ = NLMSG_HEADER.unpack_from(data, offset)
        if not HEADER_SIZE <= length <= len(data) - offset:
            return
        conn = ctnetlink.parse(data[offset + HEADER_SIZE : offset + length]) if kind == _CT_NEW else None
        if conn is not None:
            yield ConnEvent(NEW if flags & _NLM_F_CREATE else UPDATE, conn)
        offset += (length + 3) & ~3
