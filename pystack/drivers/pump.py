"""The pump: moves frames between the descriptors of a host's ports and its core, and runs its timers.

    wait_readable -> clock -> up to 64 frames, the backlog after each -> one flush of every port with a queue

trio is here and in the drivers' `ready`, never per packet: an await costs more than a packet does. There is
one task a port and one for the timers, none for a flow, a frame or a timer. Everything between two awaits is
one *burst*: the clock stands still, and what the core wants to send is collected and written at its end.

Whoever else calls into the core while the pump runs (a command, a reload) does it inside
`with pump.burst():`.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from math import inf
from typing import Final, NoReturn

import trio

from pystack.drivers.lingering import Lingering
from pystack.drivers.port import PortDriver
from pystack.events import Printk
from pystack.host import Host
from pystack.l2.port import PortDevice
from pystack.wire.checksum import Buffer
from pystack.wire.virtio import Offload

BUDGET: Final = 64  # frames of one port before others get their turn. Linux: NAPI_POLL_WEIGHT
TURNS: Final = 8  # bursts in a row before trio's other tasks get theirs
SHOWN_OCTETS: Final = 2048  # of a frame that the core failed on
FAULTS_LOGGED: Final = 100  # after that only every hundredth, so that a flood of them does not fill the disk

logger = logging.getLogger("pystack.pump")


class Pump:
    """Drives one host under trio, with trio's clock.

    `add` and `remove` work before and while `run` runs. With `faults_are_fatal` (tests) an exception of the
    core ends `run`; without, it costs its frame, is counted in `faults` and logged with the frame's bytes.
    """

    def __init__(
        self, host: Host, *, wall: Callable[[], float] = time.time, faults_are_fatal: bool = False
    ) -> None:
        self.host = host
        self.faults = 0
        self.on_settled: Callable[[], None] = _nobody_waits  # called at the end of every burst
        self._wall = wall
        self._faults_are_fatal = faults_are_fatal
        self._drivers: dict[PortDriver, trio.CancelScope] = {}
        self._lingering = Lingering()
        self._dirty: list[PortDriver] = []  # whose device has something to send
        self._writing: set[PortDriver] = set()  # which have half a frame to send
        self._nursery: trio.Nursery | None = None
        self._origin = 0.0  # trio's time when the host's clock showed 0
        self._bell = trio.Event()  # wakes the timer task
        self._armed = inf  # the host's time for which the timer task sleeps

    @property
    def drivers(self) -> tuple[PortDriver, ...]:
        """In the order in which they were added."""
        return tuple(self._drivers)

    def add(self, driver: PortDriver) -> None:
        """Start to move the frames of a port."""
        driver.dev.wake = partial(self._dirty.append, driver)
        if driver.dev.tx:  # it was woken before anybody listened
            self._dirty.append(driver)
        self._drivers[driver] = trio.CancelScope()
        self._sync_carrier(driver)
        self._start(driver)

    def remove(self, driver: PortDriver) -> None:
        """Stop to move the frames of a port, once what it has to send is sent; closing it is the caller's."""
        if driver.failure is None:
            self._flush(driver)
        driver.dev.wake = _nobody_waits
        self._dirty[:] = [other for other in self._dirty if other is not driver]
        self._lingering.forget(driver)
        self._drivers.pop(driver).cancel()

    async def run(self) -> NoReturn:
        """Pump until cancelled."""
        self._origin = trio.current_time() - self.host.clock.now
        self.host.clock.wall = self._wall()
        try:
            with self._lingering:
                async with trio.open_nursery() as nursery:
                    self._nursery = nursery
                    for driver in self._drivers:
                        self._start(driver)
                    await self._run_timers()
        finally:
            self._nursery = None

    @contextmanager
    def burst(self) -> Iterator[None]:
        """Call into the core from elsewhere: the clock is set before, what is to be sent is sent after."""
        self._set_clock()
        try:
            yield
        finally:
            self._settle()

    # --- ports ------------------------------------------------------------------------------------------

    def _start(self, driver: PortDriver) -> None:
        if self._nursery is not None:
            self._nursery.start_soon(self._serve, driver, self._drivers[driver])
            self._see_to_the_rest(driver)  # of what another pump began

    async def _serve(self, driver: PortDriver, until_removed: trio.CancelScope) -> None:
        with until_removed:
            while driver.failure is None:
                try:
                    await driver.ready()
                except trio.ClosedResourceError:
                    if driver.closed:
                        return
                except Exception as error:
                    self._fail(driver, error)
                else:
                    if self._move(driver) and driver.fileno() >= 0:
                        self._linger(driver)
            self._report_failure(driver, driver.failure)

    def _linger(self, driver: PortDriver) -> None:
        """Stay a little, and serve whatever port has frames next, before trio gets the processor back."""
        self._lingering.watch(driver)
        for _ in range(TURNS):
            ready = self._lingering.wait()
            if not ready:
                return
            for other in ready:
                self._move(other)

    def _move(self, driver: PortDriver) -> int:
        """One burst of one port."""
        self._set_clock()
        self._sync_carrier(driver)
        moved = 0
        try:
            moved = driver.read_burst(BUDGET, self._receive)
        except Exception as error:
            self._fail(driver, error)
        self._sync_carrier(driver)
        self._settle()
        return moved

    def _receive(self, dev: PortDevice, frame: Buffer, offload: Offload) -> None:
        """One frame into the core, and what it put into the backlog: the core's order is the kernel's."""
        host = self.host
        try:
            dev.net.ingress.receive(dev, frame, offload)
            if host.backlog.queue:
                host.run_backlog()
        except Exception:
            if self._faults_are_fatal:
                raise
            self.count_fault(f"a frame from {dev.name}", bytes(frame[:SHOWN_OCTETS]))

    def _settle(self) -> None:
        """The end of a burst: backlog, one flush of every port, the next deadline."""
        host = self.host
        if host.backlog.queue:
            try:
                host.run_backlog()
            except Exception:
                if self._faults_are_fatal:
                    raise
                self.count_fault("a frame of the backlog", b"")
        for driver in self._dirty:  # which grows if a flush has consequences, such as a lost carrier
            self._flush(driver)
        self._dirty.clear()
        deadline = host.next_deadline()
        if deadline is not None and deadline < self._armed:
            self._bell.set()
        self.on_settled()

    def _flush(self, driver: PortDriver) -> None:
        try:
            driver.flush()
        except Exception as error:
            self._fail(driver, error)
        self._sync_carrier(driver)
        self._see_to_the_rest(driver)

    def _see_to_the_rest(self, driver: PortDriver) -> None:
        if driver.is_writing and driver not in self._writing and self._nursery is not None:
            self._writing.add(driver)
            self._nursery.start_soon(self._finish_writing, driver)

    async def _finish_writing(self, driver: PortDriver) -> None:
        try:
            await driver.finish_writing()
        except trio.ClosedResourceError:
            pass
        finally:
            self._writing.discard(driver)

    def _sync_carrier(self, driver: PortDriver) -> None:
        """Tell the device whether there is still somebody at the other end."""
        dev = driver.dev
        if dev.carrier is driver.carrier:
            return
        self._lingering.forget(driver)  # a connection came or went, and its descriptor with it
        if driver.failure is not None:
            driver.interrupt()
        for netns in self.host.namespaces.values():
            if netns.link is dev.net:
                netns.devices.set_carrier(dev, driver.carrier)

    # --- time -------------------------------------------------------------------------------------------

    def _set_clock(self) -> None:
        if self._nursery is not None:  # before `run` the host's clock shows what it was built with
            self.host.clock.set(trio.current_time() - self._origin)

    async def _run_timers(self) -> NoReturn:
        """Sleep until the host's next deadline, or until a burst brought an earlier one; run what is due."""
        host = self.host
        while True:
            self._bell = trio.Event()
            deadline = host.next_deadline()
            self._armed = inf if deadline is None else deadline
            with trio.CancelScope(deadline=self._armed + self._origin) as sleep:
                await self._bell.wait()
            self._set_clock()
            if sleep.cancelled_caught:  # adding and taking away the origin may have rounded down
                host.clock.set(self._armed)
            try:
                host.run_timers()
            except Exception:
                if self._faults_are_fatal:
                    raise
                self.count_fault("a timer", b"")
            self._settle()

    # --- faults -----------------------------------------------------------------------------------------

    def count_fault(self, what: str, frame: bytes) -> None:
        """An exception of the core is a fault of ours: it costs this frame, not the daemon."""
        self.faults += 1
        if self.faults <= FAULTS_LOGGED or self.faults % FAULTS_LOGGED == 0:
            logger.exception("fault %d of the core, on %s: %s", self.faults, what, frame.hex())

    def _fail(self, driver: PortDriver, error: Exception) -> None:
        """A driver raised what it should have dealt with: a fault of ours, which costs this port."""
        if self._faults_are_fatal:
            raise error
        logger.error("%s: fault of its driver", driver.dev.name, exc_info=error)
        driver.fail(f"its driver failed: {error!r}")

    def _report_failure(self, driver: PortDriver, why: str) -> None:
        """A port is dead: its device loses its carrier, and the user hears why."""
        self._lingering.forget(driver)
        with self.burst():
            driver.drop_unsent()
            self._sync_carrier(driver)
            text = f"{driver.dev.name}: {why}"
            logger.error("%s; its carrier is off", text)
            self.host.events.emit(Printk(driver.dev.net.drop.netns, text))


def _nobody_waits() -> None:
    pass
