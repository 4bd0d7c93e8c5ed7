"""pystack's sockets under virtual time with the methods of Python's own, which never wait."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final

from pystack.compare.lab.socket_calls import Address, Handle, refused
from pystack.drivers import socket_options
from pystack.errors import EAGAIN, EINPROGRESS, ENOENT, ENOTCONN, EOPNOTSUPP, NetError
from pystack.netns import Netns
from pystack.sock.control import control_messages, error_message
from pystack.sock.tcp import TcpSocket
from pystack.sock.tcp_states import TcpState
from pystack.sock.udp import UdpSocket
from pystack.wire.ipv4 import address_text, parse_address

_BEGUN: Final = (TcpState.SYN_SENT, TcpState.SYN_RECV)


def open_virtual(net: Netns | None, kind: int) -> Handle:
    """socket(AF_INET, kind, 0)"""
    if net is None:
        raise refused(ENOENT)
    return VirtualStream(net.tcp.open()) if kind == socket.SOCK_STREAM else VirtualDatagrams(net.udp.open())


class VirtualSocket:
    """What streams and datagrams have in common (socket_calls.Handle)."""

    def __init__(self, sock: TcpSocket | UdpSocket) -> None:
        self._any = sock

    def setblocking(self, is_blocking: bool, /) -> None:
        """It never waits."""

    def bind(self, address: Address, /) -> None:
        with _raising():
            self._any.bind(*_ends(address))

    def close(self) -> None:
        self._any.close()

    def setsockopt(self, level: int, number: int, value: Any, /) -> None:
        with _raising():
            socket_options.set_option(self._any, level, number, value)

    def getsockopt(self, level: int, number: int, length: int, /) -> bytes:
        with _raising():
            return socket_options.get_option(self._any, level, number, length)

    def getsockname(self) -> Address:
        address, port = self._any.name
        return address_text(address), port

    def getpeername(self) -> Address:
        if not self._is_joined():
            raise refused(ENOTCONN)
        return address_text(self._any.daddr), self._any.dport

    def _is_joined(self) -> bool:
        return self._any.is_connected


class VirtualStream(VirtualSocket):
    """TCP."""

    def __init__(self, sock: TcpSocket) -> None:
        super().__init__(sock)
        self._sock = sock

    def _is_joined(self) -> bool:
        return bool(self._sock.dport) and self._sock.state not in (TcpState.CLOSE, TcpState.SYN_SENT)

    def connect(self, address: Address, /) -> None:
        with _raising():
            self._sock.connect(*_ends(address))
        if self._sock.state in _BEGUN:
            raise refused(EINPROGRESS)

    def listen(self, backlog: int, /) -> None:
        with _raising():
            self._sock.listen(backlog)

    def accept(self) -> tuple[VirtualSocket, Address]:
        with _raising():
            child = self._sock.accept()
        if child is None:
            raise refused(EAGAIN)
        return VirtualStream(child), (address_text(child.daddr), child.dport)

    def send(self, data: bytes, /) -> int:
        with _raising():
            taken = self._sock.send(data)
        if not taken and data:
            raise refused(EAGAIN)
        return taken

    def sendto(self, data: bytes, address: Address, /) -> int:
        return self.send(data)

    def recv(self, limit: int, /) -> bytes:
        with _raising():
            data = self._sock.recv(limit)
        if data is None:
            raise refused(EAGAIN)
        return data

    def recvmsg(self, limit: int, control: int, flags: int, /) -> Any:
        if flags & socket.MSG_ERRQUEUE:
            return _told_error(self._sock, limit)
        return self.recv(limit), [], 0, None

    def shutdown(self, how: int, /) -> None:
        with _raising():
            self._sock.shut_down(how)


class VirtualDatagrams(VirtualSocket):
    """UDP."""

    def __init__(self, sock: UdpSocket) -> None:
        super().__init__(sock)
        self._sock = sock

    def connect(self, address: Address, /) -> None:
        with _raising():
            self._sock.connect(*_ends(address))

    def listen(self, backlog: int, /) -> None:
        raise refused(EOPNOTSUPP)

    def accept(self) -> tuple[VirtualSocket, Address]:
        raise refused(EOPNOTSUPP)

    def send(self, data: bytes, /) -> int:
        with _raising():
            self._sock.send_to(data)
        return len(data)

    def sendto(self, data: bytes, address: Address, /) -> int:
        with _raising():
            self._sock.send_to(data, _ends(address))
        return len(data)

    def recv(self, limit: int, /) -> bytes:
        return bytes(self.recvmsg(limit, 0, 0)[0])

    def recvmsg(self, limit: int, control: int, flags: int, /) -> Any:
        if flags & socket.MSG_ERRQUEUE:
            return _told_error(self._sock, limit)
        with _raising():
            received = self._sock.recv()
        if received is None:
            raise refused(EAGAIN)
        sender = address_text(received.saddr), received.sport
        return received.data[:limit], control_messages(self._sock, received), 0, sender

    def shutdown(self, how: int, /) -> None:
        with _raising():
            self._sock.shut_down(how)


def _told_error(sock: TcpSocket | UdpSocket, limit: int) -> Any:
    """recvmsg(MSG_ERRQUEUE): the payload that failed, for whom it was, and why."""
    error = sock.recv_error()
    if error is None:
        raise refused(EAGAIN)
    whom = address_text(error.daddr), error.dport
    return error.payload()[:limit], [error_message(error)], 0, whom


def _ends(address: Address) -> tuple[int, int]:
    numeric = parse_address(address[0])
    assert numeric is not None, "the scenario was read"
    return numeric, address[1]


@contextmanager
def _raising() -> Iterator[None]:
    """What the core refuses is raised as the kernel's calls raise it."""
    try:
        yield
    except NetError as error:
        raise refused(error.number) from None
