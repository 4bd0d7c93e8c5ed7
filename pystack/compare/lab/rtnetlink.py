"""Netlink messages as bytes: requests for a dump, and what comes back, cut into attributes.

Only what reading back needs. A socket made inside a lab answers about that lab's namespace from whatever
thread it is used, which a netlink library that opens sockets by itself does not promise.

Reading: include/uapi/linux/netlink.h, rtnetlink.h, neighbour.h, if_link.h of the kernel.
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from pystack.compare.lab.errors import LabBroken

NLMSG_HEADER: Final = struct.Struct("=IHHII")  # length, type, flags, sequence, port id
ATTRIBUTE_HEADER: Final = struct.Struct("=HH")  # length, type
ERROR: Final = struct.Struct("=i")

NLMSG_ERROR: Final = 2
NLMSG_DONE: Final = 3
NLM_F_REQUEST: Final = 0x001
NLM_F_DUMP_INTR: Final = 0x010
NLM_F_DUMP: Final = 0x300
NLA_TYPE_MASK: Final = 0x3FFF

RTM_GETLINK: Final = 18
RTM_GETADDR: Final = 22
RTM_GETROUTE: Final = 26
RTM_GETNEIGH: Final = 30

RECEIVE_SIZE: Final = 1 << 18


@dataclass(frozen=True)
class NetlinkMessage:
    """One answer: its fixed part, then attributes by type (the last one wins where a type repeats)."""

    type: int
    fixed: bytes
    attributes: dict[int, bytes]


def attributes(data: bytes) -> dict[int, bytes]:
    """Cut a run of attributes, each padded to four octets."""
    found, offset = {}, 0
    while offset + 4 <= len(data):
        length, kind = ATTRIBUTE_HEADER.unpack_from(data, offset)
        if length < 4:
            break
        found[kind & NLA_TYPE_MASK] = data[offset + 4 : offset + length]
        offset += (length + 3) & ~3
    return found


class NetlinkSocket:
    """A NETLINK_ROUTE socket that lives in a lab."""

    def __init__(self, fd: int) -> None:
        self.socket = socket.socket(fileno=fd)
        self.sequence = 0

    def dump(self, kind: int, fixed: bytes) -> list[NetlinkMessage]:
        """All objects of a kind; `fixed` is the request's header, which gives family and filter."""
        for _ in range(10):
            messages, interrupted = self._dump_once(kind, fixed)
            if not interrupted:
                return messages
        raise LabBroken("a netlink dump never came to rest: the tables change all the time")

    def _dump_once(self, kind: int, fixed: bytes) -> tuple[list[NetlinkMessage], bool]:
        self.sequence += 1
        length = NLMSG_HEADER.size + len(fixed)
        header = NLMSG_HEADER.pack(length, kind, NLM_F_REQUEST | NLM_F_DUMP, self.sequence, 0)
        self.socket.send(header + fixed)
        messages: list[NetlinkMessage] = []
        interrupted = False
        while True:
            for found, flags, body in self._messages(self.socket.recv(RECEIVE_SIZE)):
                interrupted |= bool(flags & NLM_F_DUMP_INTR)
                if found == NLMSG_DONE:
                    return messages, interrupted
                if found == NLMSG_ERROR:
                    number = -ERROR.unpack_from(body)[0]
                    raise OSError(number, os.strerror(number))
                size = len(fixed)
                messages.append(NetlinkMessage(found, body[:size], attributes(body[size:])))

    def _messages(self, data: bytes) -> Iterator[tuple[int, int, bytes]]:
        offset = 0
        while offset + NLMSG_HEADER.size <= len(data):
            length, kind, flags, sequence, _ = NLMSG_HEADER.unpack_from(data, offset)
            if sequence == self.sequence:
                yield kind, flags, data[offset + NLMSG_HEADER.size : offset + length]
            offset += (length + 3) & ~3

    def close(self) -> None:
        self.socket.close()
