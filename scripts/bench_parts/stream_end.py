"""A trio program that takes what comes on one port, and sends without end on another; run by socket_ends.py.

It knows nothing of whose sockets it has.
"""

from __future__ import annotations

import sys
from functools import partial
from typing import Final

import trio

SINK: Final = 5001
SOURCE: Final = 5002
BLOCK: Final = bytes(1 << 20)


async def take(stream: trio.SocketStream) -> None:
    """Until the client says no more."""
    async with stream:
        while await stream.receive_some(len(BLOCK)):
            pass


async def send(stream: trio.SocketStream) -> None:
    """Until the client hears no more."""
    async with stream:
        try:
            while True:
                await stream.send_all(BLOCK)
        except trio.BrokenResourceError:
            pass


async def serve(host: str) -> None:
    """Both ports, until the program is ended."""
    async with trio.open_nursery() as nursery:
        await nursery.start(partial(trio.serve_tcp, take, SINK, host=host))
        await nursery.start(partial(trio.serve_tcp, send, SOURCE, host=host))
        print("ready", flush=True)


if __name__ == "__main__":
    trio.run(serve, sys.argv[1])
