"""The socket of a running `nc`, by what the relay asks of it: datagrams and streams told alike."""

from __future__ import annotations

from typing import Protocol

from pystack.errors import NetError
from pystack.sock import tcp_poll
from pystack.sock.tcp import SHUT_RD, SHUT_WR, TcpSocket
from pystack.sock.udp import UdpSocket


class Link(Protocol):
    """What poll() says, and what read() and write() do."""

    @property
    def is_stream(self) -> bool:
        """Whether the peer can end his half."""

    @property
    def has_failed(self) -> bool:
        """POLLERR"""

    @property
    def has_hung_up(self) -> bool:
        """POLLHUP"""

    @property
    def is_readable(self) -> bool:
        """POLLIN"""

    @property
    def is_writable(self) -> bool:
        """POLLOUT"""

    def send(self, data: bytes) -> int:
        """How many octets were taken. Raises NetError."""

    def recv(self, limit: int) -> bytes | None:
        """What came, None for nothing after all, no octets for the end. Raises NetError."""

    def stop_sending(self) -> None:
        """shutdown(SHUT_WR)"""

    def stop_receiving(self) -> None:
        """shutdown(SHUT_RD)"""

    def close(self) -> None:
        """close()"""


class DatagramLink:
    """Over UDP: no end but an empty datagram."""

    has_hung_up = False
    is_writable = True
    is_stream = False

    def __init__(self, sock: UdpSocket) -> None:
        self._sock = sock
        self.close = sock.close

    @property
    def has_failed(self) -> bool:
        return bool(self._sock.errors.pending)

    @property
    def is_readable(self) -> bool:
        return len(self._sock.queue) > 0

    def send(self, data: bytes) -> int:
        self._sock.send_to(data)
        return len(data)

    def recv(self, limit: int) -> bytes | None:
        received = self._sock.recv()
        return None if received is None else received.data[:limit]  # None: its checksum was wrong

    def stop_sending(self) -> None:
        pass

    def stop_receiving(self) -> None:
        pass


class StreamLink:
    """Over TCP."""

    is_stream = True

    def __init__(self, sock: TcpSocket) -> None:
        self._sock = sock
        self.send = sock.send
        self.recv = sock.recv
        self.close = sock.close

    @property
    def has_failed(self) -> bool:
        return tcp_poll.has_failed(self._sock)

    @property
    def has_hung_up(self) -> bool:
        return tcp_poll.has_hung_up(self._sock)

    @property
    def is_readable(self) -> bool:
        return tcp_poll.is_readable(self._sock)

    @property
    def is_writable(self) -> bool:
        return tcp_poll.is_writable(self._sock)

    def stop_sending(self) -> None:
        self._shut_down(SHUT_WR)

    def stop_receiving(self) -> None:
        self._shut_down(SHUT_RD)

    def _shut_down(self, how: int) -> None:
        try:
            self._sock.shut_down(how)
        except NetError:  # the connection has gone: nobody asks
            pass
