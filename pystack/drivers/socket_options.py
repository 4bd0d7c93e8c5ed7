"""setsockopt() and getsockopt() for programs: what pystack has no model of is refused, and said by name."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from pystack.errors import ENOPROTOOPT, NetError, NotModelled
from pystack.sock import sockopt
from pystack.sock.tcp import TcpSocket
from pystack.sock.udp import UdpSocket

_INT = 4


def set_option(sock: TcpSocket | UdpSocket, level: int, number: int, value: int | bytes) -> None:
    """Set an option. Raises NetError."""
    given = (value & 0xFFFFFFFF).to_bytes(_INT, "little") if isinstance(value, int) else bytes(value)
    with _named():
        sockopt.set_option(sock, level, number, given)


def get_option(sock: TcpSocket | UdpSocket, level: int, number: int, length: int) -> bytes:
    """At most so many octets of what an option is set to. Raises NetError."""
    with _named():
        return sockopt.get_option(sock, level, number, length)


@contextmanager
def _named() -> Iterator[None]:
    try:
        yield
    except NotModelled as missing:
        raise NetError(ENOPROTOOPT, f"pystack: {missing}") from None
