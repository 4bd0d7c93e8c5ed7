"""setsockopt() and getsockopt() by the C library's numbers, for programs that know no other."""

from __future__ import annotations

import socket
import struct
from typing import Final

from pystack.errors import EINVAL, ENOPROTOOPT, NetError, NotModelled
from pystack.sock import options, tcp_sockopt
from pystack.sock.tcp import TcpSocket
from pystack.sock.udp import UdpSocket

_LEVELS: Final = {"SO": socket.SOL_SOCKET, "IP": socket.IPPROTO_IP, "TCP": socket.IPPROTO_TCP}
_NAMES: Final = (
    *options.KNOWN,
    *tcp_sockopt.NUMBERS,
    "SO_KEEPALIVE",
    "SO_SNDBUF",
    "TCP_CORK",
    "TCP_DEFER_ACCEPT",
    "TCP_NODELAY",
    "TCP_QUICKACK",
    "TCP_USER_TIMEOUT",
)
_BY_NUMBER: Final = {
    (_LEVELS[name.partition("_")[0]], getattr(socket, name)): name
    for name in _NAMES
    if hasattr(socket, name)  # which names there are depends on the version of Python
}
_LINGER: Final = struct.Struct("ii")


def set_option(sock: TcpSocket | UdpSocket, level: int, number: int, value: int | bytes) -> None:
    """Set an option. Raises NetError."""
    if level == socket.SOL_SOCKET and number == socket.SO_LINGER and isinstance(sock, TcpSocket):
        if not isinstance(value, bytes) or len(value) < _LINGER.size:
            raise NetError(EINVAL)
        is_on, seconds = _LINGER.unpack_from(value)
        sock.linger = seconds if is_on else None
        return
    if level == socket.SOL_SOCKET and number == socket.SO_BINDTODEVICE and isinstance(value, bytes):
        return sock.bind_to_device(value.rstrip(b"\0").decode(errors="replace"))
    name = _BY_NUMBER.get((level, number))
    if name is None:
        raise NetError(ENOPROTOOPT)
    given = int.from_bytes(value[:4], "little", signed=True) if isinstance(value, bytes) else int(value)
    try:
        if isinstance(sock, TcpSocket):
            tcp_sockopt.setsockopt(sock, name, given)
        else:
            options.setsockopt(sock, name, given)
    except NotModelled:
        raise NetError(ENOPROTOOPT) from None


def get_option(sock: TcpSocket | UdpSocket, level: int, number: int) -> int:
    """What an option is set to. Raises NetError."""
    if level == socket.SOL_SOCKET and number == socket.SO_ERROR:
        return sock.errors.take_pending()
    if level == socket.SOL_SOCKET and number == socket.SO_ACCEPTCONN:
        return int(isinstance(sock, TcpSocket) and sock.listening is not None)
    if level == socket.SOL_SOCKET and number == socket.SO_TYPE:
        return socket.SOCK_STREAM if isinstance(sock, TcpSocket) else socket.SOCK_DGRAM
    if (level, number) == (socket.IPPROTO_TCP, socket.TCP_NODELAY) and isinstance(sock, TcpSocket):
        return int(sock.nodelay)
    attribute = options.FLAGS.get(_BY_NUMBER.get((level, number), ""))
    if attribute is None:
        raise NetError(ENOPROTOOPT)
    return int(getattr(sock, attribute))
