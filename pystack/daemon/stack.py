"""A stack that a configuration describes: its host, what stands behind its ports, and the pump."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Final

import trio

from pystack.applets.registry import check_setup, start_setup
from pystack.applets.requests import FileRefused
from pystack.applets.virtual import Completed, Outside, VirtualJob
from pystack.clock import Clock
from pystack.daemon import config as configuration
from pystack.daemon.config import ConfigError, ReadText
from pystack.daemon.keeper_link import KeeperRefused
from pystack.daemon.ports import Opener
from pystack.daemon.settings import Config, Port, SetupText
from pystack.daemon.waiting import Waiting
from pystack.drivers.port import PortDriver
from pystack.drivers.pump import Pump
from pystack.host import Host
from pystack.l2.port import PortDevice

USAGE: Final = 2
LACKING: Final = 4
OURS: Final = "pystack: "  # in front of a complaint of the shell's; whoever prints it puts it there again

logger = logging.getLogger("pystack.stack")


class PortFailed(Exception):
    """A port cannot be had; the sentence names it, and `rc` is what the command ends with."""

    def __init__(self, port: Port, sentence: str, rc: int) -> None:
        place = f"{port.place}: " if port.place else ""
        super().__init__(f"{place}port.{port.name}: {sentence}")
        self.rc = rc


class Stack:
    """A host with its ports. `build` makes the host alone; `attach` opens what stands behind the ports."""

    def __init__(self, config: Config, host: Host, devices: dict[str, PortDevice]) -> None:
        self.config = config
        self.host = host
        self.devices = devices  # by the port's name, which the user may have changed since
        self.drivers: dict[str, PortDriver] = {}
        self.pump = Pump(host)
        self.waiting = Waiting(host.clock)
        self.pump.on_settled = self.waiting.ask_all
        self._commands: set[trio.CancelScope] = set()

    def attach(self, port: Port, driver: PortDriver) -> None:
        """Let the pump move the frames of a port."""
        self.drivers[port.name] = driver
        self.pump.add(driver)

    def detach(self, port: Port) -> PortDriver:
        """Stop that; the driver stays open, and is the caller's."""
        driver = self.drivers.pop(port.name)
        self.pump.remove(driver)
        return driver

    def open_ports(self, opener: Opener) -> None:
        """Open all ports; what was opened is closed again if one fails. Raises PortFailed."""
        for port in self.config.ports:
            try:
                self.attach(port, open_port(opener, port, self.devices[port.name]))
            except PortFailed:
                self.close()
                raise

    @contextmanager
    def lasting(self, command: trio.CancelScope) -> Iterator[None]:
        """A command that runs in this stack, and ends with it."""
        self._commands.add(command)
        try:
            yield
        finally:
            self._commands.discard(command)

    def end_commands(self) -> None:
        """All that run in it."""
        for command in self._commands:
            command.cancel()

    def close(self) -> None:
        """Close what stands behind the ports."""
        for port in self.config.ports:
            if port.name in self.drivers:
                self.detach(port).close()


def open_port(opener: Opener, port: Port, dev: PortDevice) -> PortDriver:
    """A port's driver. Raises PortFailed."""
    try:
        return opener.open(port, dev)
    except KeeperRefused as refused:
        raise PortFailed(port, refused.sentence, refused.rc) from None
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        rc = LACKING if isinstance(error, PermissionError) else USAGE
        raise PortFailed(port, f"{where}{error.strerror or error}", rc) from None


def load(path: str, read: ReadText, allow_system_changes: bool) -> Config:
    """A configuration and its setups, checked as far as they can be without running them.

    Raises ConfigError.
    """
    config = configuration.load(path, read, setup_faults)
    taken_over = [] if allow_system_changes else [port for port in config.ports if port.driver == "packet"]
    if taken_over:
        why = "takes over a device that pystack did not make: add --allow-system-changes"
        raise ConfigError([f"{port.place}: port.{port.name}: {why}" for port in taken_over])
    return config


def setup_faults(text: str, filename: str) -> list[str]:
    """What is wrong with a setup, each with its place."""
    return [line.removeprefix(OURS) for line in check_setup(text, filename)]


def build(
    config: Config,
    *,
    seed: int | None = None,
    now: float = 0.0,
    addresses: Mapping[str, bytes] | None = None,
) -> Stack:
    """The host that a configuration describes; nothing outside is touched. Raises ConfigError.

    `addresses` are those that ports keep through a reload.
    """
    host = Host(seed=int.from_bytes(os.urandom(8)) if seed is None else seed, clock=Clock(now=now))
    known = addresses or {}
    devices = {port.name: host.init.add_port(port.name, known.get(port.name)) for port in config.ports}
    for setup in config.setups:
        run_setup(setup, host)
    return Stack(config, host, devices)


def run_setup(setup: SetupText, host: Host) -> None:
    """Run the commands of a setup. Raises ConfigError."""
    folder = os.path.dirname(setup.file)

    def read_file(path: str) -> bytes:
        try:
            with open(os.path.join(folder, path), "rb") as file:
                return file.read()
        except OSError as error:
            raise FileRefused(path, error.strerror or str(error)) from None

    job = start_setup(setup.numbered, setup.file, host)
    ended = VirtualJob(host, job, Outside(read_file=read_file)).run()
    if ended.rc:
        raise ConfigError(failure_of(ended))
    for line in ended.err.splitlines():
        logger.warning("%s: %s", setup.file, line)


def failure_of(ended: Completed) -> list[str]:
    """The line that failed, and instead of its exit code what the command said, if it said something."""
    *said, last = ended.err.splitlines() or [f"exit code {ended.rc}"]
    where, _, code = last.removeprefix(OURS).rpartition(": ")
    if not code.startswith("exit code ") or not said:
        return [line.removeprefix(OURS) for line in [*said, last]]
    return [f"{where}: {'; '.join(line.removeprefix(OURS) for line in said)}"]
