"""What a judge asks of the kernel whose packets it judges: connections, and to send what the copy answers."""

from __future__ import annotations

import socket
from typing import Final, NamedTuple, Protocol

from pystack.drivers.kernel_netns import in_netns
from pystack.hooks.ctnetlink import ConnReader
from pystack.hooks.nfnetlink import NfnetlinkSocket, open_socket
from pystack.hooks.shim.placement import tracks, translates
from pystack.hooks.shim.rules import ShimsUnavailable, saved_rules
from pystack.netfilter.conntrack.snapshot import Snapshot
from pystack.netfilter.conntrack.tuples import read
from pystack.wire.ipv4 import address_text

_SO_MARK: Final = 36
_DESTINATION: Final = slice(16, 20)


class Kernel(Protocol):
    """One namespace of it."""

    @property
    def tracks(self) -> bool:
        """Whether it tracks connections."""

    @property
    def translates(self) -> bool:
        """Whether some rule of its own translates addresses."""

    @property
    def unsent(self) -> int:
        """How many packets and frames it did not send."""

    def connection(self, key: bytes) -> Snapshot | None:
        """The connection that has this tuple in one of its directions."""

    def send(self, packet: bytes, mark: int) -> None:
        """Have it route and send a packet, through its own rules."""

    def send_frame(self, device: str, frame: bytes) -> None:
        """Have it send a frame by a device, past its rules."""


class Sockets(NamedTuple):
    """What a LiveKernel speaks over."""

    netlink: socket.socket
    raw: socket.socket
    frames: socket.socket


class LiveKernel:
    """Reached over sockets that were opened in the namespace."""

    def __init__(self, netns: str, sockets: Sockets) -> None:
        self.tracks = self.translates = False
        self.unsent = 0
        self._netns = netns
        self._netlink = NfnetlinkSocket(sockets.netlink.detach())
        self._reader = ConnReader(self._netlink)
        self._raw, self._frames = sockets.raw, sockets.frames

    def look(self) -> None:
        """Read what its rules do. Takes its time. Raises ShimsUnavailable."""
        saved = saved_rules(self._netns)
        self.tracks, self.translates = tracks(saved), translates(saved)

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

    def send_frame(self, device: str, frame: bytes) -> None:
        """The same of one that it refuses (the device is down)."""
        try:
            self._frames.sendto(frame, (device, 0))
        except OSError:
            self.unsent += 1

    def close(self) -> None:
        """Ask no more."""
        self._netlink.close()
        self._raw.close()
        self._frames.close()


def open_kernel(netns: str) -> LiveKernel:
    """Takes CAP_NET_ADMIN and CAP_NET_RAW there. Raises PermissionError, ShimsUnavailable."""
    kernel = LiveKernel(netns, in_netns(netns, _open_sockets))
    try:
        kernel.look()
    except ShimsUnavailable:
        kernel.close()
        raise
    return kernel


def _open_sockets() -> Sockets:
    raw = socket.socket(socket.AF_INET, socket.SOCK_RAW | socket.SOCK_CLOEXEC, socket.IPPROTO_RAW)
    frames = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0)  # 0: hears nothing
    for sock in (raw, frames):
        sock.setblocking(False)
    return Sockets(open_socket(), raw, frames)
