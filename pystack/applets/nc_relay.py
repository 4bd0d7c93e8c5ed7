"""What `nc` does once it has a socket: standard input goes out, what comes in goes to standard output.

It goes round as the real one does, one datagram and one piece of input a turn, because who reads its output
can
tell.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Final

from pystack.applets.io import Io
from pystack.applets.nc_options import Options
from pystack.applets.requests import Answer, ReadOrWait, Request, Wait, sleep_until
from pystack.clock import Clock
from pystack.errors import NetError
from pystack.sock.udp import UdpSocket

BUFFER: Final = 16_384
CRLF: Final = b"\r\n"


class Relay:
    """Linux: netcat.c readwrite()"""

    def __init__(self, sock: UdpSocket, options: Options, io: Io, clock: Clock) -> None:
        self.sock = sock
        self.options = options
        self.io = io
        self.clock = clock
        self.has_quit = False  # -q: the whole program ends
        self.received = 0
        self._stdin = not options.detached  # what is still looked at
        self._net_out = True
        self._net_in = True
        self._waiting = b""  # from standard input, not sent yet
        self._input_ended = False

    def run(self) -> Generator[Request, Answer, None]:
        """Until both directions have ended, nothing came for so long as -w says, or -q is due."""
        while not self._is_done():
            may_send = self._net_out and bool(self._waiting)  # as poll() would say: before the input is read
            typed = yield from self._poll(may_send)
            if typed is None:
                return
            if self.sock.errors.pending:
                self._net_out = self._net_in = False
            may_receive = self._net_in and len(self.sock.queue) > 0
            if not self._net_out:
                self._stdin = False
            elif isinstance(typed, bytes):
                self._take_input(typed)
            if may_send and self._net_out:
                yield from self._send()
            if may_receive:
                self._receive()
            if not self._stdin and not self._waiting:
                self._net_out = False
        if self._input_ended and self.options.quit >= 0 and not self._waiting:
            yield from self._quit()

    def _is_done(self) -> bool:
        if not self._stdin and not self._net_in and not self._waiting:
            return True
        if self.options.listen and not self._net_in and not self._waiting:
            return True
        return self._input_ended and self.options.quit >= 0 and not self._waiting

    def _quit(self) -> Generator[Request, Answer, None]:
        """The socket is closed at once, the program ends a little later."""
        self.has_quit = True
        self.sock.close()
        yield from sleep_until(self.clock.now + self.options.quit)

    def _poll(self, may_send: bool) -> Generator[Request, Answer, bytes | bool | None]:
        """What was typed, or True if something else can be done; None if it took too long."""
        deadline = None if self.options.timeout < 0 else self.clock.now + self.options.timeout

        def can_go_on() -> bool:
            return may_send or self._has_news()

        wants_input = self._stdin and len(self._waiting) < BUFFER
        if wants_input and self.io.stdin is not None:  # of a here-document: it is all there, and then ends
            typed, self.io.stdin = self.io.stdin, b""
            return typed
        answer = yield ReadOrWait(can_go_on, deadline) if wants_input else Wait(can_go_on, deadline)
        if isinstance(answer, bytes):
            return answer
        return True if answer is True else None

    def _has_news(self) -> bool:
        sock = self.sock
        return bool(sock.errors.pending) or (self._net_in and len(sock.queue) > 0)

    def _take_input(self, typed: bytes) -> None:
        if not typed:
            self._stdin = False
            self._input_ended = True
        self._waiting += typed

    def _send(self) -> Generator[Request, Answer, None]:
        """Linux: netcat.c drainbuf()"""
        options = self.options
        line, newline, _ = self._waiting[:BUFFER].partition(b"\n")
        in_lines = bool(newline) and (options.crlf or bool(options.interval))
        pieces = [self._waiting[:BUFFER]]
        if in_lines and options.crlf and not line.endswith(b"\r"):
            pieces = [line, CRLF]
        elif in_lines:
            pieces = [line + newline]
        for piece in pieces:
            try:
                self.sock.send_to(piece)
            except NetError:
                self._net_out = False
                return
        taken = len(line) + 1 if in_lines else len(pieces[0])
        self._waiting = self._waiting[taken:]
        if in_lines and options.interval:
            yield from sleep_until(self.clock.now + options.interval)

    def _receive(self) -> None:
        """Linux: netcat.c fillbuf()"""
        try:
            received = self.sock.recv()
        except NetError:
            self._net_in = False
            return
        if received is None:  # its checksum was wrong
            return
        if received.data:
            self.io.out.write(received.data[:BUFFER])
        else:  # an empty datagram looks like the end
            self._net_in = False
        self.received += 1
        if self.options.limit and self.received >= self.options.limit:
            self._net_in = self._stdin = False
