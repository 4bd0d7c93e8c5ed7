"""Netlink messages of the netfilter subsystems as bytes: requests, acknowledgements, and what comes back.

The socket is made by the caller, who decides in which network namespace it lives; it works from any thread
afterwards.

Reading: include/uapi/linux/netlink.h, include/uapi/linux/netfilter/nfnetlink.h
"""

from __future__ import annotations

import os
import socket
import struct
from collections.abc import Iterator
from typing import Final, NamedTuple

from pystack.wire.malformed import Malformed

NETLINK_NETFILTER: Final = 12

NLMSG_HEADER: Final = struct.Struct("=IHHII")  # length, type, flags, sequence, port id
NFGENMSG: Final = struct.Struct("!BBH")  # family, version, resource: a queue's or a group's number
ATTRIBUTE_HEADER: Final = struct.Struct("=HH")  # length, type
ERRNO: Final = struct.Struct("=i")

HEADER_SIZE: Final = NLMSG_HEADER.size
NFGENMSG_SIZE: Final = NFGENMSG.size

NLMSG_ERROR: Final = 2
NLMSG_DONE: Final = 3
NLM_F_REQUEST: Final = 0x001
NLM_F_ACK: Final = 0x004
NLM_F_DUMP: Final = 0x300
NLA_TYPE_MASK: Final = 0x3FFF  # without the flags for nesting and byte order

ANSWER_SIZE: Final = 1 << 16


def open_socket() -> socket.socket:
    """One of NETLINK_NETFILTER, where the caller is: inside a namespace, if a thread of in_netns() calls."""
    return socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, NETLINK_NETFILTER)


class Message(NamedTuple):
    """One netlink message without its header."""

    kind: int  # subsystem << 8 | message
    sequence: int
    body: bytes


def attribute(kind: int, value: bytes) -> bytes:
    """One attribute, padded to four octets."""
    return ATTRIBUTE_HEADER.pack(4 + len(value), kind) + value + bytes(-len(value) & 3)


def attributes(data: bytes, offset: int = 0) -> dict[int, bytes] | Malformed:
    """Cut a run of attributes, each padded to four octets; the last one wins where a type repeats."""
    found: dict[int, bytes] = {}
    end = len(data)
    while end - offset >= 4:
        length, kind = ATTRIBUTE_HEADER.unpack_from(data, offset)
        if length < 4 or length > end - offset:
            return Malformed.TOTAL_LENGTH
        found[kind & NLA_TYPE_MASK] = data[offset + 4 : offset + length]
        offset += (length + 3) & ~3
    return found


def messages(data: bytes) -> Iterator[Message | Malformed]:
    """The messages of one datagram; one that lies about its length is the last."""
    offset, end = 0, len(data)
    while end - offset >= HEADER_SIZE:
        length, kind, _, sequence, _ = NLMSG_HEADER.unpack_from(data, offset)
        if length < HEADER_SIZE or length > end - offset:
            yield Malformed.TOTAL_LENGTH
            return
        yield Message(kind, sequence, data[offset + HEADER_SIZE : offset + length])
        offset += (length + 3) & ~3


class NfnetlinkSocket:
    """A socket of NETLINK_NETFILTER, asked one thing after another."""

    def __init__(self, fd: int) -> None:
        self.socket = socket.socket(fileno=fd)
        self.sequence = 0

    def request(
        self, kind: int, family: int = 0, resource: int = 0, payload: bytes = b"", flags: int = NLM_F_ACK
    ) -> list[bytes]:
        """Ask for something and wait for the acknowledgement, or for a dump's end.

        Messages of other kinds that arrive meanwhile (packets that were logged) are left out.
        """
        self.sequence += 1
        body = NFGENMSG.pack(family, 0, resource) + payload
        header = NLMSG_HEADER.pack(HEADER_SIZE + len(body), kind, NLM_F_REQUEST | flags, self.sequence, 0)
        self.socket.send(header + body)
        answers: list[bytes] = []
        while True:
            for message in messages(self.socket.recv(ANSWER_SIZE)):
                if isinstance(message, Malformed) or message.sequence != self.sequence:
                    continue
                if message.kind == NLMSG_DONE:
                    return answers
                if message.kind == NLMSG_ERROR:
                    number = -int(ERRNO.unpack_from(message.body)[0])
                    if number:
                        raise OSError(number, os.strerror(number))
                    return answers
                answers.append(message.body)

    def close(self) -> None:
        """Give the socket back; the kernel unbinds what was bound to it."""
        self.socket.close()
