"""The network cards of a test VM: what stands behind each, and how QEMU is told.

Socket cards carry no virtio header: the guest sends whole frames with finished checksums, as long as its MTU.
A TAP of QEMU's own carries one, and the guest uses its offloads.
"""

from __future__ import annotations

import os
import socket
from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pystack.compare.lab.errors import FrameRefused

FRAME_LIMIT: Final = 65536
SOCKET_BUFFER: Final = 4 << 20


class VmPort(ABC):
    """One card. A port belongs to one VM, and ends with it."""

    @abstractmethod
    def netdev(self) -> str:
        """QEMU's -netdev, without the id."""

    def descriptors(self) -> tuple[int, ...]:
        """What QEMU inherits."""
        return ()

    def hand_over(self) -> None:
        """QEMU runs and has its descriptors: ours would only keep the other end from seeing it go."""
        return None

    def close(self) -> None:
        """The VM is off."""
        return None


class SocketPairPort(VmPort):
    """The other end is here: send() is what the card receives, drain() what it sent. Needs no rights."""

    def __init__(self, name: str = "vm") -> None:
        self.name = name
        self._ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._ours.setblocking(False)
        for end in (self._ours, theirs):
            end.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BUFFER)
        self._theirs = theirs

    def netdev(self) -> str:
        return f"dgram,local.type=fd,local.str={self._theirs.fileno()}"

    def descriptors(self) -> tuple[int, ...]:
        return (self._theirs.fileno(),)

    def hand_over(self) -> None:
        self._theirs.close()

    def fileno(self) -> int:
        return self._ours.fileno()

    def send(self, frame: bytes) -> None:
        try:
            self._ours.send(frame)
        except OSError as error:
            raise FrameRefused(self.name, error) from error

    def drain(self) -> list[bytes]:
        frames: list[bytes] = []
        while True:
            try:
                frames.append(self._ours.recv(FRAME_LIMIT))
            except BlockingIOError:
                return frames

    def close(self) -> None:
        self._ours.close()
        self._theirs.close()


@dataclass(frozen=True)
class UnixStreamPort(VmPort):
    """A stream socket by path, each frame behind its length in four octets."""

    path: Path
    listen: bool = False  # QEMU listens, and waits for nobody

    def netdev(self) -> str:
        server = "on" if self.listen else "off"
        return f"stream,server={server},addr.type=unix,addr.path={self.path}"


@dataclass(frozen=True)
class UnixDgramPort(VmPort):
    """Datagram sockets by path, a frame each: QEMU's own, and the one it sends to."""

    path: Path
    peer: Path

    def netdev(self) -> str:
        return f"dgram,local.type=unix,local.path={self.path},remote.type=unix,remote.path={self.peer}"


class TapPort(VmPort):
    """A TAP that somebody opened for QEMU, in whatever namespace; QEMU itself needs no rights for it.

    The descriptor is the port's from now on.
    """

    def __init__(self, fd: int) -> None:
        self._fd = fd

    def netdev(self) -> str:
        return f"tap,fd={self._fd},vhost=off"

    def descriptors(self) -> tuple[int, ...]:
        return (self._fd,)

    def hand_over(self) -> None:
        self.close()

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
