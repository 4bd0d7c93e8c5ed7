"""What `nc` does once it has a socket: standard input goes out, what comes in goes to standard output.

It goes round as the real one does, one piece from the net and one of input a turn, because who reads its
output can tell.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import Final

from pystack.applets.io import Io
from pystack.applets.nc_link import Link
from pystack.applets.nc_options import Options
from pystack.applets.requests import Answer, ReadOrWait, Request, Wait, sleep_until
from pystack.clock import Clock
from pystack.errors import NetError

BUFFER: Final = 16_384
CRLF: Final = b"\r\n"


class Relay:
    """Linux: netcat.c readwrite()"""

    def __init__(self, link: Link, options: Options, io: Io, clock: Clock) -> None:
        self.link = link
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
            may_send = self._may_send()  # as poll() would say: before the input is read
            typed = yield from self._poll()
            if typed is None:
                return
            may_receive = self._net_in and self.link.is_readable
            self._see_to_the_link()
            if not self._net_out:
                self._stdin = False
            elif isinstance(typed, bytes):
                self._take_input(typed)
            if may_send and self._net_out:
                yield from self._send()
            if may_receive and self._net_in:
                self._receive()
            if not self._stdin and not self._waiting:
                self._end_sending()
        if self.options.quit > 0:
            yield from self._quit()

    def _may_send(self) -> bool:
        return self._net_out and bool(self._waiting) and self.link.is_writable

    def _see_to_the_link(self) -> None:
        if self.link.has_failed:
            self._net_out = self._net_in = False
        elif self.link.has_hung_up:
            self._end_sending()

    def _end_sending(self) -> None:
        if self._net_out and (self.options.shuts or self.options.quit >= 0):
            self.link.stop_sending()
        self._net_out = False

    def _is_done(self) -> bool:
        options = self.options
        if self._waiting:
            return False
        if not self._net_in:
            return not self._stdin or options.listen
        is_quitting = self._input_ended and options.quit >= 0
        return is_quitting and (options.listen or not self.link.is_stream)

    def _quit(self) -> Generator[Request, Answer, None]:
        """The socket is closed at once, the program ends a little later."""
        self.has_quit = True
        self.link.close()
        yield from sleep_until(self.clock.now + self.options.quit)

    def _poll(self) -> Generator[Request, Answer, bytes | bool | None]:
        """What was typed, or True if something else can be done; None if it took too long."""
        deadline = None if self.options.timeout < 0 else self.clock.now + self.options.timeout

        def can_go_on() -> bool:
            return self._may_send() or self._has_news()

        wants_input = self._stdin and len(self._waiting) < BUFFER
        if wants_input and self.io.stdin is not None:  # of a here-document: it is all there, and then ends
            typed, self.io.stdin = self.io.stdin, b""
            return typed
        answer = yield ReadOrWait(can_go_on, deadline) if wants_input else Wait(can_go_on, deadline)
        if isinstance(answer, bytes):
            return answer
        return True if answer is True else None

    def _has_news(self) -> bool:
        link = self.link
        if self._net_in and link.is_readable:
            return True
        return (self._net_in or self._net_out) and (link.has_failed or link.has_hung_up)

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
        taken = 0
        for piece in pieces:
            try:
                taken += self.link.send(piece)
            except NetError:
                self._net_out = False
                return
        if in_lines:
            taken = len(line) + 1
        self._waiting = self._waiting[taken:]
        if in_lines and options.interval:
            yield from sleep_until(self.clock.now + options.interval)

    def _receive(self) -> None:
        """Linux: netcat.c fillbuf()"""
        try:
            data = self.link.recv(BUFFER)
        except NetError:
            self._net_in = False
            return
        if data is None:
            return
        if data:
            self.io.out.write(data)
        else:
            self._end_receiving()
        self.received += 1
        if self.options.limit and self.received >= self.options.limit:
            self._end_receiving()
            self._stdin = False

    def _end_receiving(self) -> None:
        if self._net_in:
            self.link.stop_receiving()
        self._net_in = False
