"""The daemon from its first to its last moment.

    configuration -> stack in memory -> keeper claims the name -> ports -> control socket -> rights dropped
    -> READY -> pump, control socket, signals, pulse, in one nursery -> everything taken back

Until READY nothing is waited for, and whatever fails ends the start with one line and its exit code.
"""

from __future__ import annotations

import logging
import os
import signal
import socket
import time
from collections.abc import Callable
from typing import Final

import trio

from pystack.daemon import places
from pystack.daemon.account import Account, NotAllowed
from pystack.daemon.command import Command
from pystack.daemon.config import ConfigError
from pystack.daemon.connection import Connection
from pystack.daemon.control import ControlServer
from pystack.daemon.keeper import PULSE
from pystack.daemon.keeper_link import KeeperGone, KeeperLink, KeeperRefused
from pystack.daemon.log import Log
from pystack.daemon.notify import ServiceManager
from pystack.daemon.ports import KeeperOpener
from pystack.daemon.protocol import ERR, Request
from pystack.daemon.settings import LAB, Config
from pystack.daemon.stack import PortFailed, Stack, build, load
from pystack.drivers.garbage import gc_discipline

FAILED: Final = 1
USAGE: Final = 2
LACKING: Final = 4

logger = logging.getLogger("pystack")


class StartFailed(Exception):
    """The daemon cannot start: the lines for the user, and the exit code."""

    def __init__(self, lines: list[str], rc: int) -> None:
        super().__init__("\n".join(lines))
        self.lines = lines
        self.rc = rc


