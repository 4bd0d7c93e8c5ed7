"""What each socket call of a program does, and the octets that it gives; None: it would wait."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from pystack.daemon.socket_calls import ENDS, MAX_DATA, NUMBER, OPTION, Operation, unpack
from pystack.drivers.socket_options import get_option, set_option
from pystack.errors import EISCONN, ENOTCONN, EOPNOTSUPP, NetError
from pystack.sock import tcp_poll
from pystack.sock.tcp import TcpSocket
from pystack.sock.udp import UdpSocket

Sock = TcpSocket | UdpSocket


def _bind(sock: Sock, body: bytes) -> bytes:
    """bind()"""
    sock.bind(*unpack(ENDS, body))
    return b""


def connect(sock: Sock, body: bytes) -> None:
    """connect(), up to where it waits."""
    sock.connect(*unpack(ENDS, body))


def end_of_connecting(sock: Sock) -> bytes | None:
    """How that went."""
    if isinstance(sock, UdpSocket):
        return b""
    if tcp_poll.is_opening(sock):
        return None
    if number := sock.error:
        raise NetError(number)
    return b""


def _receive(sock: Sock, body: bytes) -> bytes | None:
    """recv(), and recvfrom() of a datagram, behind the ENDS of its sender."""
    limit = max(0, min(*unpack(NUMBER, body), MAX_DATA))
    if isinstance(sock, TcpSocket):
        return sock.recv(limit) if limit else b""
    sock.fail_if_error_pends()
    received = sock.recv()
    return None if received is None else ENDS.pack(received.saddr, received.sport) + received.data[:limit]


def _listen(sock: Sock, body: bytes) -> bytes:
    _stream(sock).listen(*unpack(NUMBER, body))
    return b""


def _send(sock: Sock, body: bytes) -> bytes:
    if isinstance(sock, TcpSocket):
        return NUMBER.pack(sock.send(body))
    sock.send_to(body)
    return NUMBER.pack(len(body))


def _send_to(sock: Sock, body: bytes) -> bytes:
    if isinstance(sock, TcpSocket):
        raise NetError(EISCONN)
    address, port = unpack(ENDS, body)
    data = body[ENDS.size :]
    sock.send_to(data, (address, port))
    return NUMBER.pack(len(data))


def _shut_down(sock: Sock, body: bytes) -> bytes:
    _stream(sock).shut_down(*unpack(NUMBER, body))
    return b""


def _set_option(sock: Sock, body: bytes) -> bytes:
    level, name = unpack(OPTION, body)
    set_option(sock, level, name, body[OPTION.size :])
    return b""


def _get_option(sock: Sock, body: bytes) -> bytes:
    level, name = unpack(OPTION, body)
    (length,) = unpack(NUMBER, body[OPTION.size :])
    return get_option(sock, level, name, length)


def _name(sock: Sock, body: bytes) -> bytes:
    return ENDS.pack(sock.rcv_saddr, sock.num)


def peer_name(sock: Sock, body: bytes = b"") -> bytes:
    """getpeername()"""
    if not sock.is_connected:
        raise NetError(ENOTCONN)
    return ENDS.pack(sock.daddr, sock.dport)


def _wait_writable(sock: Sock, body: bytes) -> bytes | None:
    return b"" if isinstance(sock, UdpSocket) or tcp_poll.is_writable(sock) else None


def _is_readable(sock: Sock, body: bytes) -> bytes:
    if isinstance(sock, TcpSocket):
        return NUMBER.pack(tcp_poll.is_readable(sock))
    return NUMBER.pack(len(sock.queue) > 0 or bool(sock.errors.pending))


def _stream(sock: Sock) -> TcpSocket:
    if not isinstance(sock, TcpSocket):
        raise NetError(EOPNOTSUPP)
    return sock


CALLS: Final[Mapping[Operation, Callable[[Sock, bytes], bytes | None]]] = {
    Operation.BIND: _bind,
    Operation.LISTEN: _listen,
    Operation.RECV: _receive,
    Operation.SEND: _send,
    Operation.SEND_TO: _send_to,
    Operation.SHUT_DOWN: _shut_down,
    Operation.SET_OPTION: _set_option,
    Operation.GET_OPTION: _get_option,
    Operation.NAME: _name,
    Operation.PEER_NAME: peer_name,
    Operation.WAIT_WRITABLE: _wait_writable,
    Operation.IS_READABLE: _is_readable,
}
