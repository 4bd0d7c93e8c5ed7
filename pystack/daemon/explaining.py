"""`pystack explain` in a daemon: the stack is copied by a fork, and the copy is used up.

So the answer is about the stack as it is at this moment, every learned address and timer included, and the
stack itself goes on undisturbed. The child computes, writes its answer into a pipe, and ends.
"""

from __future__ import annotations

import gc
import json
import os
import signal
import warnings
from collections.abc import Callable, Sequence
from typing import Final

import trio

from pystack.applets.io import inert
from pystack.daemon.connection import Connection
from pystack.daemon.protocol import ERR, OUT
from pystack.explain.command import Answer, answer
from pystack.host import Host
from pystack.netns import Netns

PATIENCE: Final = 20.0  # seconds; no packet takes so long
READ_SIZE: Final = 65536
FAULT: Final = Answer(1, err="pystack: explain: a fault of ours\n")
TOO_LONG: Final = Answer(1, err=f"pystack: explain: no answer within {PATIENCE:g} s\n")


def printed(args: Sequence[str], host: Host, netns: Netns) -> Answer:
    """The answer with its JSON written out. Uses the host up."""
    host.events.fall_silent()
    told = answer(args, host, netns)
    out = told.out + "".join(f"{json.dumps(entry)}\n" for entry in told.json)
    return Answer(told.rc, inert(out), told.err)


async def explained(args: Sequence[str], host: Host, netns: Netns) -> Answer:
    """The same, by a copy of the host."""
    pid, reader = _fork(lambda: printed(args, host, netns))
    octets = bytearray()
    try:
        with trio.move_on_after(PATIENCE) as patience:
            while chunk := await _read(reader):
                octets += chunk
        if patience.cancelled_caught:
            return TOO_LONG
    finally:
        os.close(reader)
        _end(pid)
    try:
        rc, out, err = json.loads(octets)
    except ValueError:
        return FAULT
    return Answer(rc, out, err)


async def tell(client: Connection, told: Answer) -> int:
    """Pass it on; the exit code."""
    await client.send(OUT, told.out.encode())
    await client.send(ERR, told.err.encode())
    return told.rc


async def _read(reader: int) -> bytes:
    await trio.lowlevel.wait_readable(reader)
    return os.read(reader, READ_SIZE)


def _end(pid: int) -> None:
    """It has said all, or its time is over."""
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)


def _fork(compute: Callable[[], Answer]) -> tuple[int, int]:
    reader, writer = os.pipe()
    with warnings.catch_warnings():
        # About locks that other threads may hold: the child takes none, and starts no loop.
        warnings.simplefilter("ignore", DeprecationWarning)
        pid = os.fork()
    if pid:
        os.close(writer)
        return pid, reader
    try:
        gc.disable()  # a collection would copy every page
        told = compute()
        with os.fdopen(writer, "wb") as pipe:
            pipe.write(json.dumps([told.rc, told.out, told.err]).encode())
    finally:
        os._exit(0)
