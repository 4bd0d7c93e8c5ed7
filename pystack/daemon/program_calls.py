"""What each socket call of a program does, and the octets that it gives."""

from __future__ import annotations

import errno
from collections.abc import Awaitable, Callable, Mapping
from typing import Final

from pystack.daemon.socket_calls import ENDS, MAX_DATA, NUMBER, OPTION, Operation, unpack
from pystack.drivers.program_socket import Address, fault
from pystack.drivers.trio_socket import DatagramSocket, StackSocket, StreamSocket
from pystack.wire.ipv4 import address_text, parse_address

Do = Callable[[StackSocket, bytes], Awaitable[bytes]]
Wait = Callable[[StackSocket, bytes], Awaitable[None]]


async def _bind(sock: StackSocket, body: bytes) -> bytes:
    await sock.bind(_unpacked(body))
    return b""


async def _listen(sock: StackSocket, body: bytes) -> bytes:
    _stream(sock).listen(*unpack(NUMBER, body))
    return b""


async def _send(sock: StackSocket, body: bytes) -> bytes:
    taken = sock.send_now(body) if isinstance(sock, StreamSocket) else await _datagrams(sock).send(body)
    return NUMBER.pack(taken)


async def _send_to(sock: StackSocket, body: bytes) -> bytes:
    return NUMBER.pack(await _datagrams(sock).sendto(body[ENDS.size :], _unpacked(body)))


async def _shut_down(sock: StackSocket, body: bytes) -> bytes:
    _stream(sock).shutdown(*unpack(NUMBER, body))
    return b""


async def _set_option(sock: StackSocket, body: bytes) -> bytes:
    level, name = unpack(OPTION, body)
    sock.setsockopt(level, name, body[OPTION.size :])
    return b""


async def _get_option(sock: StackSocket, body: bytes) -> bytes:
    level, name = unpack(OPTION, body)
    return NUMBER.pack(sock.getsockopt(level, name))


async def _name(sock: StackSocket, body: bytes) -> bytes:
    return packed(sock.getsockname())


async def _peer_name(sock: StackSocket, body: bytes) -> bytes:
    return packed(sock.getpeername())


async def _is_readable(sock: StackSocket, body: bytes) -> bytes:
    return NUMBER.pack(sock.is_readable())


async def _connect(sock: StackSocket, body: bytes) -> None:
    await sock.connect(_unpacked(body))


async def _wait_readable(sock: StackSocket, body: bytes) -> None:
    await sock.wait_readable()


async def _wait_writable(sock: StackSocket, body: bytes) -> None:
    await sock.wait_writable()


async def receive(sock: StackSocket, body: bytes) -> bytes:
    """What is there, without waiting: it was waited for."""
    limit = max(0, min(*unpack(NUMBER, body), MAX_DATA))
    if isinstance(sock, StreamSocket):
        return await sock.recv(limit)
    data, sender = await _datagrams(sock).recvfrom(limit)
    return packed(sender) + data


AT_ONCE: Final[Mapping[Operation, Do]] = {
    Operation.BIND: _bind,
    Operation.LISTEN: _listen,
    Operation.SEND: _send,
    Operation.SEND_TO: _send_to,
    Operation.SHUT_DOWN: _shut_down,
    Operation.SET_OPTION: _set_option,
    Operation.GET_OPTION: _get_option,
    Operation.NAME: _name,
    Operation.PEER_NAME: _peer_name,
    Operation.IS_READABLE: _is_readable,
}
IN_TIME: Final[Mapping[Operation, Wait]] = {
    Operation.CONNECT: _connect,
    Operation.WAIT_WRITABLE: _wait_writable,
    Operation.ACCEPT: _wait_readable,
    Operation.RECV: _wait_readable,
}


def packed(address: Address) -> bytes:
    """ENDS of a socket."""
    host, port = address
    return ENDS.pack(parse_address(host), port)


def _unpacked(body: bytes) -> Address:
    address, port = unpack(ENDS, body)
    return address_text(address), port


def _stream(sock: StackSocket) -> StreamSocket:
    if not isinstance(sock, StreamSocket):
        raise fault(errno.EOPNOTSUPP)
    return sock


def _datagrams(sock: StackSocket) -> DatagramSocket:
    if not isinstance(sock, DatagramSocket):
        raise fault(errno.EISCONN)
    return sock
