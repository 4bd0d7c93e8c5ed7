"""What a socket of pystack's is to a trio program, wherever its stack runs: here, or in a daemon."""

from __future__ import annotations

import errno
import os
import socket
from abc import abstractmethod
from types import TracebackType
from typing import Any, Self

import trio

from pystack.wire.ipv4 import parse_address

Address = tuple[str, int]
ExceptionType = type[BaseException]


class ProgramSocket(trio.socket.SocketType):
    """The part of trio's socket that asks no stack."""

    _type: socket.SocketKind

    def __init__(self) -> None:
        super().__init__()
        self._is_closed = False
        self._has_shut_down = False

    @property
    def family(self) -> socket.AddressFamily:
        return socket.AF_INET

    @property
    def type(self) -> socket.SocketKind:
        return self._type

    @property
    def proto(self) -> int:
        return 0

    @property
    def did_shutdown_SHUT_WR(self) -> bool:
        return self._has_shut_down

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: ExceptionType | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def fileno(self) -> int:
        """None of the kernel's."""
        return -1

    @abstractmethod
    def close(self) -> None:
        """close(); who waits in another task is told."""

    async def recv_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> int:
        view = memoryview(buffer).cast("B")
        data = await self.recv(nbytes or len(view), flags)
        view[: len(data)] = data
        return len(data)

    async def recvfrom_into(self, buffer: Any, nbytes: int = 0, flags: int = 0) -> tuple[int, Any]:
        view = memoryview(buffer).cast("B")
        data, sender = await self.recvfrom(nbytes or len(view), flags)
        view[: len(data)] = data
        return len(data), sender

    def _fail_if_closed(self) -> None:
        if self._is_closed:
            raise fault(errno.EBADF)

    async def _resolved(self, address: Any) -> tuple[int, int]:
        host, port = address[0], address[1]
        numeric = parse_address(host) if host else 0
        if numeric is None:
            found = await trio.socket.getaddrinfo(host, port, socket.AF_INET, self._type)
            numeric = parse_address(str(found[0][4][0]))
        assert numeric is not None
        return numeric, int(port)


def fault(number: int, text: str = "") -> OSError:
    """An error of the system's."""
    return OSError(number, text or os.strerror(number))


def kind_of(family: int, type_: int, proto: int) -> socket.SocketKind:
    """What socket() makes of these. Raises OSError for what there is none of."""
    if family != socket.AF_INET:
        raise fault(errno.EAFNOSUPPORT)
    if type_ == socket.SOCK_STREAM and proto in (0, socket.IPPROTO_TCP):
        return socket.SOCK_STREAM
    if type_ == socket.SOCK_DGRAM and proto in (0, socket.IPPROTO_UDP):
        return socket.SOCK_DGRAM
    raise fault(errno.EPROTONOSUPPORT)


def octets_of(value: Any, length: int | None) -> int | bytes:
    """The third argument of setsockopt(), and the fourth: an int, octets, or None and so many zeros."""
    if value is None:
        return bytes(length or 0)
    return value if isinstance(value, int) else bytes(value)


def refuse_flags(flags: int) -> None:
    """MSG_PEEK and its like are not modelled."""
    if flags:
        raise fault(errno.EOPNOTSUPP)
