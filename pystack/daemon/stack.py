"""A stack that a configuration describes: its host, what stands behind its ports, and the pump."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

import trio

from pystack.clock import Clock
from pystack.daemon import config as configuration
from pystack.daemon.config import ConfigError, ReadText
from pystack.daemon.keeper_link import KeeperGone, KeeperRefused
from pystack.daemon.ports import Opener
from pystack.daemon.public_pages import public_pages
from pystack.daemon.services import start_dhcp, start_http, start_small
from pystack.daemon.settings import UPLINK, Config, Port
from pystack.daemon.setups import run_setup, setup_faults
from pystack.daemon.waiting import Waiting
from pystack.drivers.port import PortDriver
from pystack.drivers.pump import Pump
from pystack.host import Host
from pystack.l2.port import PortDevice
from pystack.services.dhcp import DhcpServer

if TYPE_CHECKING:  # loaded where there is a section [hooks]: few daemons need it
    from pystack.daemon.kernel_copy import KernelCopy
    from pystack.hooks.imported.building import Building

USAGE: Final = 2
LACKING: Final = 4

CHANGES: Final = {  # what drivers do to this system that nobody takes for granted
    "packet": "takes over a device that pystack did not make",
    UPLINK: "lets this machine's kernel forward, and changes its iptables",
}


class PortFailed(Exception):
    """A port cannot be had; the sentence names it, and `rc` is what the command ends with."""

    def __init__(self, port: Port, sentence: str, rc: int) -> None:
        super().__init__(f"{said(port)}: {sentence}")
        self.rc = rc


class Stack:
    """A host with its ports. `build` makes the host alone; `attach` opens what stands behind the ports."""

    def __init__(
        self, config: Config, host: Host, devices: dict[str, PortDevice], dhcp: dict[str, DhcpServer]
    ) -> None:
        self.config = config
        self.host = host
        self.devices = devices  # by the port's name, which the user may have changed since
        self.dhcp = dhcp  # by the device's name in the configuration
        self.drivers: dict[str, PortDriver] = {}
        self.copy: KernelCopy | None = None  # of the namespace of [hooks]
        self.pump = Pump(host)
        self.waiting = Waiting(host.clock)
        self.pump.on_settled = self.waiting.ask_all
        self._commands: set[trio.CancelScope] = set()
        self._ended = 0

    def attach(self, port: Port, driver: PortDriver) -> None:
        """Let the pump move the frames of a port."""
        self.drivers[port.name] = driver
        self.pump.add(driver)

    def detach(self, port: Port) -> PortDriver:
        """Stop that; the driver stays open, and is the caller's."""
        driver = self.drivers.pop(port.name)
        self.pump.remove(driver)
        return driver

    def adopt(self, copy: KernelCopy) -> None:
        """What stands behind its ports is the kernel's: what the copy sends goes nowhere."""
        self.copy = copy
        for driver in copy.drivers:
            self.pump.add(driver)

    def take_over_again(self, heir: Building, born_as: Counter[str]) -> None:
        """The kernel's namespace was changed: another copy goes on, with the connections of this one."""
        assert self.copy is not None, "nobody reads again what was not read"
        for driver in self.copy.drivers:
            self.pump.remove(driver)
        self.adopt(self.copy.give_way(heir, born_as))

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
            self._ended += 1

    @property
    def commands(self) -> int | None:
        """How many have ended; None while one runs, which may do anything at any time."""
        return None if self._commands else self._ended

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
    except KeeperGone as gone:
        raise PortFailed(port, str(gone), LACKING) from None
    except OSError as error:
        where = f"{error.filename}: " if error.filename else ""
        rc = LACKING if isinstance(error, PermissionError) else USAGE
        raise PortFailed(port, f"{where}{error.strerror or error}", rc) from None


def load(path: str, read: ReadText, allow_system_changes: bool) -> Config:
    """A configuration and its setups, checked as far as they can be without running them.

    Raises ConfigError.
    """
    config = configuration.load(path, read, setup_faults)
    if config.hooks is not None and not allow_system_changes:
        what = "puts rules of its own into the firewall of a namespace"
        raise ConfigError([f"{config.file}: hooks: {what}: add --allow-system-changes"])
    if not allow_system_changes and (refused := [port for port in config.ports if port.driver in CHANGES]):
        sentences = [f"{said(port)}: {CHANGES[port.driver]}: add --allow-system-changes" for port in refused]
        raise ConfigError(sentences)
    return config


def said(port: Port) -> str:
    """A port's place in the configuration."""
    section = port.name if port.driver == UPLINK else f"port.{port.name}"
    return f"{port.place}: {section}" if port.place else section


def build(
    config: Config,
    *,
    seed: int | None = None,
    now: float = 0.0,
    addresses: Mapping[str, bytes] | None = None,
) -> Stack:
    """The host that a configuration describes; nothing outside is touched. Raises ConfigError, HooksFailed.

    `addresses` are those that ports keep through a reload.
    """
    host = Host(seed=int.from_bytes(os.urandom(8)) if seed is None else seed, clock=Clock(now=now))
    known = addresses or {}
    devices = {port.name: host.init.add_port(port.name, known.get(port.name)) for port in config.ports}
    copy = _copy_for(config, host)
    complaints = []
    for setup in config.setups:
        try:
            run_setup(setup, host)
        except ConfigError as error:
            complaints += error.complaints
    if complaints:
        raise ConfigError(complaints)
    start_small(config, host)
    stack = Stack(config, host, devices, start_dhcp(config, host))
    start_http(config, host, public_pages(stack))
    if copy is not None:
        stack.adopt(copy)
    return stack


def _copy_for(config: Config, host: Host) -> KernelCopy | None:
    """Before the setups, which may add to it."""
    if config.hooks is None:
        return None
    from pystack.daemon.kernel_copy import take_over_configured

    return take_over_configured(config.hooks, host)
