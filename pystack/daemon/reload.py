"""`pystack reload`: a second stack from the files as they are now, which then takes the first one's place.

    build (nothing outside is touched) -> open what is new -> exchange what changed -> hand over what stayed
    -> FDB, neighbours and counters by key -> the old stack ends

Whatever fails before the hand-over leaves the old stack as it was.
"""

from __future__ import annotations

import logging

from pystack.daemon.config import ConfigError, held_by
from pystack.daemon.inherit import inherit
from pystack.daemon.ports import Opener
from pystack.daemon.services import inherit_leases
from pystack.daemon.settings import Config, Port
from pystack.daemon.stack import PortFailed, Stack, build, open_port
from pystack.drivers.port import PortDriver

logger = logging.getLogger("pystack.reload")


def check_same_daemon(new: Config, old: Config) -> None:
    """What a running daemon cannot change about itself. Raises ConfigError."""
    fixed: list[tuple[str, object, object]] = [("name", new.name, old.name), ("hooks", new.hooks, old.hooks)]
    fixed += [(f"daemon.{key}", getattr(new.daemon, key), getattr(old.daemon, key)) for key in FIXED]
    changed = [f"{new.file}: {key}: cannot be changed by a reload" for key, now, then in fixed if now != then]
    if changed:
        raise ConfigError(changed)


FIXED = ("socket", "group", "user")


def successor(config: Config, old: Stack) -> Stack:
    """The stack that is to follow; it has its devices and no drivers. Raises ConfigError, HooksFailed."""
    check_same_daemon(config, old.config)
    addresses = {name: dev.address for name, dev in old.devices.items()}
    return build(config, now=old.host.clock.now, addresses=addresses)


def replace(new: Stack, old: Stack, opener: Opener) -> None:
    """Put a successor into the place of a stack whose pump runs. Raises PortFailed: then nothing changed."""
    Exchange(new, old, opener).run()
    try:
        with old.pump.burst():
            inherit(new.host, old.host)
            inherit_leases(new.dhcp, old.dhcp)
    except Exception:  # the ports are the new stack's by now: it is better to forget than to stop
        logger.exception("a fault of ours: what was learned and counted is lost")


class Exchange:
    """Gives every port of the new stack its driver: the old one's, where nothing about the port changed."""

    def __init__(self, new: Stack, old: Stack, opener: Opener) -> None:
        self.new = new
        self.old = old
        self.opener = opener
        self.kept = [port for port in new.config.ports if self.may_stay(port)]
        names = {port.name for port in self.kept}
        self.wanted = [port for port in new.config.ports if port.name not in names]
        self.unwanted = [port for port in old.config.ports if port.name not in names]
        self.opened: list[tuple[Port, PortDriver]] = []
        self.closed: list[Port] = []

    def may_stay(self, port: Port) -> bool:
        """Whether the old stack has this very port, and it works: a reload is a chance for one that died."""
        driver = self.old.drivers.get(port.name)
        if driver is None or driver.failure is not None:
            return False
        return any(port.same(other) for other in self.old.config.ports)

    def run(self) -> None:
        """Open, close, hand over. Raises PortFailed after everything was put back."""
        try:
            for port in self.wanted:
                self.make_room(port)
                self.opened.append((port, open_port(self.opener, port, self.new.devices[port.name])))
        except PortFailed:
            self.put_back()
            raise
        for port in self.unwanted:
            self.close_old(port)
        for port in self.kept:
            self.hand_over(port)
        for port, driver in self.opened:
            self.new.attach(port, driver)

    def make_room(self, port: Port) -> None:
        """Close the old ports that hold what this one wants, or have its name at the keeper."""
        held = set(held_by(port))
        for other in self.unwanted:
            if other.name == port.name or held & set(held_by(other)):
                self.close_old(other)

    def close_old(self, port: Port) -> None:
        """Give up a port of the old stack."""
        if port.name in self.old.drivers:
            self.closed.append(port)
            self.old.detach(port).close()
            self.opener.release(port)

    def hand_over(self, port: Port) -> None:
        """The same driver, and whatever is connected to it, now feeds the new device."""
        driver = self.old.detach(port)
        dev = self.new.devices[port.name]
        dev.features = driver.dev.features
        driver.dev = dev
        self.new.attach(port, driver)

    def put_back(self) -> None:
        """Undo what was done so far; a port that cannot be had again is without carrier, and said."""
        for port, driver in self.opened:
            driver.close()
            self.opener.release(port)
        for port in self.closed:
            try:
                self.old.attach(port, open_port(self.opener, port, self.old.devices[port.name]))
            except PortFailed as error:
                logger.error("%s", error)
