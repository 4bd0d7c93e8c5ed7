"""The small services that inetd had built in, over UDP and TCP: echo (RFC 862), discard (RFC 863) and daytime
(RFC 867).

Over UDP one datagram brings at most one answer; none is given to a group or a broadcast, and none to a port
that itself may answer, so that two hosts cannot be set upon each other. Over TCP there are at most so many
connections, and one that says nothing for a minute is closed.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, NamedTuple

from pystack.clock import Clock
from pystack.errors import NetError
from pystack.netfilter.civil import moment
from pystack.netns import Netns
from pystack.sock.inet import PacketInfo
from pystack.sock.lazy_timer import LazyTimer
from pystack.sock.tcp import TcpSocket

MOST_CONNECTIONS: Final = 64  # of a service
PATIENCE: Final = 60.0  # seconds without a word
_CHUNK: Final = 65_536
_PRIVILEGED: Final = 1024  # ports below are servers'

_DAYS: Final = "Sun Mon Tue Wed Thu Fri Sat".split()
_MONTHS: Final = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()


def daytime(clock: Clock) -> bytes:
    """`Fri Nov 20 08:30:00 2026`, UTC, as inetd wrote it."""
    now = moment(int(clock.wall))
    day = f"{_DAYS[now.weekday]} {_MONTHS[now.month - 1]} {now.day:2}"
    return f"{day} {now.hour:02}:{now.minute:02}:{now.second:02} {now.year}\r\n".encode()


class Service(NamedTuple):
    """A service; None: it says nothing of the kind."""

    port: int
    answer: Callable[[bytes], bytes] | None = None  # to what is sent to it
    greeting: Callable[[Clock], bytes] | None = None  # all that it says, whatever is sent


SERVICES: Final = {
    "echo": Service(7, answer=lambda data: data),
    "discard": Service(9),
    "daytime": Service(13, greeting=daytime),
}


def start(netns: Netns, service: Service) -> None:
    """Serve on every address of a namespace. Raises NetError if the port is taken."""
    DatagramServer(netns, service)
    StreamServer(netns, service)


class DatagramServer:
    """A service over UDP."""

    def __init__(self, netns: Netns, service: Service) -> None:
        self._service = service
        self._clock = netns.clock
        self._socket = netns.udp.open()
        self._socket.bind(port=service.port)
        self._socket.on_event = self._read

    def _read(self) -> None:
        try:
            received = self._socket.recv()
            if received is None or received.daddr != received.spec_dst or received.sport < _PRIVILEGED:
                return
            answer = self._answer(received.data)
            if answer is not None:
                to, info = (received.saddr, received.sport), PacketInfo(spec_dst=received.spec_dst)
                self._socket.send_to(answer, to, info)
        except NetError:  # nobody is there any more
            return

    def _answer(self, data: bytes) -> bytes | None:
        if self._service.greeting is not None:
            return self._service.greeting(self._clock)
        return None if self._service.answer is None else self._service.answer(data)


class StreamServer:
    """A service over TCP. Sockets tell of events in the midst of a segment, so all is done a little later."""

    def __init__(self, netns: Netns, service: Service) -> None:
        self.service = service
        self.clock = netns.clock
        self.timers = netns.timers
        self.connections: set[StreamConnection] = set()
        self._soon = LazyTimer(netns.timers, self._accept)
        self._listener = netns.tcp.open()
        self._listener.bind(port=service.port)
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
        self._unsent = b"" if server.service.greeting is None else server.service.greeting(server.clock)
        self._soon = LazyTimer(server.timers, self._serve)
        self._patience = LazyTimer(server.timers, self._close)
        server.connections.add(self)
        sock.on_event = lambda: self._soon.set(0.0)
        self._serve()

    def _serve(self) -> None:
        self._patience.set(PATIENCE)
        try:
            if self._is_finished():
                self._close()
        except NetError:
            self._close()

    def _is_finished(self) -> bool:
        """Send what waits, then read on: a client that does not take its answers is not read from."""
        service = self._server.service
        while self._send() and service.greeting is None:
            data = self._sock.recv(_CHUNK)
            if data is None:
                return False
            if not data:
                return True
            self._unsent = b"" if service.answer is None else service.answer(data)
        return not self._unsent

    def _send(self) -> bool:
        """Whether all is sent."""
        if self._unsent:
            self._unsent = self._unsent[self._sock.send(self._unsent) :]
        return not self._unsent

    def _close(self) -> None:
        self._soon.kill()
        self._patience.kill()
        self._sock.close()
        self._server.connections.discard(self)
