"""The program's side of its sockets in a daemon: calls go out, answers find who waits for them.

Frames are read and written without blocking, by a trio task while there is nothing to hurry, and by whoever
makes a call that must be answered at once. So neither side can wait for the other to read first.
"""

from __future__ import annotations

import errno
import select
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from math import inf
from typing import Final

import trio

from pystack.daemon import protocol
from pystack.daemon.protocol import Decoder, Frame, ProtocolError, Request
from pystack.daemon.socket_calls import BEGIN, NUMBER, Answer, Operation, decode_answer, encode_call
from pystack.drivers.program_socket import fault

READ_SIZE: Final = 1 << 18
PATIENCE: Final = 10.0  # seconds that a daemon may take to answer what it need not wait for
FAILED: Final = 1
NO_DAEMON: Final = 3
GONE: Final = errno.ENETRESET  # when the daemon is; after ENETDOWN servers would go on accepting


class Refused(Exception):
    """The daemon lets no program in; it has said why, and with which exit code."""

    def __init__(self, sentence: str, rc: int) -> None:
        super().__init__(sentence)
        self.rc = rc


class SocketLink:
    """One connection to a daemon, for all sockets of this process."""

    def __init__(self, connection: socket.socket, ns: str = "") -> None:
        """Raises Refused."""
        connection.setblocking(False)
        self._connection = connection
        self._decoder = Decoder()
        self._unsent = bytearray(protocol.encode_request(Request(["exec"], ns=ns)))
        self._numbers = BEGIN
        self._answers: dict[int, Answer] = {}  # until those who called take them
        self._tasks: dict[int, trio.lowlevel.Task] = {}  # by the call that each waits for
        self._cancelled: set[int] = set()  # calls whose answers are to come soon
        self._reading = trio.CancelScope()
        self._writable = trio.Event()  # somebody left something unsent
        self._said = ""
        self._ended: int | None = None  # the exit code with which the daemon ended this
        self._gone = trio.Event()
        self._has_begun = False
        self._now(BEGIN)
        if self._ended is not None:
            raise Refused(self._said, self._ended)
        self._has_begun = True

    @property
    def is_gone(self) -> bool:
        """Whether the daemon has ended this."""
        return self._ended is not None

    def new_number(self) -> int:
        """For a call, or for a socket."""
        self._numbers += 1
        return self._numbers

    @asynccontextmanager
    async def alive(self) -> AsyncIterator[None]:
        """As long as this lasts, calls may wait."""
        end = trio.CancelScope(shield=True)  # calls that are cancelled wait for their answers too
        async with trio.open_nursery() as nursery:
            nursery.start_soon(self._keep_going, end)
            try:
                yield
            finally:
                end.cancel()

    async def until_gone(self) -> int:
        """Until the daemon ends this, for which it gives a reason: the exit code."""
        await self._gone.wait()
        return self._ended or 0

    # -- calls ---------------------------------------------------------------------------------------------

    def tell(self, number: int, operation: Operation, body: bytes = b"") -> None:
        """A call without an answer."""
        if not self.is_gone:
            self._post(0, number, operation, body)

    @trio.lowlevel.enable_ki_protection
    def ask(self, number: int, operation: Operation, body: bytes = b"") -> bytes:
        """A call that is answered at once. Raises OSError."""
        self._check()
        call = self.new_number()
        self._post(call, number, operation, body)
        self._now(call)
        return self._given(self._answers.pop(call, None))

    @trio.lowlevel.enable_ki_protection
    async def wait(self, number: int, operation: Operation, body: bytes = b"") -> bytes:
        """A call that may take its time. Raises OSError; cancelled, it has done nothing, else it is done."""
        self._check()
        await trio.lowlevel.checkpoint_if_cancelled()
        call = self.new_number()
        self._post(call, number, operation, body)
        self._tasks[call] = trio.lowlevel.current_task()
        raise_cancel: trio.lowlevel.RaiseCancelT | None = None

        def cancel(raise_it: trio.lowlevel.RaiseCancelT) -> trio.lowlevel.Abort:
            nonlocal raise_cancel
            raise_cancel = raise_it
            self._post(0, number, Operation.CANCEL, NUMBER.pack(call))
            self._cancelled.add(call)
            self._reading.deadline = min(self._reading.deadline, trio.current_time() + PATIENCE)
            return trio.lowlevel.Abort.FAILED  # the answer says whether that came in time

        await trio.lowlevel.wait_task_rescheduled(cancel)
        self._cancelled.discard(call)
        answer = self._answers.pop(call, None)
        if raise_cancel is not None and (answer is None or answer.errno == errno.ECANCELED):
            raise_cancel()
        return self._given(answer)

    def _check(self) -> None:
        if self.is_gone:
            raise fault(GONE)

    def _given(self, answer: Answer | None) -> bytes:
        if answer is None:
            raise fault(GONE)
        if answer.errno:
            raise fault(answer.errno, answer.body.decode(errors="replace"))
        return answer.body

    # -- frames --------------------------------------------------------------------------------------------

    def _post(self, call: int, number: int, operation: Operation, body: bytes) -> None:
        self._unsent += protocol.encode(protocol.CALL, encode_call(call, number, operation, body))
        self._write()
        if self._unsent:
            self._writable.set()

    def _now(self, call: int) -> None:
        """Read until a call is answered, whatever else is."""
        poll = select.poll()
        while call not in self._answers and not self.is_gone:
            self._write()
            poll.register(self._connection, select.POLLIN | (select.POLLOUT if self._unsent else 0))
            if not poll.poll(PATIENCE * 1000):
                return self._end("the daemon does not answer", NO_DAEMON)
            self._read()

    @trio.lowlevel.enable_ki_protection
    async def _keep_going(self, end: trio.CancelScope) -> None:
        with end:
            async with trio.open_nursery() as nursery:
                nursery.start_soon(self._keep_reading)
                nursery.start_soon(self._keep_writing)

    @trio.lowlevel.enable_ki_protection
    async def _keep_reading(self) -> None:
        while not self.is_gone:
            until = trio.current_time() + PATIENCE if self._cancelled else inf
            with trio.CancelScope(deadline=until) as self._reading:
                await trio.lowlevel.wait_readable(self._connection)
            if self._reading.cancelled_caught:
                self._end("the daemon does not answer", NO_DAEMON)
            else:
                self._read()

    @trio.lowlevel.enable_ki_protection
    async def _keep_writing(self) -> None:
        while not self.is_gone:
            await self._writable.wait()
            self._writable = trio.Event()
            while self._unsent:
                await trio.lowlevel.wait_writable(self._connection)
                self._write()

    def _write(self) -> None:
        try:
            while self._unsent:
                del self._unsent[: self._connection.send(self._unsent)]
        except BlockingIOError:
            return
        except OSError:
            self._unsent.clear()  # what the daemon said before it went is still to be read

    def _read(self) -> None:
        """What has come, as far as it has."""
        try:
            octets = self._connection.recv(READ_SIZE)
        except BlockingIOError:
            return
        except OSError:
            octets = b""
        if not octets:
            return self._end("the daemon is gone", NO_DAEMON)
        try:
            for frame in self._decoder.feed(octets):
                self._take(frame)
        except ProtocolError as error:
            self._end(f"the daemon and this client do not understand each other: {error}")

    def _take(self, frame: Frame) -> None:
        if frame.kind == protocol.ANSWER:
            answer = decode_answer(frame.payload)
            self._answers[answer.number] = answer
            if task := self._tasks.pop(answer.number, None):
                trio.lowlevel.reschedule(task)
        elif frame.kind == protocol.ERR:
            self._said += frame.payload.decode(errors="replace")
        elif frame.kind == protocol.RC and len(frame.payload) == 1:
            self._end("", frame.payload[0])
        else:
            raise ProtocolError(f"the daemon sent {protocol.KINDS[frame.kind]}")

    def _end(self, sentence: str, rc: int = FAILED) -> None:
        """There will be no more answers: whoever waits for one is told so."""
        if self.is_gone:
            return
        self._ended = rc
        self._said += f"pystack: {sentence}\n" if sentence else ""
        if self._has_begun:  # else the caller says it
            sys.stderr.write(self._said)
        self._writable.set()
        self._gone.set()
        for task in self._tasks.values():
            trio.lowlevel.reschedule(task)
        self._tasks.clear()
