"""Connections that are joined: what one end says the other hears, its end and its failure included."""

from __future__ import annotations

import socket
import struct
from collections.abc import Awaitable, Callable
from typing import Final

import trio

Connect = Callable[[], Awaitable[trio.socket.SocketType]]
Complain = Callable[[OSError], None]

FAILURES: Final = (trio.BrokenResourceError, trio.ClosedResourceError)
AT_ONCE: Final = struct.pack("ii", 1, 0)  # for SO_LINGER: close() resets


async def join_streams(listener: trio.socket.SocketType, connect: Connect, complain: Complain) -> None:
    """Whoever comes is joined with a connection of his own, until cancelled. Raises OSError."""

    async def join(near: trio.SocketStream) -> None:
        try:
            far = trio.SocketStream(await connect())
        except OSError as error:
            complain(error)
            return _reset(near)
        await _join(near, far)

    await trio.serve_listeners(join, [trio.SocketListener(listener)])


async def _join(near: trio.SocketStream, far: trio.SocketStream) -> None:
    async with near, far:
        for stream in (near, far):
            stream.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)  # a peer that vanished is missed
        async with trio.open_nursery() as nursery:
            nursery.start_soon(_pour, near, far)
            nursery.start_soon(_pour, far, near)


async def _pour(source: trio.SocketStream, sink: trio.SocketStream) -> None:
    """One direction, to its end; if it breaks, both do."""
    try:
        async for chunk in source:
            await sink.send_all(chunk)
        await sink.send_eof()
    except FAILURES:
        _reset(source)
        _reset(sink)


def _reset(stream: trio.SocketStream) -> None:
    """Let the peer know that this was no proper end."""
    try:
        stream.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, AT_ONCE)
    except OSError:  # it is closed
        pass
    stream.socket.close()
