"""Where a trio program's sockets can be pystack's: on a stack beside it, and on that of a daemon."""

from __future__ import annotations

import socket
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager
from pathlib import Path

import trio
import trio.testing

from pystack.daemon.connection import Connection
from pystack.daemon.program import Program
from pystack.daemon.protocol import Request
from pystack.daemon.remote_socket import RemoteFactory
from pystack.daemon.socket_link import SocketLink
from pystack.drivers.pump import Pump
from pystack.drivers.sockets import sockets_made_by, sockets_of
from pystack.netns import Netns
from tests.box import Box
from tests.daemon.guest import House, open_house

PATIENCE = 20.0
SETUP = "ip link set lo up; ip link add d0 type dummy; ip addr add 10.0.0.1/24 dev d0; ip link set d0 up"

Site = Callable[[], AbstractAsyncContextManager[Netns]]


@asynccontextmanager
async def beside() -> AsyncIterator[Netns]:
    """A stack in this very loop, with lo and the network of a silent neighbour."""
    box = Box()
    box.port("eth0", bytes.fromhex("020000000001"), "10.0.0.1/24")
    pump = Pump(box.host, faults_are_fatal=True)
    with trio.fail_after(PATIENCE):
        async with trio.open_nursery() as nursery:
            nursery.start_soon(pump.run)
            await trio.testing.wait_all_tasks_blocked()
            with sockets_of(pump, box.ns):
                yield box.ns
            nursery.cancel_scope.cancel()


class HouseElsewhere:
    """A daemon's control socket and stack, in a thread and a loop of their own."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._is_open = threading.Event()
        self._thread = threading.Thread(target=trio.run, args=(self._live,))
        self._token: trio.lowlevel.TrioToken
        self._scope = trio.CancelScope()
        self.house: House

    async def _live(self) -> None:
        self._token = trio.lowlevel.current_trio_token()
        with self._scope:
            async with open_house(self._folder, "p1", setup=SETUP, serve=self._serve) as self.house:
                self._is_open.set()
                await trio.sleep_forever()

    async def _serve(self, client: Connection, request: Request) -> int:
        stack = self.house.stack
        return await Program(client, stack.pump, stack.host.namespaces[request.ns]).run()

    def __enter__(self) -> HouseElsewhere:
        self._thread.start()
        assert self._is_open.wait(PATIENCE)
        return self

    def __exit__(self, *_: object) -> None:
        trio.from_thread.run_sync(self._scope.cancel, trio_token=self._token)
        self._thread.join(PATIENCE)

    @property
    def netns(self) -> Netns:
        return self.house.stack.host.init

    @contextmanager
    def visitor(self) -> Iterator[socket.socket]:
        """A connection to its control socket."""
        with socket.socket(socket.AF_UNIX) as connection:
            connection.connect(self.house.address)
            yield connection

    @asynccontextmanager
    async def program(self) -> AsyncIterator[Netns]:
        """As one of its programs."""
        with trio.fail_after(PATIENCE), self.visitor() as connection:
            link = SocketLink(connection)
            async with link.alive():
                with sockets_made_by(RemoteFactory(link)):
                    yield self.netns
