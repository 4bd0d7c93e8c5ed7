"""The kernel's side: probes in a live namespace, and what they report."""

from __future__ import annotations

import socket
from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from pystack.compare.lab.kernel_side_hops import HopReader
from pystack.compare.live.errors import LiveUnavailable
from pystack.compare.live.judge import COMPARED
from pystack.compare.points import SENT_IPV6, Point, points_of
from pystack.compare.probes import GROUP, NETDEV, ruleset
from pystack.compare.records import Hop
from pystack.drivers.kernel_netns import in_netns
from pystack.hooks.ct_events import NEW, ConnEventReader
from pystack.hooks.nflog import NflogReader
from pystack.hooks.nfnetlink import open_socket
from pystack.hooks.ours import PROBES
from pystack.hooks.tools import ToolFailed, ToolMissing, output

REMEMBERED: Final = 1 << 16  # packets by whose bytes others are known
SNAPLEN: Final = COMPARED + 16  # octets that probes show of a packet, but for where it begins
SHOWN: Final = (*points_of(("ip", "ip6")), SENT_IPV6)
MOST: Final = 4096  # hops at a time


class LiveKernel:
    """One namespace, from `open` to `close`; what is added to it is one table a family, of one name."""

    def __init__(self, netns: str, ports: Mapping[str, int]) -> None:
        """`ports` are the devices by which packets enter, with their numbers."""
        self._netns = netns
        self._ports = ports
        self._hops: HopReader | None = None
        self._connections: ConnEventReader | None = None

    def open(self) -> LiveKernel:
        """Listen first, then probe. Raises LiveUnavailable."""
        if tables(self._netns):
            raise LiveUnavailable(
                f"the table {PROBES} is there: another comparison runs (or `pystack doctor --clean` is due)"
            )
        try:
            fd = in_netns(self._netns, _netlink)
            log = NflogReader(fd, (GROUP,))
        except PermissionError:
            raise LiveUnavailable(
                f"somebody listens to NFLOG group {GROUP}, or CAP_NET_ADMIN lacks"
            ) from None
        self._connections = ConnEventReader(in_netns(self._netns, _netlink))
        self._hops = HopReader(log, self._names, remembered=REMEMBERED, known_by=COMPARED)
        self._hops.begin(frozenset(self._ports.values()))
        try:
            _nft(self._netns, "-f", "-", stdin=_probes(SHOWN, self._ports))
        except LiveUnavailable:
            self._stop_listening()
            raise
        return self

    def __enter__(self) -> LiveKernel:
        return self.open()

    def __exit__(self, *_: object) -> None:
        self.close()

    def probe(self, ports: Mapping[str, int]) -> None:
        """Devices have come or gone: packets enter by these from now on. Raises LiveUnavailable."""
        assert self._hops is not None, "nobody changes devices before open()"
        if dict(ports) == dict(self._ports):
            return
        at_devices = [point for point in SHOWN if point.family == NETDEV]
        table = f"table {NETDEV} {PROBES}"
        anew = f"add {table}\ndelete {table}\n" + _probes(at_devices, ports)  # there may be none yet
        _nft(self._netns, "-f", "-", stdin=anew)
        self._ports = ports
        self._hops.enter_by(frozenset(ports.values()))

    def begun(self) -> Iterator[tuple[bytes, bytes]]:
        """Connections that began since the last call, by both their tuples."""
        assert self._connections is not None, "nobody reads before open()"
        try:
            events = self._connections.read()
        except OSError:  # more began than the socket holds: ports that were drawn for them are not known
            return
        for event in events:
            if event.kind == NEW:
                yield event.conn.original.key, event.conn.reply.key

    def read(self) -> tuple[list[Hop], int]:
        """Some of the hops since the last call, and how many the kernel reported and nobody read."""
        assert self._hops is not None, "nobody reads before open()"
        return self._hops.take(0, MOST)

    def fileno(self) -> int:
        """For poll."""
        assert self._hops is not None, "nobody waits before open()"
        return self._hops.fileno()

    def close(self) -> None:
        """Take everything back."""
        if self._hops is None:
            return
        self._stop_listening()
        clean(self._netns)

    def _stop_listening(self) -> None:
        if self._hops is not None:
            self._hops.close()
        if self._connections is not None:
            self._connections.close()
        self._hops = self._connections = None

    def _names(self) -> Mapping[int, str]:
        return dict(in_netns(self._netns, socket.if_nameindex))


def _probes(points: Iterable[Point], devices: Mapping[str, int]) -> str:
    return ruleset(points, tuple(devices), table=PROBES, snaplen=SNAPLEN)


def tables(netns: str) -> list[str]:
    """The probes' tables in a namespace, with their families. Raises LiveUnavailable."""
    listed = _nft(netns, "list", "tables").splitlines()
    return [line.removeprefix("table ") for line in listed if line.endswith(f" {PROBES}")]


def clean(netns: str) -> int:
    """Take the probes out of a namespace; how many tables there were. Raises LiveUnavailable."""
    found = tables(netns)
    if found:
        _nft(netns, "-f", "-", stdin="".join(f"delete table {table}\n" for table in found))
    return len(found)


def is_orphaned(netns: str) -> bool:
    """Whether probes are there and nobody listens to them. Raises LiveUnavailable."""
    if not tables(netns):
        return False
    try:
        NflogReader(in_netns(netns, _netlink), (GROUP,)).close()
    except PermissionError:  # the group has its listener
        return False
    return True


def _netlink() -> int:
    return open_socket().detach()


def _nft(netns: str, *arguments: str, stdin: str = "") -> str:
    try:
        return in_netns(netns, lambda: output("nft", *arguments, stdin=stdin))
    except ToolMissing:
        raise LiveUnavailable("the command nft is not there (Debian package nftables)") from None
    except ToolFailed as error:
        raise LiveUnavailable(str(error)) from None
