"""A TAP of a lab: the end of it that is a descriptor, where a scenario's frames go in and come out."""

from __future__ import annotations

import errno
import fcntl
import os
from dataclasses import dataclass
from typing import Final

from pystack.compare.lab.errors import FrameRefused

IFF_TAP: Final = 0x0002
IFF_NO_PI: Final = 0x1000
IFF_VNET_HDR: Final = 0x4000
TUNSETOFFLOAD: Final = 0x400454D0
TUNSETPERSIST: Final = 0x400454CB
TUN_F_CSUM: Final = 0x01
TUN_F_TSO4: Final = 0x02
TUN_F_TSO6: Final = 0x04
TUN_F_USO4: Final = 0x20
TUN_F_USO6: Final = 0x40

VNET_HEADER: Final = 10  # octets of struct virtio_net_hdr, the kernel's default
READ_SIZE: Final = 65536 + VNET_HEADER + 18


@dataclass(frozen=True)
class OffloadFrame:
    """A frame with the virtio header that came or goes before it."""

    port: str
    header: bytes
    frame: bytes


class TapPort:
    """One port. Writing a frame runs the kernel's whole path for it before the write returns."""

    def __init__(self, name: str, address: bytes, fd: int, *, offload: bool) -> None:
        self.name = name
        self.address = address
        self.fd = fd
        self.header_size = VNET_HEADER if offload else 0
        if offload:
            self._take_offloads()

    def fileno(self) -> int:
        return self.fd

    def _take_offloads(self) -> None:
        """Let the kernel hand over unfinished checksums and frames longer than the MTU."""
        tso = TUN_F_CSUM | TUN_F_TSO4 | TUN_F_TSO6
        try:
            fcntl.ioctl(self.fd, TUNSETOFFLOAD, tso | TUN_F_USO4 | TUN_F_USO6)
        except OSError:
            fcntl.ioctl(self.fd, TUNSETOFFLOAD, tso)  # a kernel before 6.2 knows no USO

    def send(self, frame: bytes, header: bytes = bytes(VNET_HEADER)) -> None:
        try:
            os.write(self.fd, header + frame if self.header_size else frame)
        except OSError as error:
            raise FrameRefused(self.name, error) from error

    def drain(self) -> list[OffloadFrame]:
        """Every frame that waits, in the kernel's order for this port."""
        frames: list[OffloadFrame] = []
        while True:
            try:
                data = os.read(self.fd, READ_SIZE)
            except BlockingIOError:
                return frames
            except OSError as error:
                if error.errno == errno.EBADFD:  # the setup deleted the device
                    return frames
                raise
            cut = self.header_size
            frames.append(OffloadFrame(self.name, data[:cut], data[cut:]))

    def close(self) -> None:
        """Leave the device to its namespace, which takes all of its devices along when it goes.

        Closing the last descriptor of a TAP otherwise waits some 16 ms for the kernel to unregister it.
        """
        try:
            fcntl.ioctl(self.fd, TUNSETPERSIST, 1)
        except OSError:
            pass  # the device was deleted meanwhile
        os.close(self.fd)
