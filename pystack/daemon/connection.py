"""One client of the control socket: its frames in and out, and whether it is still there.

Two tasks: one listens (`listen`), the other serves (a Command, or a verb) and is the only one that sends.
What was not asked for ends the connection, so a client can make us hold a few frames and no more. Signals
and the end of the connection are seen at once: they ring the bell.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import trio

from pystack.daemon import protocol
from pystack.daemon.protocol import Decoder, FileMessage, Frame, ProtocolError, Request

READ_SIZE: Final = 65536
REQUEST_PATIENCE: Final = 10.0  # seconds until the request must be here
WAITING_ANSWERS: Final = 4  # pieces of a file, before no more is read
MAX_FILE: Final = 64 << 20  # octets of a file that a command reads
WAITING_CALLS: Final = 16  # of a program, before no more is read
MAX_SIGNALS: Final = 16  # that wait to be noticed; a user's patience ends sooner
NOTHING: Final = 0  # the number of no file


class HungUp(Exception):
    """The client is gone, or speaks something else: nobody is left to be told."""


class FileUnavailable(Exception):
    """The client cannot open or read a file; the text is strerror()'s."""


class Connection:
    """What the daemon holds of a client."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream
        self.signals: deque[int] = deque(maxlen=MAX_SIGNALS)
        self._decoder = Decoder()
        self._bell = trio.Event()  # rung by whatever the serving task may wait for
        self._gone = False
        self._stdin_asked = False
        self._typed: bytes | None = None  # what came of standard input
        self._files = 0  # how many were asked for
        self._asked_about = NOTHING  # the file that answers may be about
        self._answers: deque[FileMessage] = deque()
        self._calls: deque[bytes] | None = None  # of a program on our sockets
        self._room = trio.Event()  # set when an answer or a call was taken

    # --- the serving task -------------------------------------------------------------------------------

    async def request(self) -> Request:
        """The first frame. Raises HungUp."""
        with trio.move_on_after(REQUEST_PATIENCE):
            while True:
                octets = await self._receive()
                try:
                    if frames := self._decoder.feed(octets):
                        for frame in frames[1:]:
                            self._take(frame)
                        return _request_in(frames[0])
                except ProtocolError as error:
                    raise HungUp(str(error)) from error
        raise HungUp("no request")

    async def send(self, kind: int, octets: bytes) -> None:
        """As many frames as it takes, as fast as the client reads. Raises HungUp."""
        for frame in protocol.encode_stream(kind, octets):
            await self._send(frame)

    async def send_exit_code(self, rc: int) -> None:
        """The last frame."""
        await self._send(protocol.encode(protocol.RC, bytes([rc & 0xFF])))

    def ring(self) -> None:
        """Wake up whoever serves this client."""
        self._bell.set()

    async def wait_for_bell(self) -> None:
        """Until something happened that the serving task may be waiting for. Raises HungUp."""
        if self._gone:
            raise HungUp("the client hung up")
        await self._bell.wait()
        self._bell = trio.Event()

    async def read_stdin(self) -> bytes | None:
        """Some of the client's standard input, none at its end; None if a signal came first."""
        await self.ask_stdin()
        while (octets := self.take_typed()) is None:
            if self.signals:
                return None
            await self.wait_for_bell()
        return octets

    async def ask_stdin(self) -> None:
        """Let the client say what is typed, once it is; asking again changes nothing."""
        if not self._stdin_asked:
            self._stdin_asked = True
            await self._send(protocol.encode(protocol.IN))

    def take_typed(self) -> bytes | None:
        """What the client said when it was asked; None if nothing yet."""
        octets = self._typed
        if octets is not None:
            self._typed, self._stdin_asked = None, False
        return octets

    async def read_file(self, path: str) -> bytes | None:
        """All octets of a file of the client's; None if a signal came first. Raises FileUnavailable."""
        return await self._read(protocol.READ, path)

    async def find_files(self, pattern: str) -> bytes | None:
        """The client's files that a pattern finds, one a line; else as read_file()."""
        return await self._read(protocol.FIND, pattern)

    async def _read(self, operation: int, path: str) -> bytes | None:
        content = bytearray()
        await self._ask(operation, path)
        try:
            while (octets := await self._answer()) is not None:
                if not octets:
                    return bytes(content)
                content += octets
                if len(content) > MAX_FILE:
                    raise FileUnavailable("File too large")
            return None
        finally:
            self._forget_question()

    async def open_for_writing(self, path: str) -> int | None:
        """The number of a file of the client's, made or made empty; None if a signal came first."""
        number = await self._ask(protocol.WRITE, path)
        try:
            return None if await self._answer() is None else number
        finally:
            self._forget_question()

    async def write_file(self, number: int, octets: bytes) -> None:
        """Append to a file; no octets close it."""
        for start in range(0, max(1, len(octets)), protocol.MAX_CHUNK):
            chunk = octets[start : start + protocol.MAX_CHUNK]
            await self._send(protocol.encode_file(protocol.DATA, number, chunk))

    def allow_calls(self) -> None:
        """From now on the client may make socket calls."""
        self._calls = deque()

    def take_call(self) -> bytes | None:
        """The next of them; None if there is none."""
        if not self._calls:
            return None
        self._room.set()
        return self._calls.popleft()

    # --- the listening task -----------------------------------------------------------------------------

    async def listen(self) -> str:
        """Take in frames until the client is gone; why it is."""
        try:
            while True:
                for frame in self._decoder.feed(await self._receive()):
                    self._take(frame)
                while self._is_full():
                    self._room = trio.Event()
                    await self._room.wait()
        except (ProtocolError, HungUp) as error:
            self._gone = True
            self.ring()
            return str(error)

    def _is_full(self) -> bool:
        return len(self._answers) >= WAITING_ANSWERS or len(self._calls or ()) >= WAITING_CALLS

    def _take(self, frame: Frame) -> None:
        if frame.kind == protocol.SIGNAL and len(frame.payload) == 1:
            self.signals.append(frame.payload[0])
        elif frame.kind == protocol.IN and self._stdin_asked and self._typed is None:
            self._typed = frame.payload
        elif frame.kind == protocol.FILE and self._files:
            message = protocol.decode_file(frame.payload)
            if message.number != self._asked_about:  # of a question that a signal overtook
                return
            self._answers.append(message)
        elif frame.kind == protocol.CALL and self._calls is not None:
            self._calls.append(frame.payload)
        else:
            raise ProtocolError(f"a frame that nobody asked for: {protocol.KINDS[frame.kind]}")
        self.ring()

    # --- both -------------------------------------------------------------------------------------------

    async def _receive(self) -> bytes:
        try:
            octets = bytes(await self.stream.receive_some(READ_SIZE))
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            raise HungUp("the client hung up") from None
        if not octets:
            raise HungUp("the client hung up")
        return octets

    async def _send(self, frame: bytes) -> None:
        try:
            await self.stream.send_all(frame)
        except (trio.BrokenResourceError, trio.ClosedResourceError):
            raise HungUp("the client hung up") from None

    async def _ask(self, operation: int, path: str) -> int:
        octets = path.encode(errors="surrogateescape")
        if len(octets) > protocol.MAX_CHUNK or b"\0" in octets:
            raise FileUnavailable("Invalid argument")
        self._files = self._files % 0xFFFF + 1
        self._asked_about = self._files
        await self._send(protocol.encode_file(operation, self._files, octets))
        return self._files

    async def _answer(self) -> bytes | None:
        """What the client says next to the question; None if a signal came first."""
        while not self._answers:
            if self.signals:
                return None
            await self.wait_for_bell()
        message = self._answers.popleft()
        self._room.set()
        if message.operation == protocol.REFUSED:
            raise FileUnavailable(message.octets.decode(errors="replace"))
        return message.octets

    def _forget_question(self) -> None:
        self._asked_about = NOTHING
        self._answers.clear()
        self._room.set()


def _request_in(frame: Frame) -> Request:
    if frame.kind != protocol.REQUEST:
        raise ProtocolError("the first frame is not a request")
    return protocol.decode_request(frame.payload)
