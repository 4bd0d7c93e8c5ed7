"""A client of the control protocol that a test holds in its hand, frame by frame, inside trio."""

from __future__ import annotations

import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import trio

from pystack.daemon import protocol
from pystack.daemon.command import Command
from pystack.daemon.connection import Connection
from pystack.daemon.control import ControlServer, Serve
from pystack.daemon.protocol import Decoder, Frame, Request
from pystack.daemon.settings import Config, MemorySettings, Port, SetupText
from pystack.daemon.stack import Stack, build
from pystack.drivers.memory import MemoryDriver


class Guest:
    """One connection."""

    def __init__(self, stream: trio.SocketStream) -> None:
        self.stream = stream
        self._decoder = Decoder()
        self._frames: list[Frame] = []

    async def ask(self, *argv: str, ns: str = "", json: bool = False) -> None:
        """Send a request."""
        await self.stream.send_all(protocol.encode_request(Request(list(argv), ns=ns, json=json)))

    async def send(self, kind: int, payload: bytes = b"") -> None:
        """Send a frame."""
        await self.stream.send_all(protocol.encode(kind, payload))

    async def send_file(self, operation: int, number: int, octets: bytes = b"") -> None:
        """Send a file frame."""
        await self.stream.send_all(protocol.encode_file(operation, number, octets))

    async def frame(self) -> Frame | None:
        """The next frame; None at the end."""
        while not self._frames:
            octets = await self.stream.receive_some(4096)
            if not octets:
                return None
            self._frames = self._decoder.feed(bytes(octets))
        return self._frames.pop(0)

    async def outcome(self) -> tuple[int, str, str]:
        """Exit code, output and errors of a command that needs nothing more."""
        printed = {protocol.OUT: b"", protocol.ERR: b""}
        while frame := await self.frame():
            if frame.kind == protocol.RC:
                assert await self.frame() is None, "nothing follows the exit code"
                return frame.payload[0], printed[protocol.OUT].decode(), printed[protocol.ERR].decode()
            printed[frame.kind] += frame.payload
        raise AssertionError(f"the connection ended without an exit code, after {printed}")


class House:
    """A control server over a stack, and the way in."""

    def __init__(self, stack: Stack, server: ControlServer, address: str) -> None:
        self.stack = stack
        self.server = server
        self.address = address
        self.guests: list[Guest] = []

    async def guest(self) -> Guest:
        """A new connection."""
        self.guests.append(Guest(await trio.open_unix_socket(self.address)))
        return self.guests[-1]

    async def run(self, *argv: str, ns: str = "", json: bool = False) -> tuple[int, str, str]:
        """A command from beginning to end."""
        guest = await self.guest()
        async with guest.stream:
            await guest.ask(*argv, ns=ns, json=json)
            return await guest.outcome()

    def push(self, port: str, frame: bytes) -> None:
        """A frame arrives at a port."""
        self._driver(port).push(frame)

    def sent(self, port: str) -> list[bytes]:
        """What left by a port since the last time."""
        return self._driver(port).take()

    def _driver(self, port: str) -> MemoryDriver:
        driver = self.stack.drivers[port]
        assert isinstance(driver, MemoryDriver)
        return driver


def memory_config(*ports: str, setup: str = "") -> Config:
    """A configuration whose ports nobody stands behind."""
    return Config("house", "", (SetupText("house.setup", setup),), tuple(memory_port(name) for name in ports))


def memory_port(name: str) -> Port:
    """A port of a test's."""
    return Port(name, "memory", MemorySettings())


def memory_stack(config: Config) -> Stack:
    """The stack of such a configuration, its ports attached."""
    stack = build(config, seed=1)
    for port in config.ports:
        stack.attach(port, MemoryDriver(stack.devices[port.name]))
    return stack


@asynccontextmanager
async def open_house(
    folder: Path, *ports: str, setup: str = "", serve: Serve | None = None
) -> AsyncIterator[House]:
    """A stack that runs, with a control socket at its door; `serve` instead of commands, if given."""
    stack = memory_stack(memory_config(*ports, setup=setup))

    async def serve_command(client: Connection, request: Request) -> int:
        netns = stack.host.namespaces[request.ns]
        return await Command(client, stack.pump, stack.waiting).run(request, netns)

    server = ControlServer(serve or serve_command, {})
    address = str(folder / "s")
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(address)
    listening.listen(64)
    listening.setblocking(False)
    listener = trio.SocketListener(trio.socket.from_stdlib_socket(listening))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(stack.pump.run)
        nursery.start_soon(server.serve, listener)
        house = House(stack, server, address)
        try:
            yield house
        finally:
            for guest in house.guests:
                await trio.aclose_forcefully(guest.stream)
            nursery.cancel_scope.cancel()
