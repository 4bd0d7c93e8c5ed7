"""Driving a TAP: frames with a virtio header, both ways, through a raw descriptor.

The header lets the kernel hand over TCP as frames of up to 64 KiB, so that what Python costs per octet nearly
vanishes.
"""

from __future__ import annotations

import errno
import os

from pystack.drivers.port import PortDriver, Receive, close_descriptor
from pystack.drivers.vnet_header import BURST_OCTETS, READ_ROOM, split_header
from pystack.l2.port import PortDevice
from pystack.wire.virtio import NONE, build_header


class TapDriver(PortDriver):
    """One end of a TAP; the other is a device of the kernel's. `features` as of `open_tap`."""

    def __init__(self, dev: PortDevice, fd: int, features: int) -> None:
        super().__init__(dev)
        self._fd = fd
        self._has_header = bool(features)
        dev.features = features

    def fileno(self) -> int:
        """The TAP's."""
        return self._fd

    def read_burst(self, budget: int, receive: Receive) -> int:
        """Read while something waits."""
        dev, fd, has_header = self.dev, self._fd, self._has_header
        octets = 0
        for moved in range(budget):
            try:
                data = os.read(fd, READ_ROOM)
            except BlockingIOError:
                return moved
            except OSError as error:
                self._read_failed(error)
                return moved
            if has_header:
                frame, offload = split_header(data)
                receive(dev, frame, offload)
            else:
                receive(dev, data, NONE)
            octets += len(data)
            if octets >= BURST_OCTETS:
                return moved + 1
        return budget

    def flush(self) -> None:
        """Write all that waits; a full TAP drops and counts."""
        tx, fd, has_header = self.dev.tx, self._fd, self._has_header
        while tx:
            frame, offload = tx.popleft()
            try:
                if has_header:
                    os.writev(fd, (build_header(offload), frame))
                else:
                    os.write(fd, frame)
            except OSError as error:
                self._write_failed(error)

    def close(self) -> None:
        """A TAP that is not persistent goes with its last descriptor."""
        super().close()
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
        if error.errno == errno.EAGAIN:
            self.count_dropped(1)
        elif error.errno == errno.EBADFD:
            self.fail("its TAP was deleted")
        else:  # EIO: the kernel's side is down; EINVAL: a header that this kernel does not take
            self.count_refused()
