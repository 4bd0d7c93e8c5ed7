"""What the kernel's NFLOG rules (`log group N`) report: a copy of each packet, and where it was.

The rules do not touch a packet, and their messages are in the socket before the call that caused them (a
write into a TAP) returns, in the order in which the kernel worked: nothing here waits.

Reading: include/uapi/linux/netfilter/nfnetlink_log.h
"""

from __future__ import annotations

import errno
import re
import socket
import struct
from functools import lru_cache
from typing import Final, NamedTuple

from pystack.hooks.nfnetlink import (
    ATTRIBUTE_HEADER,
    HEADER_SIZE,
    NFGENMSG_SIZE,
    NfnetlinkSocket,
    attribute,
    attributes,
)
from pystack.wire.malformed import Malformed

SUBSYSTEM: Final = 4  # NFNL_SUBSYS_ULOG
PACKET: Final = SUBSYSTEM << 8
CONFIG: Final = SUBSYSTEM << 8 | 1

CFG_COMMAND, CFG_MODE, CFG_QTHRESH, CFG_FLAGS = 1, 2, 5, 6
COMMAND_BIND: Final = 1
COPY_PACKET: Final = 2
FLAG_SEQ_GLOBAL: Final = 2

NFULA_PACKET_HDR, NFULA_MARK, NFULA_TIMESTAMP = 1, 2, 3
NFULA_IFINDEX_INDEV, NFULA_IFINDEX_OUTDEV, NFULA_IFINDEX_PHYSINDEV, NFULA_IFINDEX_PHYSOUTDEV = 4, 5, 6, 7
NFULA_PAYLOAD, NFULA_PREFIX, NFULA_UID, NFULA_SEQ_GLOBAL, NFULA_GID = 9, 10, 11, 13, 14
NFULA_HWADDR, NFULA_HWTYPE, NFULA_HWLEN = 8, 15, 17
NFULA_HWHEADER, NFULA_VLAN, NFULA_L2HDR = 16, 20, 21
NFULA_VLAN_PROTO, NFULA_VLAN_TCI = 1, 2

SO_RCVBUFFORCE: Final = 33
BUFFER: Final = 64 << 20  # what may come together between two drains
MESSAGE_LIMIT: Final = 1 << 17  # a packet of 64 KiB and all its attributes
EVERY_OCTET: Final = 0xFFFF

PACKET_HEADER: Final = struct.Struct("!HBx")  # EtherType, hook
ATTRIBUTE_KIND: Final = struct.Struct("=H")  # or its length
NLA_F_NESTED: Final = 0x8000
BODY: Final = HEADER_SIZE + NFGENMSG_SIZE
U16: Final = struct.Struct("!H")
U32: Final = struct.Struct("!I")
TIMESTAMP: Final = struct.Struct("!QQ")  # seconds, microseconds


class Overrun(Exception):
    """The kernel logged more than the socket holds: packets were seen by rules and not by us."""


class LoggedPacket(NamedTuple):
    """One packet at one rule. A device is its ifindex, 0 where there is none."""

    family: int  # NFPROTO_*
    hook: int
    protocol: int  # EtherType
    prefix: bytes
    indev: int
    outdev: int
    physin: int
    physout: int
    mark: int
    link: bytes  # link header; empty where the kernel shows none
    payload: bytes  # from where the packet begins for that hook on
    tag: bytes  # a VLAN tag that is beside the bytes: protocol and TCI, or nothing
    sequence: int  # of all groups of the namespace together
    stamp: bytes  # when it was received, as the kernel writes that; empty where it is not known
    uid: int | None  # of the socket's owner
    gid: int | None

    @property
    def timestamp(self) -> int | None:
        """When it was received, in nanoseconds since 1970."""
        if len(self.stamp) != TIMESTAMP.size:
            return None
        seconds, microseconds = TIMESTAMP.unpack(self.stamp)
        return int(seconds) * 1_000_000_000 + int(microseconds) * 1000


def parse_packet(message: bytes) -> LoggedPacket | Malformed:
    """A whole NFULNL_MSG_PACKET, from its netlink header on.

    Linux: net/netfilter/nfnetlink_log.c __build_packet_message()
    """
    match = AS_THE_KERNEL_WRITES.match(message)
    return (match and _matched(match)) or parse_any_order(message)


