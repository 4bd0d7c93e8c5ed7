"""A host that runs in no time at all: the clock jumps from deadline to deadline.

For tests, the lab and commands without a daemon. Where the pump waits, this computes; apart from that both do
the same in the same order.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

from pystack.host import Host
from pystack.l2.port import PortDevice
from pystack.wire.checksum import Buffer
from pystack.wire.pcap import NANOSECONDS, Captured
from pystack.wire.virtio import NONE, Offload

ROUNDS: Final = 100_000  # backlog runs at one moment; a loop of veths would go on for ever


class VirtualTime:
    """Runs one host; frames that leave by a port wait in its `tx` until they are taken."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.rounds = ROUNDS

    def push(self, dev: PortDevice, frame: Buffer, offload: Offload = NONE) -> None:
        """A frame arrives now; what it causes now, has happened on return."""
        dev.net.ingress.receive(dev, frame, offload)
        self.settle()

    def take(self, dev: PortDevice) -> list[tuple[Buffer, Offload]]:
        """What was sent by a port since the last call."""
        sent = list(dev.tx)
        dev.tx.clear()
        return sent

    def replay(self, dev: PortDevice, frames: Iterable[Captured]) -> None:
        """Frames of a capture arrive: the first now, the others as long after it as when captured."""
        start, first = self.host.clock.now, None
        for captured in frames:
            first = captured.time if first is None else first
            wait = start + (captured.time - first) / NANOSECONDS - self.host.clock.now
            self.advance(max(wait, 0.0))
            self.push(dev, captured.frame)

    def settle(self) -> None:
        """Let everything happen that is to happen now; a loop of veths ends after so many `rounds`."""
        host = self.host
        for _ in range(self.rounds):
            host.run_timers()
            if not host.backlog.queue:
                return
            host.run_backlog()

    def advance(self, seconds: float) -> None:
        """Let time pass, stopping at every deadline on the way."""
        clock = self.host.clock
        end = clock.now + seconds
        self.settle()
        while (deadline := self._next_timer()) is not None and deadline <= end:
            clock.set(deadline)
            self.settle()
        clock.set(end)

    def run_until(self, condition: Callable[[], bool], limit: float) -> bool:
        """Let time pass until something is true, at most `limit` seconds; whether it is."""
        clock = self.host.clock
        end = clock.now + limit
        self.settle()
        while not condition():
            deadline = self._next_timer()
            if deadline is None or deadline > end:
                clock.set(end)
                return condition()
            clock.set(deadline)
            self.settle()
        return True

    def _next_timer(self) -> float | None:
        return self.host.timers.next_deadline()