class Daemon:
    """One running stack and what surrounds it."""

    def __init__(self, link: KeeperLink, path: str, manager: ServiceManager, socket_path: str = "") -> None:
        self.link = link
        self.path = path  # of the configuration; empty: the built-in lab
        self.manager = manager
        self.began = time.monotonic()
        self.rc = 0
        self.stack: Stack
        self.socket = ""
        self._socket_asked_for = socket_path  # by -S
        self._stop = trio.Event()
        self._farewells: list[socket.socket] = []  # clients that wait for our end
        self._pumps: trio.Nursery | None = None
        self._commands = trio.CancelScope()

    # --- start ------------------------------------------------------------------------------------------

    def start(self) -> socket.socket:
        """Everything up to READY; the listening control socket. Raises StartFailed."""
        try:
            self.stack = build(self.load())
            account = Account.of(self.config.daemon)
            self.opener = KeeperOpener(self.link, account)
            self.socket = os.path.abspath(self.socket_path())
            self.link.call("claim", socket=self.socket)
            self.stack.open_ports(self.opener)
            _, [fd] = self.link.call("control", socket=self.socket, uid=account.uid, gid=account.gid)
            account.become()
            return socket.socket(fileno=fd)
        except ConfigError as error:
            raise StartFailed(error.complaints, USAGE) from None
        except KeeperRefused as refused:
            raise StartFailed([refused.sentence], refused.rc) from None
        except PortFailed as error:
            raise StartFailed([str(error)], error.rc) from None
        except (NotAllowed, KeeperGone, places.NoPlace) as error:
            raise StartFailed([str(error)], LACKING) from None

    @property
    def config(self) -> Config:
        """Of the stack that runs."""
        return self.stack.config

    def load(self) -> Config:
        """The configuration as it stands in its files now. Raises ConfigError."""
        self.link.call("config")
        return load(self.path, self.link.read_text) if self.path else LAB

    def socket_path(self) -> str:
        """Where this daemon is spoken to."""
        given = self._socket_asked_for or self.config.daemon.socket
        return given or places.socket_of(self.config.name, os.environ, os.geteuid())

    # --- run --------------------------------------------------------------------------------------------

    async def run(self, listener: socket.socket) -> None:
        """Serve until told to stop, or the keeper is gone."""
        listener.setblocking(False)
        control = ControlServer(self.serve_command, {})
        async with trio.open_nursery() as nursery:
            self._pumps = nursery
            nursery.start_soon(self.stack.pump.run)
            nursery.start_soon(self.watch_signals)
            nursery.start_soon(self.watch_keeper)
            nursery.start_soon(self.beat)
            trio_listener = trio.SocketListener(trio.socket.from_stdlib_socket(listener))
            nursery.start_soon(control.serve, trio_listener)
            gc_discipline()
            self.say_ready()
            await self._stop.wait()
            self.manager.stopping()
            nursery.cancel_scope.cancel()

    def say_ready(self) -> None:
        """To the log and to the service manager."""
        ports = ", ".join(port.name for port in self.config.ports) or "none"
        took = time.monotonic() - self.began
        logger.info(
            "%s: ready after %.2f s; ports: %s; socket: %s", self.config.name, took, ports, self.socket
        )
        self.manager.ready(f"{self.config.name}: {len(self.config.ports)} ports")

    def stop(self, why: str, rc: int = 0) -> None:
        """End soon, and cleanly."""
        if not self._stop.is_set():
            logger.info("%s: ending: %s", self.config.name, why)
            self.rc = rc
            self._stop.set()

    async def watch_signals(self) -> None:
        """SIGINT and SIGTERM end, SIGHUP reloads."""
        with trio.open_signal_receiver(signal.SIGINT, signal.SIGTERM, signal.SIGHUP) as signals:
            async for number in signals:
                if number == signal.SIGHUP:
                    pass
                else:
                    self.stop(signal.Signals(number).name)

    async def watch_keeper(self) -> None:
        """Without a keeper nobody would clean up after us, so we end too, and do what of it we may."""
        await trio.lowlevel.wait_readable(self.link.pulse)
        self.stop("the keeper is gone, and nothing would be taken back after us", FAILED)

    async def beat(self) -> None:
        """Show the keeper and the service manager that the loop turns."""
        pause = min(PULSE, (self.manager.watchdog or PULSE * 2) / 2)
        while True:
            self.link.beat()
            self.manager.alive()
            await trio.sleep(pause)

    async def serve_command(self, client: Connection, request: Request) -> int:
        """An applet, in the namespace that was asked for."""
        netns = self.stack.host.namespaces.get(request.ns)
        if netns is None:
            known = ", ".join(sorted(self.stack.host.namespaces)[1:]) or "none but the first"
            text = f"pystack: there is no namespace {request.ns} (known: {known})\n"
            await client.send(ERR, text.encode(errors="surrogateescape"))
            return FAILED
        return await Command(client, self.stack.pump, self.stack.waiting).run(request, netns)

    # --- end --------------------------------------------------------------------------------------------

    def finish(self) -> int:
        """Close everything and have it taken back; the exit code."""
        self.stack.close()
        try:
            self.link.end()
        except (KeeperRefused, KeeperGone) as error:
            logger.debug("%s", error)
        return self.rc


def run(link: KeeperLink, path: str, socket_path: str = "") -> int:
    """Start, run, end; the exit code of `pystack run`."""
    log = Log()
    _log_through(log)
    daemon = Daemon(link, path, ServiceManager(os.environ), socket_path)
    try:
        listener = daemon.start()
    except StartFailed as failed:
        for line in failed.lines:
            log.error(line)
        _quietly(link.end)
        return failed.rc
    trio.run(daemon.run, listener)
    return daemon.finish()


class _Handler(logging.Handler):
    """What the shell logs, on its way to standard error."""

    def __init__(self, log: Log) -> None:
        super().__init__()
        self.log = log

    def emit(self, record: logging.LogRecord) -> None:
        """One record."""
        levels = {logging.ERROR: 3, logging.WARNING: 4, logging.INFO: 6, logging.DEBUG: 7}
        self.log.write(levels.get(record.levelno, 3), self.format(record))


def _log_through(log: Log) -> None:
    logger.handlers = [_Handler(log)]
    logger.propagate = False
    logger.setLevel(logging.INFO)


def _quietly(act: Callable[[], object]) -> None:
    try:
        act()
    except (KeeperRefused, KeeperGone):
        pass
