"""The daemon's side of a program that runs elsewhere with sockets of this stack.

The program is a process of the user's, with his rights, streams and signals; only its socket calls come here.
Its sockets live as long as its connection: when that ends, however it ends, they are closed as the kernel
closes those of a process. Calls that wait are tasks. What they bring is taken from a socket only when it can
be sent, so a program that calls much and reads little holds little here.
"""

from __future__ import annotations

import errno
from typing import Final, NoReturn

import trio

from pystack.daemon import protocol
from pystack.daemon.connection import Connection, HungUp
from pystack.daemon.program_calls import AT_ONCE, IN_TIME, packed, receive
from pystack.daemon.protocol import ProtocolError
from pystack.daemon.socket_calls import BEGIN, NUMBER, Call, Operation, decode_call, encode_answer, unpack
from pystack.drivers.program_socket import fault
from pystack.drivers.sockets import SocketFactory
from pystack.drivers.trio_socket import StackSocket, StreamSocket

MAX_SOCKETS: Final = 4096  # of a program
MAX_WAITING: Final = 2 * MAX_SOCKETS  # calls
FAULT: Final = 1


class Program:
    """One program's sockets."""

    def __init__(self, client: Connection, factory: SocketFactory) -> None:
        self._client = client
        self._factory = factory
        self._sockets: dict[int, StackSocket] = {}
        self._waiting: dict[int, trio.CancelScope] = {}  # by the number of the call
        self._sending = trio.Lock()

    async def run(self) -> int:
        """Until the client is gone, or calls what nobody can. Raises HungUp."""
        wrong = ""
        try:
            await self._serve()
        except* ProtocolError as group:
            wrong = str(group.exceptions[0])
        except* HungUp:
            wrong = "the client hung up"
        finally:
            for sock in self._sockets.values():
                sock.close()
        await self._client.send(protocol.ERR, f"pystack: {wrong}\n".encode())
        return FAULT

    async def _serve(self) -> NoReturn:
        await self._answer(BEGIN, 0)
        async with trio.open_nursery() as nursery:
            while True:
                call = decode_call(await self._client.next_call())
                if call.operation in IN_TIME:
                    await self._begin_to_wait(call, nursery)
                else:
                    await self._do(call)

    async def _do(self, call: Call) -> None:
        """A call that does not wait."""
        if call.operation == Operation.CANCEL:
            (number,) = unpack(NUMBER, call.body)
            if number in self._waiting:
                self._waiting[number].cancel()
        elif call.operation == Operation.CLOSE:
            if sock := self._sockets.pop(call.socket, None):
                sock.close()
        else:
            async with self._sending:
                await self._answer_with_outcome(call)

    async def _begin_to_wait(self, call: Call, nursery: trio.Nursery) -> None:
        if len(self._waiting) >= MAX_WAITING or call.number in self._waiting:
            async with self._sending:
                return await self._answer(call.number, errno.ENOBUFS)
        self._waiting[call.number] = trio.CancelScope()
        nursery.start_soon(self._wait, call)

    async def _wait(self, call: Call) -> None:
        """A call that waits, and can be cancelled until it need not."""
        try:
            while True:
                number = await self._waited(call, self._waiting[call.number])
                async with self._sending:
                    if number:
                        return await self._answer(call.number, number)
                    if not self._would_wait(call):
                        return await self._answer_with_outcome(call)
                    self._renew(call.number)
        finally:
            del self._waiting[call.number]

    async def _waited(self, call: Call, scope: trio.CancelScope) -> int:
        """Wait; the error with which that ended, or 0."""
        with scope:
            try:
                await IN_TIME[call.operation](self._socket(call), call.body)
            except OSError as error:
                return error.errno or errno.EIO
            except trio.ClosedResourceError:
                return errno.EBADF
        return errno.ECANCELED if scope.cancel_called else 0

    def _renew(self, number: int) -> None:
        """A scope is good for one wait; that it was cancelled is not forgotten."""
        over, self._waiting[number] = self._waiting[number], trio.CancelScope()
        if over.cancel_called:
            self._waiting[number].cancel()

    def _would_wait(self, call: Call) -> bool:
        """Whether another call was faster."""
        reads = call.operation in (Operation.RECV, Operation.ACCEPT)
        return reads and call.socket in self._sockets and not self._socket(call).is_readable()

    # -- answers -------------------------------------------------------------------------------------------

    async def _answer_with_outcome(self, call: Call) -> None:
        """Precondition: nobody else is sending."""
        number, body = 0, b""
        try:
            body = await self._outcome(call)
        except OSError as error:
            number = error.errno or errno.EIO
        await self._answer(call.number, number, body)

    async def _outcome(self, call: Call) -> bytes:
        operation = call.operation
        if operation == Operation.OPEN:
            return self._open(call)
        sock = self._socket(call)
        if operation == Operation.ACCEPT:
            return await self._accept(sock, *unpack(NUMBER, call.body))
        if operation == Operation.RECV:
            return await receive(sock, call.body)
        return await AT_ONCE[operation](sock, call.body) if operation in AT_ONCE else b""

    async def _answer(self, call: int, number: int, body: bytes = b"") -> None:
        await self._client.send(protocol.ANSWER, encode_answer(call, number, body))

    # -- the table of sockets ------------------------------------------------------------------------------

    def _socket(self, call: Call) -> StackSocket:
        sock = self._sockets.get(call.socket)
        if sock is None:
            raise fault(errno.EBADF)
        return sock

    def _open(self, call: Call) -> bytes:
        self._check_room(call.socket)
        (kind,) = unpack(NUMBER, call.body)
        self._sockets[call.socket] = self._factory.socket(type=kind)
        return b""

    async def _accept(self, sock: StackSocket, number: int) -> bytes:
        self._check_room(number)
        if not isinstance(sock, StreamSocket):
            raise fault(errno.EOPNOTSUPP)
        child, peer = await sock.accept()
        assert isinstance(child, StackSocket)
        self._sockets[number] = child
        return packed(peer)

    def _check_room(self, number: int) -> None:
        if number in self._sockets:
            raise ProtocolError("a socket of that number is open")
        if len(self._sockets) >= MAX_SOCKETS:
            raise fault(errno.EMFILE)
