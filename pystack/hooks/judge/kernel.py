"""What a judge asks of the kernel whose packets it judges: connections, and to send what the copy answers."""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from typing import Final, Protocol

from pystack.drivers.kernel_netns import in_netns
from pystack.hooks.ctnetlink import ConnReader
from pystack.hooks.nfnetlink import NfnetlinkSocket, open_socket
from pystack.hooks.shim.placement import tracks
from pystack.hooks.shim.rules import saved_rules
from pystack.netfilter.conntrack.snapshot import Snapshot
from pystack.netfilter.conntrack.tuples import read
from pystack.wire.ipv4 import address_text

_SO_MARK: Final = 36
_DESTINATION: Final = slice(16, 20)
_TRANSLATES: Final = re.compile(
    r"-j (MASQUERADE|SNAT|DNAT|REDIRECT|NETMAP)\b|\b(masquerade|snat|dnat|redirect)\b"
)


class Kernel(Protocol):
    """One namespace of it."""

    @property
    def tracks(self) -> bool:
        """Whether it tracks connections."""

    @property
    def translates(self) -> bool:
        """Whether some rule of its own translates addresses."""

    def connection(self, key: bytes) -> Snapshot | None:
        """The connection that has this tuple in one of its directions."""

    def send(self, packet: bytes, mark: int) -> None:
        """Have it route and send a packet, through its own rules."""


def translates(saved: Mapping[str, str]) -> bool:
    """Whether some rule of a host's translates addresses."""
    return any(_TRANSLATES.search(text) for text in saved.values())


class LiveKernel:
    """Reached over two sockets, which were opened in the namespace."""

    def __init__(self, netlink: socket.socket, raw: socket.socket, saved: Mapping[str, str]) -> None:
        self.tracks = tracks(saved)
        self.translates = translates(saved)
        self.unsent = 0
        self._netlink = NfnetlinkSocket(netlink.detach())
        self._reader = ConnReader(self._netlink)
        self._raw = raw

    def connection(self, key: bytes) -> Snapshot | None:
        """The connection that has this tuple in one of its directions."""
        try:
            return self._reader.get(read(key))
        except OSError:  # connections are not tracked there, or not those of such a protocol
            return None

    def send(self, packet: bytes, mark: int) -> None:
        """What it refuses (no route, a rule of OUTPUT) is counted: so a host's own answers get lost, too."""
        try:
            self._raw.setsockopt(socket.SOL_SOCKET, _SO_MARK, mark)
            self._raw.sendto(packet, (address_text(int.from_bytes(packet[_DESTINATION], "big")), 0))
        except OSError:
            self.unsent += 1

    def close(self) -> None:
        """Ask no more."""
        self._netlink.close()
        self._raw.close()


def open_kernel(netns: str) -> LiveKernel:
    """Takes CAP_NET_ADMIN and CAP_NET_RAW there. Raises PermissionError, ShimsUnavailable."""
    netlink, raw = in_netns(netns, lambda: (open_socket(), _open_raw()))
    return LiveKernel(netlink, raw, saved_rules(netns))


def _open_raw() -> socket.socket:
    sock = socket.socket(socket.AF_INET, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.IPPROTO_RAW)
    sock.setblocking(False)
    return sock
