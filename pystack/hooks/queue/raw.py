"""NFQUEUE over a netlink socket of our own: whole packets, many verdicts in one message, fail-open.

Reading: include/uapi/linux/netfilter/nfnetlink_queue.h
"""

from __future__ import annotations

import errno
import socket
import struct
from typing import Final

from pystack.hooks.nfnetlink import NFGENMSG_SIZE, NfnetlinkSocket, attribute, attributes, messages
from pystack.hooks.queue import requests
from pystack.hooks.queue.packet import Queued
from pystack.hooks.queue.requests import EVERY_OCTET, FAIL_OPEN, U32, VERDICT_HDR, VERDICT_OF, request
from pystack.wire.ethernet import ETH_ALEN
from pystack.wire.malformed import Malformed

_BIND: Final = 1

_HDR, _MARK = 1, 3
_INDEV, _OUTDEV, _PHYSIN, _PHYSOUT = 5, 6, 7, 8
_HWADDR, _PAYLOAD, _CAP_LEN, _SKB_INFO, _UID, _GID = 9, 10, 13, 14, 16, 17
_NUMBERS: Final = (_INDEV, _OUTDEV, _PHYSIN, _PHYSOUT, _MARK, _SKB_INFO)

_PACKET_HDR: Final = struct.Struct("!IHB")
_STATION_AT: Final = 4  # behind its length
_COMMAND: Final = struct.Struct("!BxH")
_NETLINK_NO_ENOBUFS: Final = 5
_SOL_NETLINK: Final = 270
_SO_RCVBUFFORCE: Final = 33
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
        self._configure(attribute(requests.CFG_CMD, _COMMAND.pack(_BIND, 0)))
        self._configure(requests.copy_range(octets))
        self._configure(attribute(requests.CFG_MAXLEN, U32.pack(length)))
        if flags:
            self._configure(requests.flags(flags))
        self._socket.setsockopt(_SOL_NETLINK, _NETLINK_NO_ENOBUFS, 1)
        self._socket.setblocking(False)

    def _configure(self, told: bytes) -> None:
        self._netlink.request(requests.CONFIG, resource=self.number, payload=told)

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
                if isinstance(message, Malformed) or message.kind != requests.PACKET:
                    continue
                packet = _parse(message.body)
                if packet is not None:
                    found.append(packet)
        return found

    def answer(
        self, packet: Queued, verdict: int, *, mark: int | None = None, payload: bytes | None = None
    ) -> None:
        """What becomes of a packet; its mark and its octets may be others then."""
        told = attribute(VERDICT_HDR, VERDICT_OF.pack(verdict, packet.id))
        if mark is not None:
            told += attribute(_MARK, U32.pack(mark))
        if payload is not None:
            told += attribute(_PAYLOAD, payload)
        self._socket.send(request(requests.VERDICT, self.number, told))

    def accept_to(self, packet: Queued) -> None:
        """Accept all packets up to this one."""
        self._socket.send(requests.accept_to(self.number, packet.id))

    def accept_what_does_not_fit(self, wanted: bool) -> None:
        """Else it is dropped."""
        self._socket.send(requests.fail_open(self.number, wanted=wanted))

    def let_go(self, number: int) -> None:
        """Accept what waits up to this number, read or not: for who stands in for the process that reads."""
        self._socket.send(requests.accept_to(self.number, number))

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
        number,
        protocol,
        hook,
        indev,
        outdev,
        physin,
        physout,
        mark,
        payload,
        length,
        station,
        info,
        _owner(found),
    )


def _owner(found: dict[int, bytes]) -> tuple[int, int] | None:
    if _UID not in found or _GID not in found:
        return None
    return int.from_bytes(found[_UID], "big"), int.from_bytes(found[_GID], "big")
