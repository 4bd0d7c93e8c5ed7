"""A host with a bridge over ports that a test drives."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import trio
import trio.testing

from pystack.drivers.memory import MemoryDriver
from pystack.drivers.port import PortDriver
from pystack.drivers.pump import Pump
from pystack.events import Event, Printk
from pystack.host import Host
from pystack.l2 import kinds
from pystack.l2.port import PortDevice
from pystack.wire.ethernet import BROADCAST, header

VM1 = bytes.fromhex("02aa00000001")
VM2 = bytes.fromhex("02aa00000002")
UNUSED_TYPE = 0x88B5  # IEEE 802 local experimental: no protocol handles it


def frame(number: int = 0, *, size: int = 60, to: bytes = BROADCAST, sender: bytes = VM1) -> bytes:
    """A frame that nobody but a bridge handles; different for each number."""
    return (header(to, sender, UNUSED_TYPE) + number.to_bytes(8, "big")).ljust(size, b".")


class Lab:
    """Ports p1, p2, … of br0, all up: what arrives at one leaves by the others."""

    def __init__(self, ports: int = 2) -> None:
        self.host = Host(seed=1)
        self.netns = self.host.init
        self.bridge = kinds.create(self.netns.devices, "bridge", "br0")
        self.netns.devices.set_up(self.bridge)
        self.log: list[str] = []
        self.ports = [self.add_port(f"p{n}") for n in range(1, ports + 1)]
        self.host.events.subscribe(self._hear)

    def add_port(self, name: str) -> PortDevice:
        port = self.netns.add_port(name)
        self.netns.devices.set_master(port, self.bridge)
        self.netns.devices.set_up(port)
        return port

    def memory(self) -> list[MemoryDriver]:
        """A driver for each port."""
        return [MemoryDriver(port) for port in self.ports]

    def _hear(self, event: Event) -> None:
        if isinstance(event, Printk):
            self.log.append(event.text)


async def until(condition: Callable[[], bool]) -> None:
    """Wait for what other tasks, or the kernel, are about to do."""
    with trio.fail_after(10):
        while not condition():  # noqa: ASYNC110 - nobody could set an event
            await trio.sleep(0.001)


@asynccontextmanager
async def running(lab: Lab, *drivers: PortDriver) -> AsyncIterator[Pump]:
    """A pump that drives these, and for which every fault is fatal."""
    pump = Pump(lab.host, wall=lambda: 1_000.0, faults_are_fatal=True)
    for driver in drivers:
        pump.add(driver)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pump.run)
        await trio.testing.wait_all_tasks_blocked()
        yield pump
        nursery.cancel_scope.cancel()
