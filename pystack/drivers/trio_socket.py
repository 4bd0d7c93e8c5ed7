"""One socket of pystack's with the methods of trio's.

Every call into the core is a burst of the pump; who waits is woken by the socket's `on_event`, and looks
again. A wait that is cancelled changes nothing, but for connect(): as in trio, its socket is closed then.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import trio

from pystack.drivers.program_socket import Address, ProgramSocket, fault, octets_of, refuse_flags
from pystack.drivers.pump import Pump
from pystack.drivers.socket_options import get_option, set_option
from pystack.errors import NetError
from pystack.sock import tcp_poll
from pystack.sock.tcp import SHUT_WR, TcpSocket
from pystack.sock.udp import UdpSocket
from pystack.wire.ipv4 import address_text


class StackSocket(ProgramSocket):
    """What streams and datagrams have in common."""

    def __init__(self, pump: Pump, sock: TcpSocket | UdpSocket) -> None:
        super().__init__()
        self._pump = pump
        self._sock = sock
        self._waiting = trio.lowlevel.ParkingLot()
        sock.on_event = self._wake

    def __repr__(self) -> str:
        return f"<pystack {self._type.name} socket on port {self._sock.num}>"

    def close(self) -> None:
        """close(); who waits in another task is told."""
        if self._is_closed:
            return
        self._is_closed = True
        with self._pump.burst():
            self._sock.close()
        self._wake()

    async def bind(self, address: Any) -> None:
        ends = await self._resolved(address)
        await trio.lowlevel.checkpoint()
        with self._call():
            self._sock.bind(*ends)

    def getsockname(self) -> Address:
        address, port = self._sock.name
        return address_text(address), port

    def getpeername(self) -> Address:
        if not self._sock.is_connected:
            raise fault(errno.ENOTCONN)
        return address_text(self._sock.daddr), self._sock.dport

    def setsockopt(self, level: int, optname: int, value: Any, optlen: int | None = None) -> None:
        with self._call():
            set_option(self._sock, level, optname, octets_of(value, optlen))

    def getsockopt(self, level: int, optname: int, buflen: int | None = None) -> Any:
        with self._call():
            found = get_option(self._sock, level, optname, buflen or 4)
        return int.from_bytes(found, "little", signed=True) if buflen is None else found

    async def wait_readable(self) -> None:
        """Until a call that reads would not wait."""
        await self._until(self.is_readable)

    async def wait_writable(self) -> None:
        await trio.lowlevel.checkpoint()

    # -- underneath ----------------------------------------------------------------------------------------

    @contextmanager
    def _call(self) -> Iterator[None]:
        """Into the core; what it refuses is raised as the kernel's would be."""
        self._fail_if_closed()
        try:
            with self._pump.burst():
                yield
        except NetError as error:
            raise fault(error.number, error.extack or error.text) from None

    def _wake(self) -> None:
        self._waiting.unpark_all()

    async def _until(self, condition: Callable[[], bool]) -> None:
        """Wait; at least a checkpoint. Raises trio.ClosedResourceError."""
        await trio.lowlevel.checkpoint()
        while not self._is_closed and not condition():
            await self._waiting.park()
        if self._is_closed:
            raise trio.ClosedResourceError("another task closed this socket")


class StreamSocket(StackSocket):
    """TCP."""

    _type = socket.SOCK_STREAM
    _sock: TcpSocket

    def listen(self, backlog: int = 128) -> None:
        with self._call():
            self._sock.listen(backlog)

    async def accept(self) -> tuple[trio.socket.SocketType, Address]:
        sock = self._sock
        while True:
            with self._call():
                accepted = sock.accept()
            if accepted is not None:
                await trio.lowlevel.cancel_shielded_checkpoint()
                child = StreamSocket(self._pump, accepted)
                return child, child.getpeername()
            await self.wait_readable()

    async def connect(self, address: Any) -> None:
        ends = await self._resolved(address)
        await trio.lowlevel.checkpoint()
        with self._call():
            self._sock.connect(*ends)
        try:
            await self._until(lambda: not tcp_poll.is_opening(self._sock))
        except trio.Cancelled:
            self.close()
            raise
        if number := self._sock.error:
            raise fault(number)

    async def recv(self, buflen: int, flags: int = 0, /) -> bytes:
        await trio.lowlevel.checkpoint_if_cancelled()
        refuse_flags(flags)
        while True:
            with self._call():
                data = self._sock.recv(buflen) if buflen else b""
            if data is not None:
                await trio.lowlevel.cancel_shielded_checkpoint()
                return data
            await self.wait_readable()

    async def send(self, data: Any, flags: int = 0, /) -> int:
        await trio.lowlevel.checkpoint_if_cancelled()
        refuse_flags(flags & ~socket.MSG_NOSIGNAL)
        while True:
            with self._call():
                taken = self._sock.send(data)
            if taken or not len(data):
                await trio.lowlevel.cancel_shielded_checkpoint()
                return taken
            await self.wait_writable()

    async def wait_writable(self) -> None:
        await self._until(lambda: tcp_poll.is_writable(self._sock))

    def shutdown(self, flag: int) -> None:
        with self._call():
            self._sock.shut_down(flag)
        self._has_shut_down |= flag >= SHUT_WR

    def is_readable(self) -> bool:
        return tcp_poll.is_readable(self._sock)


class DatagramSocket(StackSocket):
    """UDP."""

    _type = socket.SOCK_DGRAM
    _sock: UdpSocket

    async def connect(self, address: Any) -> None:
        ends = await self._resolved(address)
        await trio.lowlevel.checkpoint()
        with self._call():
            self._sock.connect(*ends)

    async def recvfrom(self, bufsize: int, flags: int = 0, /) -> tuple[bytes, Address]:
        await trio.lowlevel.checkpoint_if_cancelled()
        refuse_flags(flags)
        while True:
            with self._call():
                self._sock.fail_if_error_pends()
                received = self._sock.recv()
            if received is not None:
                await trio.lowlevel.cancel_shielded_checkpoint()
                return received.data[:bufsize], (address_text(received.saddr), received.sport)
            await self.wait_readable()

    async def recv(self, buflen: int, flags: int = 0, /) -> bytes:
        return (await self.recvfrom(buflen, flags))[0]

    async def send(self, data: Any, flags: int = 0, /) -> int:
        await trio.lowlevel.checkpoint()
        refuse_flags(flags & ~socket.MSG_NOSIGNAL)
        with self._call():
            self._sock.send_to(bytes(data))
        return len(data)

    async def sendto(self, *args: Any) -> int:
        """sendto(data, [flags,] address)"""
        data, address = args[0], args[-1]
        refuse_flags(args[1] if len(args) > 2 else 0)
        ends = await self._resolved(address)
        await trio.lowlevel.checkpoint()
        with self._call():
            self._sock.send_to(bytes(data), ends)
        return len(data)

    def is_readable(self) -> bool:
        return len(self._sock.queue) > 0 or bool(self._sock.errors.pending)