def parse_any_order(message: bytes) -> LoggedPacket | Malformed:
    """The same, attribute by attribute."""
    if len(message) < BODY:
        return Malformed.TRUNCATED
    if ATTRIBUTE_KIND.unpack_from(message, 4)[0] != PACKET:
        return Malformed.MAGIC
    got = attributes(message, BODY)
    if isinstance(got, Malformed):
        return got
    try:
        return _assembled(message[HEADER_SIZE], got)
    except struct.error:  # an attribute that is too short for what it is
        return Malformed.TRUNCATED


def _assembled(family: int, got: dict[int, bytes]) -> LoggedPacket:
    get = got.get
    return LoggedPacket(
        *_place_of(family, got),
        _number(get(NFULA_MARK)),
        get(NFULA_HWHEADER) or get(NFULA_L2HDR, b""),
        get(NFULA_PAYLOAD, b""),
        _tag(get(NFULA_VLAN)),
        _number(get(NFULA_SEQ_GLOBAL)),
        get(NFULA_TIMESTAMP, b""),
        _number(got[NFULA_UID]) if NFULA_UID in got else None,
        _number(got[NFULA_GID]) if NFULA_GID in got else None,
    )


def _optional(kind: int, pattern: bytes, size: int) -> bytes:
    """An attribute that may be there, as a part of an expression."""
    padding = b"." * (-size & 3)
    return b"(?:" + re.escape(ATTRIBUTE_HEADER.pack(4 + size, kind)) + pattern + padding + b")?"


# Cutting attributes one by one takes ten times as long as one expression for the order in which the kernel
# writes them: for the bridge family it gives the port first, for the others the port last. What does not
# match (a header that is not Ethernet's) is cut one by one. A test holds both ways together.
AS_THE_KERNEL_WRITES: Final = re.compile(
    b"(?s).{4}"
    + re.escape(ATTRIBUTE_KIND.pack(PACKET))
    + b".{10}(?P<place>.{4}"  # from here on alike for all packets of one kind at one rule
    + re.escape(ATTRIBUTE_HEADER.pack(8, NFULA_PACKET_HDR))
    + b".{4}.."
    + re.escape(ATTRIBUTE_KIND.pack(NFULA_PREFIX))
    + rb"[^\0]*\0{1,4}"
    + _optional(NFULA_IFINDEX_PHYSINDEV, b"....", 4)
    + _optional(NFULA_IFINDEX_INDEV, b"....", 4)
    + _optional(NFULA_IFINDEX_PHYSINDEV, b"....", 4)
    + _optional(NFULA_IFINDEX_PHYSOUTDEV, b"....", 4)
    + _optional(NFULA_IFINDEX_OUTDEV, b"....", 4)
    + _optional(NFULA_IFINDEX_PHYSOUTDEV, b"....", 4)
    + b")"
    + _optional(NFULA_MARK, b"(?P<mark>....)", 4)
    + _optional(NFULA_HWADDR, b".{12}", 12)
    + _optional(NFULA_HWTYPE, b"..", 2)
    + _optional(NFULA_HWLEN, b"..", 2)
    + _optional(NFULA_HWHEADER, b"(?P<link>.{14})", 14)
    + _optional(NFULA_TIMESTAMP, b"(?P<stamp>.{16})", 16)
    + _optional(NFULA_UID, b"(?P<uid>....)", 4)
    + _optional(NFULA_GID, b"(?P<gid>....)", 4)
    + _optional(NFULA_SEQ_GLOBAL, b"(?P<sequence>....)", 4)
    + _optional(NFULA_VLAN | NLA_F_NESTED, b"(?P<vlan>.{16})", 16)
    + _optional(NFULA_L2HDR, b"(?P<whole_link>.{14})", 14)
    + b"(?:(?P<length>..)"
    + re.escape(ATTRIBUTE_KIND.pack(NFULA_PAYLOAD))
    + rb"(?P<payload>.*))?\Z"
)


def _matched(match: re.Match[bytes]) -> LoggedPacket | None:
    """What the expression found; None if a length says something else."""
    written, mark, link, stamp, uid, gid, sequence, vlan, whole_link, length, payload = match.groups()
    place = _place(written)
    if place is None:
        return None
    if length is not None:
        size = _length(length) - 4
        if not 0 <= len(payload) - size < 4:
            return None
        payload = payload[:size]
    return LoggedPacket(
        *place,
        _number(mark),
        link or whole_link or b"",
        payload or b"",
        b"" if vlan is None else _tag(vlan),
        0 if sequence is None else int.from_bytes(sequence, "big"),
        stamp or b"",
        None if uid is None else _number(uid),
        None if gid is None else _number(gid),
    )


Place = tuple[int, int, int, bytes, int, int, int, int]  # of a LoggedPacket, from family to physout


