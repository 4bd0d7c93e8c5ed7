"""What a lab holds for one topology: the setup's work, the probes, and how its tables looked at the start."""

from __future__ import annotations

import re
import socket
from collections.abc import Collection, Mapping
from typing import Final

from pystack.compare.lab.capture import Capture
from pystack.compare.lab.kernel_netns import KernelNetns
from pystack.compare.lab.kernel_side_hops import HopReader
from pystack.compare.lab.kernel_side_setup import namespaces_of, run_setup
from pystack.compare.lab.kernel_side_state import StateReader, drawn_addresses, names_of
from pystack.compare.lab.kernel_side_tables import Tables
from pystack.compare.lab.probes import install, listen
from pystack.compare.lab.side import SideError
from pystack.compare.points import Point, points_of
from pystack.compare.records import Frame, Record
from pystack.compare.scenario import Topology
from pystack.hooks.ct_events import ConnEventReader
from pystack.hooks.nfnetlink import NETLINK_NETFILTER
from pystack.wire.ethernet import ETH_P_IPV6

QUIET: Final = "net.ipv4.igmp_link_local_mcast_reports"
IPV6: Final = ETH_P_IPV6.to_bytes(2, "big")
TRACKS: Final = re.compile(r"tables\b|\bconntrack\b|\bnft\b")  # only with rules are connections tracked
DYNAMIC: Final = re.compile(r"\bfdb\b.*\bdynamic\b")
LO: Final = 1


class Build:
    """A namespace after its setup, ready for scenarios."""

    def __init__(
        self, kernel: KernelNetns, topology: Topology, place: tuple[str, int], *, thorough: bool = False
    ) -> None:
        self._kernel = kernel
        self._topology = topology
        self._ports = frozenset(names_of(kernel)) - {LO}  # before the setup renames or moves any
        self._tables: list[Tables] = []
        self._probed: set[Point] = set()
        self._reader: HopReader | None = None
        self._captures: dict[str, Capture] = {}
        self._connections: ConnEventReader | None = None
        kernel.sysctl(QUIET, 0)
        run_setup(kernel, topology.setup, *place)
        try:
            self._look(namespaces_of(topology.setup))
        except BaseException:
            self.close()
            raise
        self.state = StateReader(kernel, self._tables[0], thorough=thorough)

    def _look(self, namespaces: Collection[str]) -> None:
        """Take what is there for what the setup wanted, once the noise of its making is gone.

        Namespaces that the setup named spoke IPv6 until they could be stopped.
        """
        kernel = self._kernel
        existing = [netns for netns in namespaces if not netns or self._exists(netns)]
        for netns in existing:
            kernel.sysctl(QUIET, 0, netns=netns)
            self._tables.append(Tables(kernel, netns))
        self.drawn = drawn_addresses(kernel, existing)
        for tables in self._tables:
            tables.remember()
            if not DYNAMIC.search(self._topology.setup):
                tables.empty()
                tables.remember()
        self.came_up: list[Record] = [
            Frame(0, port, "out", frame)
            for port, frame in kernel.drain()
            if self._topology.ipv6 or frame[12:14] != IPV6
        ]

    def _exists(self, netns: str) -> bool:
        """The setup may have deleted it again, or built its name by expansion."""
        try:
            self._kernel.sysctl(QUIET, netns=netns)
        except OSError:
            return False
        return True

    def hops(self, families: Collection[str]) -> HopReader:
        """The probes for these protocols, put in place when they are first wanted."""
        missing = [point for point in points_of(families) if point not in self._probed]
        if missing:
            there = names_of(self._kernel).values()
            install(self._kernel, missing, [port for port in self._topology.ports if port in there])
            self._probed.update(missing)
        if self._reader is None:
            self._reader = HopReader(listen(self._kernel), lambda: names_of(self._kernel))
        self._reader.begin(self._ports)
        return self._reader

    def connections(self, *texts: str) -> ConnEventReader | None:
        """Hears of connections from now on, where one of these may have any tracked."""
        if self._connections is None and any(map(TRACKS.search, texts)):
            kernel = self._kernel
            fd = kernel.open_socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
            self._connections = ConnEventReader(fd)
        if self._connections is not None:
            self._connections.read()
        return self._connections

    def no_hops(self) -> None:
        """Stop listening to the probes."""
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def captures(self, devices: Collection[str], where: str) -> Mapping[str, Capture]:
        """A capture on each of these devices and on no other, forgetting what those that stayed open saw.

        They stay open for the scenarios that want the same ones: the kernel takes 10 ms to close a packet
        socket. A device that nobody wants to capture must have none, for it would receive what is not its
        own, and a packet that nobody else takes would not be dropped.
        """
        if set(devices) != set(self._captures):
            self._close_captures()
            for device in devices:
                self._captures[device] = self._capture(device, where)
        for capture in self._captures.values():
            capture.packets()
        return self._captures

    def _capture(self, device: str, where: str) -> Capture:
        try:
            return self._kernel.capture(device)
        except OSError as error:
            complaint = f"{where}: capture: there is no device {device} after the setup"
            raise SideError([complaint]) from error

    def _close_captures(self) -> None:
        for capture in self._captures.values():
            capture.close()
        self._captures = {}

    def empty(self) -> bool:
        """Take out what packets left, in every namespace; false if something stayed."""
        clean = [tables.empty() for tables in self._tables]
        self._kernel.drain()  # what waited for a neighbour that is gone now
        return all(clean)

    def close(self) -> None:
        """Let go of the namespace."""
        self.no_hops()
        self._close_captures()
        if self._connections is not None:
            self._connections.close()
            self._connections = None
        for tables in self._tables:
            tables.close()
        self._tables = []
