"""A socket of a daemon's stack with the methods of trio's: what a program that runs elsewhere is handed."""

from __future__ import annotations

import errno
import socket
from typing import Any, Final

import trio

from pystack.daemon.socket_calls import ENDS, MAX_DATA, NUMBER, OPTION, Operation, unpack
from pystack.daemon.socket_link import SocketLink
from pystack.drivers.program_socket import Address, ProgramSocket, fault, kind_of, octets_of, refuse_flags
from pystack.wire.ipv4 import address_text

INT_OCTETS: Final = 4
LARGEST: Final = 0x7FFFFFFF
CHUNK: Final = 45 * 1448  # octets of a stream that are sent at once: a little more would leave in two frames


class RemoteFactory(trio.abc.SocketFactory):
    """Makes the sockets of one program."""

    def __init__(self, link: SocketLink) -> None:
        self._link = link

    def socket(
        self, family: int = socket.AF_INET, type: int = socket.SOCK_STREAM, proto: int = 0
    ) -> RemoteSocket:
        """Linux: socket()"""
        kind = kind_of(family, type, proto)
        number = self._link.new_number()
        self._link.ask(number, Operation.OPEN, NUMBER.pack(kind))
        return (RemoteStream if kind == socket.SOCK_STREAM else RemoteDatagrams)(self._link, number)


class RemoteSocket(ProgramSocket):
    """What streams and datagrams have in common."""

    def __init__(self, link: SocketLink, number: int) -> None:
        super().__init__()
        self._link = link
        self._number = number

    def __repr__(self) -> str:
        return f"<pystack {self._type.name} socket {self._number} of a daemon>"

    def close(self) -> None:
        if not self._is_closed:
            self._is_closed = True
            self._link.tell(self._number, Operation.CLOSE)

    async def bind(self, address: Any) -> None:
        ends = await self._resolved(address)
        await trio.lowlevel.checkpoint()
        self._ask(Operation.BIND, ENDS.pack(*ends))

    async def connect(self, address: Any) -> None:
        ends = await self._resolved(address)
        try:
            await self._wait(Operation.CONNECT, ENDS.pack(*ends))
        except trio.Cancelled:
            self.close()
            raise

    def getsockname(self) -> Address:
        return _address(self._ask(Operation.NAME))

    def getpeername(self) -> Address:
        return _address(self._ask(Operation.PEER_NAME))

    def setsockopt(self, level: int, optname: int, value: Any, optlen: int | None = None) -> None:
        given = octets_of(value, optlen)
        if isinstance(given, int):
            given = given.to_bytes(INT_OCTETS, "little", signed=True)
        self._ask(Operation.SET_OPTION, OPTION.pack(level, optname) + given)

    def getsockopt(self, level: int, optname: int, buflen: int | None = None) -> Any:
        length = NUMBER.pack(buflen or INT_OCTETS)
        found = self._ask(Operation.GET_OPTION, OPTION.pack(level, optname) + length)
        return int.from_bytes(found, "little", signed=True) if buflen is None else found

    def is_readable(self) -> bool:
        return unpack(NUMBER, self._ask(Operation.IS_READABLE)) == (1,)

    async def wait_writable(self) -> None:
        await self._wait(Operation.WAIT_WRITABLE)

    def _ask(self, operation: Operation, body: bytes = b"") -> bytes:
        self._fail_if_closed()
        return self._link.ask(self._number, operation, body)

    async def _wait(self, operation: Operation, body: bytes = b"") -> bytes:
        """Raises OSError, and trio.ClosedResourceError if another task closes the socket meanwhile."""
        self._fail_if_closed()
        try:
            return await self._link.wait(self._number, operation, body)
        except OSError:
            if self._is_closed:
                raise trio.ClosedResourceError("another task closed this socket") from None
            raise

    async def _received(self, limit: int) -> bytes:
        return await self._wait(Operation.RECV, NUMBER.pack(min(limit, MAX_DATA)))


class RemoteStream(RemoteSocket):
    """TCP."""

    _type = socket.SOCK_STREAM

    def listen(self, backlog: int = 128) -> None:
        self._ask(Operation.LISTEN, NUMBER.pack(min(backlog, LARGEST)))

    async def accept(self) -> tuple[trio.socket.SocketType, Address]:
        number = self._link.new_number()
        peer = await self._wait(Operation.ACCEPT, NUMBER.pack(number))
        return RemoteStream(self._link, number), _address(peer)

    async def recv(self, buflen: int, flags: int = 0, /) -> bytes:
        refuse_flags(flags)
        return await self._received(buflen)

    async def send(self, data: Any, flags: int = 0, /) -> int:
        refuse_flags(flags & ~socket.MSG_NOSIGNAL)
        chunk = bytes(memoryview(data).cast("B")[:CHUNK])
        while True:
            (taken,) = unpack(NUMBER, await self._wait(Operation.SEND, chunk))
            if taken or not chunk:
                return taken
            await self.wait_writable()

    def shutdown(self, flag: int) -> None:
        self._ask(Operation.SHUT_DOWN, NUMBER.pack(flag))
        self._has_shut_down |= flag >= socket.SHUT_WR


class RemoteDatagrams(RemoteSocket):
    """UDP."""

    _type = socket.SOCK_DGRAM

    async def recvfrom(self, bufsize: int, flags: int = 0, /) -> tuple[bytes, Address]:
        refuse_flags(flags)
        octets = await self._received(bufsize)
        return octets[ENDS.size :], _address(octets)

    async def recv(self, buflen: int, flags: int = 0, /) -> bytes:
        return (await self.recvfrom(buflen, flags))[0]

    async def send(self, data: Any, flags: int = 0, /) -> int:
        refuse_flags(flags & ~socket.MSG_NOSIGNAL)
        return await self._sent(Operation.SEND, b"", data)

    async def sendto(self, *args: Any) -> int:
        """sendto(data, [flags,] address)"""
        data, address = args[0], args[-1]
        refuse_flags(args[1] if len(args) > 2 else 0)
        return await self._sent(Operation.SEND_TO, ENDS.pack(*await self._resolved(address)), data)

    async def _sent(self, operation: Operation, head: bytes, data: Any) -> int:
        if len(data) > MAX_DATA:
            raise fault(errno.EMSGSIZE)
        (taken,) = unpack(NUMBER, await self._wait(operation, head + bytes(data)))
        return taken


def _address(body: bytes) -> Address:
    address, port = unpack(ENDS, body)
    return address_text(address), port
