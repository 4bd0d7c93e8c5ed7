"""A capture file in place of a cable: its frames arrive with its own times, and what is sent is recorded."""

from __future__ import annotations

from collections.abc import Iterator
from math import inf
from typing import BinaryIO

import trio

from pystack.drivers.port import PortDriver, Receive
from pystack.l2.port import PortDevice
from pystack.wire import capture, pcapng
from pystack.wire.checksum import Buffer
from pystack.wire.malformed import Malformed
from pystack.wire.pcap import NANOSECONDS, Captured
from pystack.wire.virtio import NONE


class PcapDriver(PortDriver):
    """Replays `data`, a pcap or pcapng file, if there is any; writes what is sent to `record`, as pcapng.

    The first frame arrives at once, the others as long after it as they were captured after it. A file that
    ends in garbage is replayed up to there, and then the port fails. `record` is closed with the driver.
    """

    def __init__(self, dev: PortDevice, data: Buffer | None = None, record: BinaryIO | None = None) -> None:
        super().__init__(dev)
        self._frames: Iterator[Captured | Malformed] = iter(()) if data is None else capture.parse(data)
        self._next = next(self._frames, None)
        self._first = self._next.time if isinstance(self._next, Captured) else 0
        self._start: float | None = None  # trio's time of the first frame
        self._interrupted = trio.Event()
        self._record = record
        dev.features = 0  # what is recorded is what would be on a wire
        if record is not None:
            self._write(pcapng.section_header() + pcapng.interface(dev.name))

    async def ready(self) -> None:
        """Wait for the time of the next frame."""
        if self._start is None:
            self._start = trio.current_time()
        with trio.CancelScope(deadline=self._due()):
            await self._interrupted.wait()
        if self.closed:
            raise trio.ClosedResourceError

    def read_burst(self, budget: int, receive: Receive) -> int:
        """Hand over the frames whose time has come."""
        now = trio.current_time()
        for moved in range(budget):
            found = self._next
            if self._due() > now:
                return moved
            if isinstance(found, Malformed):
                self.stats.read_errors += 1
                self.fail(f"its capture cannot be read on: {found.value}")
            if not isinstance(found, Captured):
                return moved
            self._next = next(self._frames, None)
            receive(self.dev, found.frame, NONE)
        return budget

    def flush(self) -> None:
        """Record what is sent, with the host's calendar time."""
        if self._record is None:
            self.dev.tx.clear()  # nobody is there, as behind a memory port
            return
        time = int(self.dev.net.clock.wall * NANOSECONDS)
        sent = [pcapng.packet(0, time, frame, direction="out") for frame, _ in self.dev.tx]
        self.dev.tx.clear()
        self._write(b"".join(sent))

    def close(self) -> None:
        """Nothing arrives any more; the record is complete."""
        super().close()
        self.interrupt()
        if self._record is not None:
            self._record.close()

    def interrupt(self) -> None:
        """Make `ready` return."""
        self._interrupted.set()

    def _due(self) -> float:
        """When there is something to do: to hand over a frame, or to say that there will be none."""
        if self._next is None:
            return inf
        if self._start is None or isinstance(self._next, Malformed):
            return -inf
        return self._start + (self._next.time - self._first) / NANOSECONDS

    def _write(self, octets: bytes) -> None:
        """A regular file never makes its writer wait long, but it may run out of room."""
        if self._record is None:
            return
        try:
            self._record.write(octets)
            self._record.flush()
        except OSError as error:
            self.stats.tx_errors += 1
            self.fail(f"its record cannot be written: {error.strerror}")
