"""A service over TCP: at most so many connections, and whoever has nothing to say is hung up on.

What is said is for a Conversation to decide; it never waits, and holds what it likes to hold.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from pystack.errors import NetError
from pystack.netns import Netns
from pystack.sock.lazy_timer import LazyTimer
from pystack.sock.tcp import SHUT_WR, TcpSocket

MOST_CONNECTIONS: Final = 64  # of a service
PATIENCE: Final = 60.0  # seconds without a word that the conversation could do something with
LINGER: Final = 2.0  # seconds for the client to hang up too: to be closed on what it still says is a reset
_CHUNK: Final = 65_536


class Conversation(Protocol):
    """One client, as far as words go."""

    greeting: bytes  # said unasked
    is_over: bool  # nothing more is listened to; what was said still arrives

    def hear(self, data: bytes) -> bytes | None:
        """What to say to this; None if the client must go on first."""


class StreamServer:
    """Sockets tell of events in the midst of a segment, so all is done a little later."""

    def __init__(self, netns: Netns, port: int, begin: Callable[[], Conversation]) -> None:
        """Serve on every address of a namespace. Raises NetError if the port is taken."""
        self.begin = begin
        self.timers = netns.timers
        self.connections: set[StreamConnection] = set()
        self._soon = LazyTimer(netns.timers, self._accept)
        self._listener = netns.tcp.open()
        self._listener.bind(port=port)
        self._listener.listen(MOST_CONNECTIONS)
        self._listener.on_event = lambda: self._soon.set(0.0)

    def _accept(self) -> None:
        while (child := self._listener.accept()) is not None:
            if len(self.connections) < MOST_CONNECTIONS:
                StreamConnection(self, child)
            else:
                child.close()


class StreamConnection:
    """One client of a service."""

    def __init__(self, server: StreamServer, sock: TcpSocket) -> None:
        self._server = server
        self._sock = sock
        self._conversation = server.begin()
        self._unsent = self._conversation.greeting
        self._is_lingering = False
        self._soon = LazyTimer(server.timers, self._serve)
        self._patience = LazyTimer(server.timers, self._close)
        self._patience.set(PATIENCE)
        server.connections.add(self)
        sock.on_event = lambda: self._soon.set(0.0)
        self._serve()

    def _serve(self) -> None:
        try:
            if self._is_finished():
                self._close()
        except NetError:
            self._close()

    def _is_finished(self) -> bool:
        """Send what waits, then read on: a client that does not take its answers is not read from."""
        while self._send() and not self._conversation.is_over:
            data = self._sock.recv(_CHUNK)
            if data is None:
                return False
            if not data:
                return True
            answer = self._conversation.hear(data)
            if answer is not None:
                self._unsent = answer
                self._patience.set(PATIENCE)
        return not self._unsent and self._is_farewell_heard()

    def _is_farewell_heard(self) -> bool:
        """All is said: whether the client has nothing to say either."""
        if not self._is_lingering:
            self._is_lingering = True
            self._sock.shut_down(SHUT_WR)
            self._patience.set(LINGER)
        while (data := self._sock.recv(_CHUNK)) is not None:
            if not data:
                return True
        return False

    def _send(self) -> bool:
        """Whether all is sent."""
        if self._unsent:
            taken = self._sock.send(self._unsent)
            self._unsent = self._unsent[taken:]
            if taken:
                self._patience.set(PATIENCE)
        return not self._unsent

    def _close(self) -> None:
        self._soon.kill()
        self._patience.kill()
        self._sock.close()
        self._server.connections.discard(self)
