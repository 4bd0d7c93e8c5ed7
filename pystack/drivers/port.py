"""What every driver is: the shell's half of a port, between a device of the core and a descriptor.

The pump calls, in this order and only from one task: `ready` (the only place that waits), `read_burst`, and
`flush` once the core has run. None of the last two awaits, sleeps or raises for what the outside does.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass

import trio

from pystack.l2.port import PortDevice
from pystack.wire.checksum import Buffer
from pystack.wire.virtio import Offload

Receive = Callable[[PortDevice, Buffer, Offload], None]  # how a driver hands a frame to the core


@dataclass(slots=True)
class DriverStats:
    """What happened on the outer side of a port; the device's own counters are in `dev.stats`."""

    read_errors: int = 0  # a read failed, or gave what is no frame
    tx_dropped: int = 0  # the outside was full: EAGAIN
    tx_errors: int = 0  # the outside refused the frame
    connections: int = 0  # that were made so far, where there is such a thing


class PortDriver(ABC):
    """Base of all drivers. `carrier` says whether somebody is at the other end; the pump tells the device."""

    def __init__(self, dev: PortDevice, *, carrier: bool = True) -> None:
        self.dev = dev
        self.stats = DriverStats()
        self.carrier = carrier
        self.closed = False
        self.failure: str | None = None  # why the port is dead for good, in one sentence

    def fileno(self) -> int:
        """What frames are read from; -1 where there is no descriptor, or none at the moment."""
        return -1

    async def ready(self) -> None:
        """Wait until `read_burst` has something to do; always a checkpoint.

        Raises trio.ClosedResourceError when interrupted, for whatever reason.
        """
        await trio.lowlevel.wait_readable(self.fileno())

    @abstractmethod
    def read_burst(self, budget: int, receive: Receive) -> int:
        """Hand over up to about `budget` frames that wait outside; how many there were.

        Whatever is left makes the descriptor readable: nothing that is whole stays in the driver.
        """

    @abstractmethod
    def flush(self) -> None:
        """Send all that the core put into `dev.tx`; what the outside does not take is dropped and counted."""

    @property
    def is_writing(self) -> bool:
        """Half a frame is written; the rest goes out by `finish_writing`."""
        return False

    async def finish_writing(self) -> None:
        """Wait until the other half of a frame is out, or void; most drivers know no halves."""
        return None

    def close(self) -> None:
        """Let the descriptors go. The driver must not be in a pump any more."""
        self.closed = True

    def fail(self, sentence: str) -> None:
        """The port is dead: no carrier from now on, and nothing more is read. The pump tells the user."""
        self.failure = sentence
        self.carrier = False

    def interrupt(self) -> None:
        """Make whoever waits in `ready` look again."""
        interrupt(self.fileno())

    def drop_unsent(self) -> None:
        """Nobody is there to take what waits."""
        self.count_dropped(len(self.dev.tx))
        self.dev.tx.clear()

    def count_dropped(self, frames: int) -> None:
        """The outside had no room."""
        self.stats.tx_dropped += frames
        self.dev.stats.tx_dropped += frames

    def count_refused(self) -> None:
        """The outside did not take a frame for what it is."""
        self.stats.tx_errors += 1
        self.dev.stats.tx_errors += 1


def interrupt(fd: int) -> None:
    """Make whoever waits for a descriptor look again: `ready` raises trio.ClosedResourceError."""
    if fd >= 0 and trio.lowlevel.in_trio_run():
        trio.lowlevel.notify_closing(fd)


def close_descriptor(fd: int) -> None:
    """Close, and tell whoever waits."""
    interrupt(fd)
    os.close(fd)
