"""NFQUEUE over a netlink socket of our own: whole packets, many verdicts in one message, fail-open.

Reading: include/uapi/linux/netfilter/nfnetlink_queue.h
"""

from __future__ import annotations

import errno
import socket
import struct
from typing import Final

from pystack.hooks.nfnetlink import (
    HEADER_SIZE,
    NFGENMSG,
    NFGENMSG_SIZE,
    NLM_F_REQUEST,
    NLMSG_HEADER,
    NfnetlinkSocket,
    attribute,
    attributes,
    messages,
)
from pystack.hooks.queue.packet import NF_ACCEPT, Queued
from pystack.wire.ethernet import ETH_ALEN
from pystack.wire.malformed import Malformed

_SUBSYSTEM: Final = 3 << 8  # NFNL_SUBSYS_QUEUE
_PACKET, _VERDICT, _CONFIG, _VERDICT_BATCH = (_SUBSYSTEM | message for message in range(4))
_CFG_CMD, _CFG_PARAMS, _CFG_MAXLEN, _CFG_MASK, _CFG_FLAGS = range(1, 6)
_BIND, _UNBIND = 1, 2
_COPY_META, _COPY_PACKET = 1, 2
FAIL_OPEN: Final = 1  # what does not fit into the queue is accepted
GSO: Final = 4  # packets that a card will cut stay whole

_HDR, _VERDICT_HDR, _MARK = 1, 2, 3
_INDEV, _OUTDEV, _PHYSIN, _PHYSOUT = 5, 6, 7, 8
_HWADDR, _PAYLOAD, _CAP_LEN, _SKB_INFO = 9, 10, 13, 14
_NUMBERS: Final = (_INDEV, _OUTDEV, _PHYSIN, _PHYSOUT, _MARK, _SKB_INFO)

_PACKET_HDR: Final = struct.Struct("!IHB")
_VERDICT_OF: Final = struct.Struct("!II")
_U32: Final = struct.Struct("!I")
_STATION_AT: Final = 4  # behind its length
_COMMAND: Final = struct.Struct("!BxH")
_PARAMS: Final = struct.Struct("!IB")
_NETLINK_NO_ENOBUFS: Final = 5
_SOL_NETLINK: Final = 270
_SO_RCVBUFFORCE: Final = 33
_LAST: Final = 0x7FFFFFFF  # of the numbers that packets get one after the other
EVERY_OCTET: Final = 0xFFFF
_ROOM: Final = 32 << 20
_BUFFER: Final = 1 << 17
LENGTH: Final = 4096  # packets that may wait; 1024 overflowed at 40,000 a second


class RawQueue:
    """One queue, on a socket that was made in its namespace."""

    def __init__(
        self, fd: int, number: int, *, flags: int = FAIL_OPEN, length: int = LENGTH, octets: int = EVERY_OCTET
    ) -> None:
        """With `octets` 0 packets come without any of theirs. Raises OSError: EBUSY or EPERM where somebody
        has the queue, EPERM without the rights.
        """
        self.number = number
        self.lost = 0
        self._netlink = NfnetlinkSocket(fd)
        self._socket = self._netlink.socket
        try:
            self._bind(flags, length, octets)
        except BaseException:
            self.close()
            raise

    def _bind(self, flags: int, length: int, octets: int) -> None:
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, _ROOM)
        self._configure(_CFG_CMD, _COMMAND.pack(_BIND, 0))
        self._configure(_CFG_PARAMS, _PARAMS.pack(octets, _COPY_PACKET if octets else _COPY_META))
        self._configure(_CFG_MAXLEN, _U32.pack(length))
        if flags:
            both = attribute(_CFG_FLAGS, _U32.pack(flags)) + attribute(_CFG_MASK, _U32.pack(flags))
            self._netlink.request(_CONFIG, resource=self.number, payload=both)
        self._socket.setsockopt(_SOL_NETLINK, _NETLINK_NO_ENOBUFS, 1)
        self._socket.setblocking(False)

    def _configure(self, kind: int, value: bytes) -> None:
        self._netlink.request(_CONFIG, resource=self.number, payload=attribute(kind, value))

    def fileno(self) -> int:
        """For poll."""
        return self._socket.fileno()

    def read(self, most: int) -> list[Queued]:
        """Packets that wait, so many at most; never waits for one."""
        found: list[Queued] = []
        while len(found) < most:
            try:
                data = self._socket.recv(_BUFFER)
            except BlockingIOError:
                break
            except OSError as error:
                if error.errno != errno.ENOBUFS:
                    raise
                self.lost += 1
                continue
            for message in messages(data):
                if isinstance(message, Malformed) or message.kind != _PACKET:
                    continue
                packet = _parse(message.body)
                if packet is not None:
                    found.append(packet)
        return found

    def answer(
        self, packet: Queued, verdict: int, *, mark: int | None = None, payload: bytes | None = None
    ) -> None:
        """What becomes of a packet; its mark and its octets may be others then."""
        told = attribute(_VERDICT_HDR, _VERDICT_OF.pack(verdict, packet.id))
        if mark is not None:
            told += attribute(_MARK, _U32.pack(mark))
        if payload is not None:
            told += attribute(_PAYLOAD, payload)
        self._send(_VERDICT, told)

    def accept_to(self, packet: Queued) -> None:
        """Accept all packets up to this one."""
        self._send(_VERDICT_BATCH, attribute(_VERDICT_HDR, _VERDICT_OF.pack(NF_ACCEPT, packet.id)))

    def accept_all(self) -> None:
        """Accept whatever waits, read or not: also for a process that stands in for the one that reads."""
        self._send(_VERDICT_BATCH, attribute(_VERDICT_HDR, _VERDICT_OF.pack(NF_ACCEPT, _LAST)))

    def _send(self, kind: int, told: bytes) -> None:
        """Without asking for an acknowledgement: a verdict about a packet that is gone by is none."""
        body = NFGENMSG.pack(0, 0, self.number) + told
        header = NLMSG_HEADER.pack(HEADER_SIZE + len(body), kind, NLM_F_REQUEST, 0, 0)
        self._socket.send(header + body)

    def close(self) -> None:
        """Take no more; what waits is dropped by the kernel, so answer it first."""
        self._netlink.close()


def _parse(body: bytes) -> Queued | None:
    """None if it is not whole."""
    found = attributes(body, NFGENMSG_SIZE)
    if isinstance(found, Malformed) or len(found.get(_HDR, b"")) < _PACKET_HDR.size:
        return None
    number, protocol, hook = _PACKET_HDR.unpack_from(found[_HDR])
    payload = found.get(_PAYLOAD, b"")
    numbers = (int.from_bytes(found.get(kind, b""), "big") for kind in _NUMBERS)
    indev, outdev, physin, physout, mark, info = numbers
    length = int.from_bytes(found[_CAP_LEN], "big") if _CAP_LEN in found else len(payload)
    station = found.get(_HWADDR, b"")[_STATION_AT : _STATION_AT + ETH_ALEN]
    return Queued(
        number, protocol, hook, indev, outdev, physin, physout, mark, payload, length, station, info
    )
