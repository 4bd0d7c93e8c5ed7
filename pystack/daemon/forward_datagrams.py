"""Datagrams that are joined: each sender has a socket of his own on the other side, until both are silent."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any, Final, TypeVar

import trio

from pystack.daemon.forward_streams import Complain, Connect

IDLE: Final = 60.0  # seconds
MOST: Final = 1024  # senders at a time; what others send is dropped
WAITING: Final = 64  # datagrams of a sender whose socket is not there yet
LARGEST: Final = 65536

Result = TypeVar("Result")


async def join_datagrams(listener: trio.socket.SocketType, connect: Connect, complain: Complain) -> None:
    """Until cancelled. Raises OSError."""
    exchange = Exchange(listener, connect, complain)
    async with trio.open_nursery() as nursery:
        while True:
            data, sender = await listener.recvfrom(LARGEST)
            exchange.take(data, sender, nursery)


class Exchange:
    """All who send to one socket."""

    def __init__(self, listener: trio.socket.SocketType, connect: Connect, complain: Complain) -> None:
        self._listener = listener
        self._connect = connect
        self._complain = complain
        self._senders: dict[Any, trio.MemorySendChannel[bytes]] = {}

    def take(self, data: bytes, sender: Any, nursery: trio.Nursery) -> None:
        """A datagram has come."""
        if sender not in self._senders:
            if len(self._senders) >= MOST:
                return
            self._senders[sender], waiting = trio.open_memory_channel[bytes](WAITING)
            nursery.start_soon(self._serve, sender, waiting)
        try:
            self._senders[sender].send_nowait(data)
        except trio.WouldBlock:  # datagrams may be lost
            pass

    async def _serve(self, sender: Any, waiting: trio.MemoryReceiveChannel[bytes]) -> None:
        """One sender, until nothing has passed for a while."""
        try:
            with await self._connect() as sock, trio.move_on_after(IDLE) as patience:
                async with trio.open_nursery() as nursery:
                    nursery.start_soon(self._answer, sender, sock, patience)
                    async for data in waiting:
                        patience.deadline = trio.current_time() + IDLE
                        await _unless_refused(sock.send(data))
        except OSError as error:
            self._complain(error)
        finally:
            del self._senders[sender]

    async def _answer(self, sender: Any, sock: trio.socket.SocketType, patience: trio.CancelScope) -> None:
        while True:
            data = await _unless_refused(sock.recv(LARGEST))
            if data is not None:
                patience.deadline = trio.current_time() + IDLE
                await _unless_refused(self._listener.sendto(data, sender))


async def _unless_refused(call: Awaitable[Result]) -> Result | None:
    """None if a datagram before it met nobody: the next one may."""
    try:
        return await call
    except ConnectionRefusedError:
        return None
