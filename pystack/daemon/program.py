"""The daemon's side of a program that runs elsewhere with sockets of this stack.

The program is a process of the user's, with his rights, streams and signals; only its socket calls come here.
Its sockets live as long as its connection: when that ends, however it ends, they are closed as the kernel
closes those of a process.

One task serves a program, however many sockets it has. A call that would wait is kept, and tried again when
its socket rings; what it brings is taken from the socket only then, so a program that calls much and reads
little holds little here.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable
from functools import partial
from typing import Final, NoReturn

from pystack.daemon import protocol
from pystack.daemon.connection import Connection
from pystack.daemon.program_calls import CALLS, Sock, connect, end_of_connecting, peer_name
from pystack.daemon.protocol import ProtocolError
from pystack.daemon.socket_calls import BEGIN, NUMBER, Call, Operation, decode_call, encode_answer, unpack
from pystack.drivers.pump import Pump
from pystack.errors import EMFILE, ENOBUFS, EOPNOTSUPP, NetError
from pystack.netns import Netns
from pystack.sock.tcp import TcpSocket

MAX_SOCKETS: Final = 16_384  # of a program
MAX_WAITING: Final = 16  # calls of a socket
FAULT: Final = 1


class Program:
    """One program's sockets."""

    def __init__(self, client: Connection, pump: Pump, netns: Netns) -> None:
        self._client = client
        self._pump = pump
        self._netns = netns
        self._sockets: dict[int, Sock] = {}
        self._waiting: dict[int, dict[int, Call]] = {}  # by the socket, and by the number of the call
        self._rung: set[int] = set()  # sockets of which something changed

    async def run(self) -> int:
        """Until the client is gone, or calls what nobody can. Raises HungUp."""
        try:
            await self._serve()
        except ProtocolError as error:
            await self._client.send(protocol.ERR, f"pystack: {error}\n".encode())
            return FAULT
        finally:
            with self._pump.burst():
                for sock in self._sockets.values():
                    sock.close()

    async def _serve(self) -> NoReturn:
        self._client.allow_calls()
        await self._answer(BEGIN, 0)
        while True:
            payload = self._client.take_call()
            if payload is not None:
                await self._take(decode_call(payload))
            elif not self._rung:
                await self._client.wait_for_bell()
            while self._rung:
                await self._try_again(self._rung.pop())

    async def _take(self, call: Call) -> None:
        """A call has come."""
        waiting = self._waiting.get(call.socket, {})
        if call.operation == Operation.CANCEL:
            (number,) = unpack(NUMBER, call.body)
            if waiting.pop(number, None) is not None:
                await self._answer(number, errno.ECANCELED)
        elif call.operation == Operation.CLOSE:
            await self._close(call.socket)
        elif len(waiting) >= MAX_WAITING or call.number in waiting:
            await self._answer(call.number, ENOBUFS)
        elif not await self._try(call, self._first_try):
            self._waiting.setdefault(call.socket, {})[call.number] = call

    async def _try_again(self, number: int) -> None:
        """The calls that wait for a socket, in their order."""
        waiting = self._waiting.get(number, {})
        for call in list(waiting.values()):
            if await self._try(call, self._next_try):
                del waiting[call.number]

    async def _try(self, call: Call, attempt: Callable[[Call], bytes | None]) -> bool:
        """Whether that was all: then it is answered."""
        number, body = 0, None
        try:
            with self._pump.burst():
                body = attempt(call)
        except NetError as error:
            number, body = error.number, (error.extack or "").encode()
        if not number and body is None:
            return False
        await self._answer(call.number, number, body or b"")
        return True

    async def _answer(self, call: int, number: int, body: bytes = b"") -> None:
        await self._client.send(protocol.ANSWER, encode_answer(call, number, body))

    # -- what calls do -------------------------------------------------------------------------------------

    def _first_try(self, call: Call) -> bytes | None:
        if call.operation == Operation.OPEN:
            return self._open(call.socket, *unpack(NUMBER, call.body))
        if call.operation == Operation.CONNECT:
            connect(self._socket(call), call.body)
        return self._next_try(call)

    def _next_try(self, call: Call) -> bytes | None:
        sock = self._socket(call)
        if call.operation == Operation.ACCEPT:
            return self._accept(sock, *unpack(NUMBER, call.body))
        if call.operation == Operation.CONNECT:
            return end_of_connecting(sock)
        return CALLS[call.operation](sock, call.body)

    def _socket(self, call: Call) -> Sock:
        sock = self._sockets.get(call.socket)
        if sock is None:
            raise NetError(errno.EBADF)
        return sock

    def _open(self, number: int, kind: int) -> bytes:
        self._check_room(number)
        if kind not in (socket.SOCK_STREAM, socket.SOCK_DGRAM):
            raise NetError(errno.EPROTONOSUPPORT)
        self._add(number, (self._netns.tcp if kind == socket.SOCK_STREAM else self._netns.udp).open())
        return b""

    def _accept(self, sock: Sock, number: int) -> bytes | None:
        self._check_room(number)
        if not isinstance(sock, TcpSocket):
            raise NetError(EOPNOTSUPP)
        child = sock.accept()
        if child is None:
            return None
        self._add(number, child)
        return peer_name(child)

    def _check_room(self, number: int) -> None:
        if number in self._sockets:
            raise ProtocolError("a socket of that number is open")
        if len(self._sockets) >= MAX_SOCKETS:
            raise NetError(EMFILE)

    def _add(self, number: int, sock: Sock) -> None:
        self._sockets[number] = sock
        sock.on_event = partial(self._ring, number)

    def _ring(self, number: int) -> None:
        """Called by the core, in the midst of a segment."""
        self._rung.add(number)
        self._client.ring()

    async def _close(self, number: int) -> None:
        """close(); what waited for the socket waits in vain."""
        sock = self._sockets.pop(number, None)
        if sock is None:
            return
        with self._pump.burst():
            sock.close()
        for waiting in self._waiting.pop(number, {}):
            await self._answer(waiting, errno.EBADF)
