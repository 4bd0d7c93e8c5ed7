"""NFQUEUE through the library NetfilterQueue, where its traps are known.

By itself it cuts packets at 4 KiB and never sees again what is longer, and a flood keeps it reading for ever.
So it is given our reads (whole packets, a few at a time) in the place of a socket, and the kernel is asked
for every octet behind its back.
"""

from __future__ import annotations

import errno
import socket
from typing import Final

import netfilterqueue

from pystack.hooks.queue import requests
from pystack.hooks.queue.packet import NF_ACCEPT, NF_DROP, NF_REPEAT, Queued
from pystack.hooks.queue.requests import EVERY_OCTET, FAIL_OPEN
from pystack.wire.ethernet import ETH_ALEN

_BUFFER: Final = 1 << 17
_ROOM: Final = 32 << 20
LENGTH: Final = 4096


class LibraryQueue:
    """One queue; made by a thread inside its namespace, used by whoever likes."""

    def __init__(self, number: int, *, length: int = LENGTH) -> None:
        """Raises OSError where the queue is taken, or the rights lack."""
        self.number = number
        self.lost = 0
        self._held: dict[int, netfilterqueue.Packet] = {}
        self._queue = netfilterqueue.NetfilterQueue()
        self._queue.bind(number, self._take, max_len=length, sock_len=_ROOM)
        self._found: list[Queued] = []
        self._socket = socket.socket(fileno=self._queue.get_fd())
        self._socket.setblocking(False)
        for told in (requests.copy_range(EVERY_OCTET), requests.flags(FAIL_OPEN)):
            self._socket.send(requests.request(requests.CONFIG, number, told))

    def fileno(self) -> int:
        """For poll."""
        return self._socket.fileno()

    def read(self, most: int) -> list[Queued]:
        """Packets that wait, so many at most; never waits for one."""
        self._queue.run_socket(_Few(self._socket, most))
        found, self._found = self._found, []
        return found

    def _take(self, packet: netfilterqueue.Packet) -> None:
        packet.retain()
        payload = packet.get_payload()
        self._held[packet.id] = packet
        self._found.append(
            Queued(
                packet.id,
                packet.hw_protocol,
                packet.hook,
                packet.indev,
                packet.outdev,
                packet.physindev,
                packet.physoutdev,
                packet.get_mark(),
                payload,
                packet.get_payload_len(),
                (packet.get_hw() or b"")[:ETH_ALEN],
            )
        )

    def answer(
        self, packet: Queued, verdict: int, *, mark: int | None = None, payload: bytes | None = None
    ) -> None:
        """What becomes of a packet; its mark and its octets may be others then."""
        held = self._held.pop(packet.id)
        if mark is not None:
            held.set_mark(mark)
        if payload is not None:
            held.set_payload(payload)
        {NF_ACCEPT: held.accept, NF_DROP: held.drop, NF_REPEAT: held.repeat}[verdict]()

    def accept_to(self, packet: Queued) -> None:
        """Accept all packets up to this one."""
        for number in [number for number in self._held if number <= packet.id]:
            self._held.pop(number).accept()

    def accept_what_does_not_fit(self, wanted: bool) -> None:
        """Else it is dropped."""
        self._socket.send(requests.fail_open(self.number, wanted=wanted))

    def let_go(self, number: int) -> None:
        """Accept what waits up to this number, read or not: for who stands in for the process that reads."""
        self._socket.send(requests.accept_to(self.number, number))

    def close(self) -> None:
        """Take no more; what waits is dropped by the kernel, so answer it first."""
        self._held.clear()
        self._socket.detach()  # the library closes it
        self._queue.unbind()


class _Few:
    """What the library takes for its socket: it ends after so many reads."""

    def __init__(self, behind: socket.socket, most: int) -> None:
        self._behind = behind
        self._left = most

    def recv(self, _size: int) -> bytes:
        """Whole packets, whatever size it asks for."""
        if not self._left:
            raise BlockingIOError(errno.EAGAIN, "that is enough for once")
        self._left -= 1
        return self._behind.recv(_BUFFER)
