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
from pystack.services.civil_names import DAYS, MONTHS
from pystack.services.stream_server import StreamServer
from pystack.sock.inet import PacketInfo

_PRIVILEGED: Final = 1024  # ports below are servers'


def daytime(clock: Clock) -> bytes:
    """`Fri Nov 20 08:30:00 2026`, UTC, as inetd wrote it."""
    now = moment(int(clock.wall))
    day = f"{DAYS[now.weekday]} {MONTHS[now.month - 1]} {now.day:2}"
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
    StreamServer(netns, service.port, lambda: Talk(service, netns.clock))


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


class Talk:
    """A service over TCP."""

    def __init__(self, service: Service, clock: Clock) -> None:
        self.greeting = b"" if service.greeting is None else service.greeting(clock)
        self.is_over = service.greeting is not None
        self._answer = service.answer

    def hear(self, data: bytes) -> bytes:
        return b"" if self._answer is None else self._answer(data)
