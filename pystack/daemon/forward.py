"""`pystack forward`: joins sockets of the kernel and sockets of pystack.

    program --- HOST:PORT, a socket of the kernel's | ADDR:PORT, a socket of pystack's --- VM

One side listens, the other connects for each who comes. It is a trio program of the user's own with sockets
of both kinds: the kernel's with his rights and in his namespace, pystack's lent by the daemon.
"""

from __future__ import annotations

import resource
import signal
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from typing import Any, Final, NamedTuple, Protocol

import trio

from pystack.daemon.client_session import Unreachable
from pystack.daemon.client_session import connect as connect_to_daemon
from pystack.daemon.forward_datagrams import join_datagrams
from pystack.daemon.forward_streams import join_streams
from pystack.daemon.output import write_all
from pystack.daemon.remote_socket import RemoteFactory
from pystack.daemon.socket_link import Refused, SocketLink
from pystack.drivers.names import Resolver
from pystack.wire.ipv4 import parse_address

DONE: Final = 0
USAGE: Final = 2
LACKING: Final = 4
BACKLOG: Final = 128
COMPLAINTS: Final = 100  # before we fall silent
LARGEST_PORT: Final = 65535
ANY: Final = "0.0.0.0"

KINDS: Final = {"tcp": socket.SOCK_STREAM, "udp": socket.SOCK_DGRAM}


class Place(NamedTuple):
    """Where a socket is, or leads."""

    host: str
    port: int

    def __str__(self) -> str:
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"


Sock = trio.socket.SocketType


class Side(Protocol):
    """Makes sockets: the kernel's, or pystack's."""

    async def make(self, kind: socket.SocketKind, place: Place) -> tuple[Sock, Any]:
        """A socket, and the address that a place has for it. Raises OSError."""


class Kernel:
    """Sockets of the kernel's, of either family."""

    async def make(self, kind: socket.SocketKind, place: Place) -> tuple[Sock, Any]:
        found = await trio.socket.getaddrinfo(place.host or ANY, place.port, type=kind)
        family, _, _, _, address = found[0]
        return trio.socket.socket(family, kind), address


class Stack:
    """Sockets of pystack's."""

    def __init__(self, link: SocketLink) -> None:
        self._factory = RemoteFactory(link)
        self._resolver = Resolver()

    async def make(self, kind: socket.SocketKind, place: Place) -> tuple[Sock, Any]:
        host = place.host or ANY
        if parse_address(host) is None:
            host = (await self._resolver.getaddrinfo(host.encode(), place.port))[0][4][0]
        return self._factory.socket(type=kind), (host, place.port)


async def listen(side: Side, place: Place, kind: socket.SocketKind) -> Sock:
    """A socket that others come to. Raises OSError."""
    sock, address = await side.make(kind, place)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(kind == socket.SOCK_STREAM))
        await sock.bind(address)
        if kind == socket.SOCK_STREAM:
            sock.listen(BACKLOG)
    except OSError:
        sock.close()
        raise
    return sock


async def connect(side: Side, place: Place, kind: socket.SocketKind) -> Sock:
    """A socket that leads somewhere. Raises OSError."""
    sock, address = await side.make(kind, place)
    try:
        await sock.connect(address)
    except (OSError, trio.Cancelled):
        sock.close()
        raise
    return sock


class Complaints:
    """Connections that came to nothing, a line each, up to a point."""

    def __init__(self, target: Place) -> None:
        self._target = target
        self._left = COMPLAINTS

    def __call__(self, error: OSError) -> None:
        self._left -= 1
        if self._left >= 0:
            complain(f"{self._target}: {error.strerror}", 0)


class Signals(Protocol):
    """Those that have come."""

    def __aiter__(self) -> AsyncIterator[int]: ...


def forward_places(path: str, ns: str, protocol: str, words: tuple[str, str], *, reverse: bool) -> int:
    """`pystack forward`: the exit code."""
    here, there = map(place_of, words)
    if here is None or there is None:
        return complain(f"{words[0] if here is None else words[1]} is not HOST:PORT", USAGE)
    target = here if reverse else there
    if not target.host or not target.port:
        return complain(f"{target} leads nowhere: it takes a host and a port", USAGE)
    try:
        link = SocketLink(connect_to_daemon(path), ns)
    except Unreachable as error:
        sys.stderr.write("".join(f"pystack: {line}\n" for line in str(error).splitlines()))
        return error.rc
    except Refused as refused:
        sys.stderr.write(str(refused))
        return refused.rc
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))  # a descriptor a connection
    ends: tuple[tuple[Side, Place], ...] = ((Kernel(), here), (Stack(link), there))
    return trio.run(_forward, link, KINDS[protocol], *(reversed(ends) if reverse else ends))


async def _forward(
    link: SocketLink, kind: socket.SocketKind, near: tuple[Side, Place], far: tuple[Side, Place]
) -> int:
    """Join until a signal comes or the daemon is gone."""
    with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as signals:
        async with link.alive():
            try:
                listener = await listen(*near, kind)
            except OSError as error:
                rc = LACKING if isinstance(error, PermissionError) else USAGE
                return complain(f"{near[1]}: {error.strerror}", rc)
            place = Place(*listener.getsockname()[:2])
            write_all(1, f"{place} to {far[1]}\n".encode())
            join = join_streams if kind == socket.SOCK_STREAM else join_datagrams
            return await _first_of(
                lambda: _heard(signals),
                link.until_gone,
                lambda: _joined(join(listener, partial(connect, *far, kind), Complaints(far[1])), link),
            )


async def _heard(signals: Signals) -> int:
    async for _ in signals:
        break
    return DONE


async def _joined(joining: Awaitable[None], link: SocketLink) -> int:
    """Until the listener fails, as it does when it was a daemon's that is gone."""
    why = ""
    try:
        await joining
    except* OSError as failed:
        why = str(failed.exceptions[0])
    return await link.until_gone() if link.is_gone else complain(why, LACKING)


async def _first_of(*tasks: Callable[[], Awaitable[int]]) -> int:
    """What the one returns that ends first; the others are cancelled."""
    results = []

    async def run(task: Callable[[], Awaitable[int]]) -> None:
        results.append(await task())
        nursery.cancel_scope.cancel()

    async with trio.open_nursery() as nursery:
        for task in tasks:
            nursery.start_soon(run, task)
    return results[0]


def place_of(text: str) -> Place | None:
    """`HOST:PORT`, `[HOST]:PORT` or `:PORT`; None if it is none of them."""
    host, colon, port = text.rpartition(":")
    if host.startswith("[") and host.endswith("]"):
        host = host[1:-1]
    elif ":" in host:
        return None
    if not colon or not (port.isascii() and port.isdigit()) or int(port) > LARGEST_PORT:
        return None
    return Place(host, int(port))


def complain(sentence: str, rc: int) -> int:
    """One line."""
    sys.stderr.write(f"pystack: forward: {sentence}\n")
    return rc
