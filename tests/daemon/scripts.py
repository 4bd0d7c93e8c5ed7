"""Programs for `pystack exec`, and how tests run them."""

from __future__ import annotations

import hashlib
import random
import signal
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.daemon.running import PATIENCE, PYSTACK, clean_environment

# A page of as many octets as its path says, served by hypercorn at the address in the first argument.
HYPERCORN = """
import random, sys, trio
from hypercorn.app_wrappers import ASGIWrapper
from hypercorn.config import Config, Sockets
from hypercorn.trio.run import worker_serve

async def app(scope, receive, send):
    if scope["type"] == "lifespan":
        while True:
            message = await receive()
            await send({"type": message["type"] + ".complete"})
            if message["type"] == "lifespan.shutdown":
                return
    length = int(scope["path"][1:])
    headers = [(b"content-length", b"%d" % length)]
    await send({"type": "http.response.start", "status": 200, "headers": headers})
    body = random.Random(length).randbytes(length)
    for begin in range(0, length, 1 << 20):
        await send({"type": "http.response.body", "body": body[begin:begin + (1 << 20)], "more_body": True})
    await send({"type": "http.response.body"})

async def main():
    listener = trio.socket.socket()
    await listener.bind((sys.argv[1], 80))
    listener.listen(200)
    print("ready", flush=True)
    config = Config()
    config.errorlog = None
    await worker_serve(ASGIWrapper(app), config, sockets=Sockets([], [listener], []))

trio.run(main)
"""


def page(length: int) -> bytes:
    """What it serves."""
    return random.Random(length).randbytes(length)


def md5(length: int) -> str:
    """Of what it serves, as md5sum prints it."""
    return hashlib.md5(page(length)).hexdigest()


def script(folder: Path, text: str) -> str:
    """The program as a file."""
    path = folder / "script.py"
    path.write_text(text)
    return str(path)


@contextmanager
def running_script(*words: str) -> Iterator[subprocess.Popen[str]]:
    """`pystack WORDS…` for a program that says when it is ready, until Ctrl-C."""
    with subprocess.Popen(
        [*PYSTACK, *words],
        env=clean_environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as program:
        assert program.stdout is not None
        try:
            assert program.stdout.readline() == "ready\n", program.communicate()
            yield program
        finally:
            program.send_signal(signal.SIGINT)
            program.communicate(timeout=PATIENCE)
