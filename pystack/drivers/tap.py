"""Driving a TAP: frames with a virtio header, both ways, through a raw descriptor.

The header lets the kernel hand over TCP as frames of up to 64 KiB, so that what Python costs per octet nearly
vanishes. Such a frame is never copied here: `readv` puts it into a buffer of its own, `writev` takes it from
there.
"""

from __future__ import annotations

import errno
import os
from typing import Final

from pystack.drivers.port import PortDriver, Receive, close_descriptor
from pystack.l2.port import PortDevice
from pystack.wire.virtio import HEADER, HEADER_LENGTH, NONE, Offload, build_header

FRAME_ROOM: Final = 65536 + 18  # the largest IP packet with an Ethernet header and a tag
SMALL: Final = 4096  # up to here copying is cheaper than a new buffer
NO_HEADER: Final = bytes(HEADER_LENGTH)


class TapDriver(PortDriver):
    """One end of a TAP; the other is a device of the kernel's. `features` as of `open_tap`."""

    def __init__(self, dev: PortDevice, fd: int, features: int) -> None:
        super().__init__(dev)
        self._fd = fd
        self._has_header = bool(features)
        self._header = bytearray(HEADER_LENGTH)
        self._room = bytearray(FRAME_ROOM)
        dev.features = features

    def fileno(self) -> int:
        """The TAP's."""
        return self._fd

    def read_burst(self, budget: int, receive: Receive) -> int:
        """Read until nothing waits."""
        dev, fd, header = self.dev, self._fd, self._header
        buffers = [header, self._room] if self._has_header else [self._room]
        length = HEADER_LENGTH if self._has_header else 0
        for moved in range(budget):
            try:
                count = os.readv(fd, buffers) - length
            except BlockingIOError:
                return moved
            except OSError as error:
                self._read_failed(error)
                return moved
            room = self._room
            if count <= SMALL:
                frame: bytearray | memoryview = room[:count]
            else:
                frame = memoryview(room)[:count]
                self._room = buffers[-1] = bytearray(FRAME_ROOM)
            offload = NONE if header == NO_HEADER else Offload(*HEADER.unpack(header))
            receive(dev, frame, offload)
        return budget

    def flush(self) -> None:
        """Write all that waits; a full TAP drops and counts."""
        tx, fd = self.dev.tx, self._fd
        has_header = self._has_header
        while tx:
            frame, offload = tx.popleft()
            try:
                if has_header:
                    os.writev(fd, (NO_HEADER if offload is NONE else build_header(offload), frame))
                else:
                    os.write(fd, frame)
            except OSError as error:
                self._write_failed(error)

    def close(self) -> None:
        """A TAP that is not persistent goes with its last descriptor."""
        if self._fd >= 0:
            close_descriptor(self._fd)
            self._fd = -1

    def _read_failed(self, error: OSError) -> None:
        self.stats.read_errors += 1
        if error.errno == errno.EBADFD:
            self.fail("its TAP was deleted")
        else:
            self.fail(f"its TAP cannot be read: {error.strerror}")

    def _write_failed(self, error: OSError) -> None:
        """Linux: drivers/net/tun.c tun_get_user()"""
        stats = self.stats
        if error.errno == errno.EAGAIN:
            stats.tx_dropped += 1
            self.dev.stats.tx_dropped += 1
        elif error.errno == errno.EBADFD:
            self.fail("its TAP was deleted")
        else:  # EIO: the kernel's side is down; EINVAL: a header that this kernel does not take
            stats.tx_errors += 1
            self.dev.stats.tx_errors += 1
