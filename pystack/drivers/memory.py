"""A port without a descriptor: a test, or a lab, is what stands behind it."""

from __future__ import annotations

from collections import deque

import trio

from pystack.drivers.port import PortDriver, Receive
from pystack.l2.port import PortDevice
from pystack.wire.checksum import Buffer
from pystack.wire.virtio import NONE, Offload


class MemoryDriver(PortDriver):
    """`push` frames in, `take` out what was sent."""

    def __init__(self, dev: PortDevice) -> None:
        super().__init__(dev)
        self._arriving: deque[tuple[Buffer, Offload]] = deque()
        self._sent: list[tuple[Buffer, Offload]] = []
        self._arrived = trio.Event()

    def push(self, frame: Buffer, offload: Offload = NONE) -> None:
        """A frame arrives; the core sees it when the pump comes by."""
        self._arriving.append((frame, offload))
        self._arrived.set()

    def take(self) -> list[bytes]:
        """The frames that were sent since the last call."""
        return [bytes(frame) for frame, _ in self.take_with_offload()]

    def take_with_offload(self) -> list[tuple[Buffer, Offload]]:
        """The same, each with what is still owed on it."""
        sent, self._sent = self._sent, []
        return sent

    async def ready(self) -> None:
        """Wait for `push`."""
        await self._arrived.wait()
        if self.closed:
            raise trio.ClosedResourceError

    def read_burst(self, budget: int, receive: Receive) -> int:
        """Hand over what was pushed."""
        arriving, moved = self._arriving, 0
        while arriving and moved < budget:
            frame, offload = arriving.popleft()
            receive(self.dev, frame, offload)
            moved += 1
        if not arriving and not self.closed:
            self._arrived = trio.Event()
        return moved

    def flush(self) -> None:
        """Keep what is sent for `take`."""
        self._sent += self.dev.tx
        self.dev.tx.clear()

    def close(self) -> None:
        """Nothing arrives any more."""
        super().close()
        self.interrupt()

    def interrupt(self) -> None:
        """Make `ready` return."""
        self._arrived.set()