@lru_cache(maxsize=4096)
def _place(written: bytes) -> Place | None:
    """Family, attributes of the packet and of its devices; None if a length is not what it seemed."""
    got = attributes(written, NFGENMSG_SIZE)
    if isinstance(got, Malformed) or got[NFULA_PREFIX].find(0) != len(got[NFULA_PREFIX]) - 1:
        return None
    return _place_of(written[0], got)


def _place_of(family: int, got: dict[int, bytes]) -> Place:
    protocol, hook = PACKET_HEADER.unpack_from(got.get(NFULA_PACKET_HDR, b""))
    get = got.get
    return (
        family,
        hook,
        protocol,
        get(NFULA_PREFIX, b"").rstrip(b"\0"),
        _number(get(NFULA_IFINDEX_INDEV)),
        _number(get(NFULA_IFINDEX_OUTDEV)),
        _number(get(NFULA_IFINDEX_PHYSINDEV)),
        _number(get(NFULA_IFINDEX_PHYSOUTDEV)),
    )


@lru_cache(maxsize=4096)
def _number(value: bytes | None) -> int:
    return 0 if value is None else int(U32.unpack_from(value)[0])


@lru_cache(maxsize=4096)
def _length(value: bytes) -> int:
    return int(ATTRIBUTE_KIND.unpack(value)[0])


def _tag(value: bytes | None) -> bytes:
    """Protocol and TCI as they stand in a frame; nothing if one is missing."""
    nested = attributes(value or b"")
    if isinstance(nested, Malformed):
        return b""
    tag = nested.get(NFULA_VLAN_PROTO, b"")[:2] + nested.get(NFULA_VLAN_TCI, b"")[:2]
    return tag if len(tag) == 4 else b""


class NflogReader:
    """A socket that is bound to groups, on a descriptor that the caller made in the namespace to listen to.

    A group has one listener in a namespace: binding one that is taken raises OSError (EPERM).
    """

    def __init__(self, fd: int, groups: tuple[int, ...] = (), *, room: int = BUFFER) -> None:
        self.is_cut_off = False  # behind what take() took last
        self._overran = False
        self._netlink = NfnetlinkSocket(fd)
        self._socket = self._netlink.socket
        self._buffer = bytearray(MESSAGE_LIMIT)
        self._view = memoryview(self._buffer)
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, room)
            for group in groups:
                self.bind(group)
            self._socket.setblocking(False)
        except BaseException:
            self.close()
            raise

    def bind(self, group: int) -> None:
        """Listen to a group: whole packets, each as soon as it is logged, all numbered together."""
        for settings in (
            attribute(CFG_COMMAND, bytes([COMMAND_BIND])),
            attribute(CFG_MODE, struct.pack("!IBx", EVERY_OCTET, COPY_PACKET)),
            attribute(CFG_QTHRESH, U32.pack(1)),
            attribute(CFG_FLAGS, U16.pack(FLAG_SEQ_GLOBAL)),
        ):
            self._netlink.request(CONFIG, resource=group, payload=settings)

    def fileno(self) -> int:
        """For poll."""
        return self._socket.fileno()

    def drain(self) -> list[LoggedPacket | Malformed]:
        """What was logged since the last call, in the kernel's order; raises Overrun if some is lost."""
        return [parse_packet(message) for message in self.messages()]

    def messages(self) -> list[bytes]:
        """The same as the kernel sent it: one message a datagram, for that is what bind() asks for."""
        found: list[bytes] = []
        receive, buffer, view = self._socket.recv_into, self._buffer, self._view
        while True:
            try:
                found.append(bytes(view[: receive(buffer)]))
            except BlockingIOError:
                return found
            except OSError as error:
                if error.errno == errno.ENOBUFS:
                    raise Overrun("the kernel logged more between two looks than the socket holds") from error
                raise

    def take(self, most: int) -> list[bytes]:
        """Some messages, for who does without those that are lost: the numbers say how many they are.

        Once the socket was full, the kernel drops all until it has been emptied; then no number says so yet.
        Linux: net/netlink/af_netlink.c netlink_attachskb()
        """
        found: list[bytes] = []
        self.is_cut_off = False
        receive, buffer, view = self._socket.recv_into, self._buffer, self._view
        for _ in range(most):
            try:
                found.append(bytes(view[: receive(buffer)]))
            except BlockingIOError:
                self.is_cut_off, self._overran = self._overran, False
                break
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                self._overran = True
        return found

    def close(self) -> None:
        """Stop listening. The rules go on; nobody hears them."""
        self._view.release()
        self._netlink.close()
