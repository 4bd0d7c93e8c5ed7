"""A trio program on the sockets of a daemon."""

from __future__ import annotations

import socket
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from pystack.daemon.remote_socket import RemoteFactory
from pystack.daemon.script import run_file, surround_trio
from pystack.daemon.socket_link import Refused, SocketLink
from pystack.drivers.sockets import sockets_made_by


def run_script(connection: socket.socket, ns: str, script: str, arguments: Sequence[str]) -> int:
    """Run to the end; the exit code is the script's. What it left open the daemon closes then."""
    try:
        link = SocketLink(connection, ns)
    except Refused as refused:
        sys.stderr.write(str(refused))
        return refused.rc

    @asynccontextmanager
    async def on_daemon() -> AsyncIterator[None]:
        async with link.alive():
            with sockets_made_by(RemoteFactory(link)):
                yield

    surround_trio(on_daemon)
    return run_file(script, arguments)
