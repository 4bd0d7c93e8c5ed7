"""From a port of the configuration to a driver that moves its frames."""

from __future__ import annotations

import logging
import socket
from importlib import import_module
from typing import Final, Protocol

from msgspec.structs import asdict

from pystack.daemon.account import Account
from pystack.daemon.keeper_link import KeeperGone, KeeperLink, KeeperRefused
from pystack.daemon.settings import (
    MemorySettings,
    PcapSettings,
    Port,
    TapSettings,
    UnixSettings,
    UplinkSettings,
)
from pystack.drivers.port import PortDriver
from pystack.l2.port import PortDevice

DRIVER_MODULES: Final = ("tap", "packet", "unix_stream", "unix_dgram", "pcap", "regular_file", "memory")

logger = logging.getLogger("pystack.ports")


class Opener(Protocol):
    """Makes drivers; the daemon's asks its keeper."""

    def open(self, port: Port, dev: PortDevice) -> PortDriver:
        """The driver of a port, ready for a pump. Raises KeeperRefused, OSError."""

    def release(self, port: Port) -> None:
        """The port is given up, its driver closed."""


class KeeperOpener:
    """Opens with the keeper's rights what takes rights, the rest with our own."""

    def __init__(self, link: KeeperLink, account: Account) -> None:
        self._link = link
        self._account = account

    def open(self, port: Port, dev: PortDevice) -> PortDriver:
        """The driver of a port. Modules are loaded when first needed: few daemons need all."""
        settings = port.settings
        if isinstance(settings, MemorySettings):
            from pystack.drivers.memory import MemoryDriver

            return MemoryDriver(dev)
        if isinstance(settings, PcapSettings):
            return open_pcap(settings, dev)
        if isinstance(settings, UnixSettings):
            return self._unix(port, settings, dev)
        facts, fd = self._call(port)
        features = int(str(facts["features"]))
        if isinstance(settings, TapSettings | UplinkSettings):
            from pystack.drivers.tap import TapDriver

            return TapDriver(dev, fd, features)
        from pystack.drivers.packet import PacketDriver

        return PacketDriver(dev, fd, settings.ifname or port.name, features)  # type: ignore[attr-defined]

    def release(self, port: Port) -> None:
        """Have put back what opening the port changed; a keeper that cannot is no reason to stop halfway."""
        try:
            self._link.call("release", name=port.name)
        except (KeeperRefused, KeeperGone) as error:
            logger.error("port.%s: not all was put back: %s", port.name, error)

    def _unix(self, port: Port, settings: UnixSettings, dev: PortDevice) -> PortDriver:
        if settings.type == "dgram":
            from pystack.drivers.unix_dgram import UnixDgramDriver

            return UnixDgramDriver(dev, socket.socket(fileno=self._call(port)[1]), settings.peer)
        from pystack.drivers.unix_stream import UnixStreamDriver

        listener = socket.socket(fileno=self._call(port)[1]) if settings.listen else None
        return UnixStreamDriver(dev, settings.path, listener)

    def _call(self, port: Port) -> tuple[dict[str, object], int]:
        facts, fds = self._link.call(
            "open",
            name=port.name,
            driver=port.driver,
            uid=self._account.uid,
            gid=self._account.gid,
            **asdict(port.settings),
        )
        return facts, fds[0]


def load_all_drivers() -> None:
    """For a daemon that is about to drop its rights: it may lose sight of the files of its own modules."""
    for driver in DRIVER_MODULES:
        import_module(f"pystack.drivers.{driver}")


def open_pcap(settings: PcapSettings, dev: PortDevice) -> PortDriver:
    """A capture that is replayed, or recorded, or both. Raises OSError."""
    from pystack.drivers.pcap import PcapDriver
    from pystack.drivers.regular_file import create, read_whole

    data = read_whole(settings.path) if settings.path else None
    return PcapDriver(dev, data, open(create(settings.record), "wb") if settings.record else None)
