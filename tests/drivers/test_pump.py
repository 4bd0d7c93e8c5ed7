"""The pump under trio's mock clock: ports are lists, time is what the test says."""

import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import pytest
import trio
import trio.testing

from pystack.drivers.memory import MemoryDriver
from pystack.drivers.port import PortDriver, Receive
from pystack.drivers.pump import BUDGET, Pump
from pystack.host import Host
from pystack.l2 import kinds
from pystack.l2.port import PortDevice
from pystack.wire.checksum import Buffer
from pystack.wire.virtio import NONE, Offload
from tests.drivers.lab import Lab, frame


@asynccontextmanager
async def running(pump: Pump) -> AsyncIterator[None]:
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pump.run)
        await trio.testing.wait_all_tasks_blocked()
        yield
        nursery.cancel_scope.cancel()


def make_pump(host: Host, *drivers: PortDriver) -> Pump:
    pump = Pump(host, wall=lambda: 1_000.0, faults_are_fatal=True)
    for driver in drivers:
        pump.add(driver)
    return pump


@pytest.mark.trio
async def test_a_frame_that_arrives_at_one_port_leaves_by_the_other() -> None:
    lab = Lab()
    one, two = lab.memory()
    async with running(make_pump(lab.host, one, two)):
        one.push(frame(1))
        await trio.testing.wait_all_tasks_blocked()
        assert two.take() == [frame(1)]
        assert one.take() == []


@pytest.mark.trio
async def test_ports_come_and_go_while_the_pump_runs() -> None:
    lab = Lab(3)
    one, two, three = lab.memory()
    pump = make_pump(lab.host, one, two)
    async with running(pump):
        pump.add(three)
        pump.remove(two)
        assert pump.drivers == (one, three)
        one.push(frame(1))
        await trio.testing.wait_all_tasks_blocked()
        assert (two.take(), three.take()) == ([], [frame(1)])
        two.push(frame(2))
        await trio.testing.wait_all_tasks_blocked()
        assert one.take() == []


@pytest.mark.trio
async def test_a_port_that_is_removed_at_once_is_never_served() -> None:
    lab = Lab()
    one, two = lab.memory()
    pump = make_pump(lab.host, two)
    async with running(pump):
        pump.add(one)
        pump.remove(one)
        one.push(frame(1))
        await trio.testing.wait_all_tasks_blocked()
        assert two.take() == []


@pytest.mark.trio
async def test_what_waited_before_the_pump_came_is_sent() -> None:
    lab = Lab()
    one, two = lab.memory()
    lab.netns.receive(lab.ports[0], frame(1))
    pump = make_pump(lab.host, one, two)
    async with running(pump):
        with pump.burst():
            pass
        assert two.take() == [frame(1)]


@pytest.mark.trio
async def test_what_a_port_has_to_send_is_sent_before_it_is_removed() -> None:
    lab = Lab()
    one, two = lab.memory()
    pump = make_pump(lab.host, one, two)
    lab.netns.receive(lab.ports[0], frame(1))
    pump.remove(two)
    assert two.take() == [frame(1)]


class Counting(MemoryDriver):
    """Notes the sizes of its bursts, and how often it is flushed."""

    def __init__(self, dev: PortDevice) -> None:
        super().__init__(dev)
        self.bursts: list[int] = []
        self.flushes = 0

    def read_burst(self, budget: int, receive: Receive) -> int:
        moved = super().read_burst(budget, receive)
        self.bursts.append(moved)
        return moved

    def flush(self) -> None:
        super().flush()
        self.flushes += 1


@pytest.mark.trio
async def test_a_burst_is_bounded_and_each_port_is_flushed_once_at_its_end() -> None:
    lab = Lab()
    one, two = (Counting(port) for port in lab.ports)
    for number in range(BUDGET + 10):
        one.push(frame(number))
    async with running(make_pump(lab.host, one, two)):
        assert one.bursts == [BUDGET, 10]
        assert two.flushes == 2
        assert one.flushes == 0
        assert two.take() == [frame(number) for number in range(BUDGET + 10)]


@pytest.mark.trio
async def test_a_port_that_never_runs_dry_lets_other_tasks_run() -> None:
    lab = Lab()
    one, two = lab.memory()

    class Endless(MemoryDriver):
        async def ready(self) -> None:
            await trio.lowlevel.checkpoint()

        def read_burst(self, budget: int, receive: Receive) -> int:
            for _ in range(budget):
                receive(self.dev, frame(0), NONE)
            return budget

    pump = make_pump(lab.host, Endless(lab.ports[0]), two)
    async with trio.open_nursery() as nursery:
        nursery.start_soon(pump.run)
        for _ in range(50):  # each is a turn of the loop that an endless burst would never grant
            await trio.lowlevel.checkpoint()
        assert len(two.take()) >= 10 * BUDGET
        nursery.cancel_scope.cancel()
    one.close()


@pytest.mark.trio
async def test_the_clock_is_set_once_a_burst_and_the_calendar_goes_along(
    mock_clock: trio.testing.MockClock,
) -> None:
    lab = Lab()
    (one, _) = lab.memory()
    lab.host.clock.now = 50.0
    times: list[tuple[float, float]] = []
    lab.ports[0].add_tap(lambda pkt, leaving: times.append((lab.host.clock.now, lab.host.clock.wall)))
    async with running(make_pump(lab.host, one)):
        mock_clock.jump(2.5)
        one.push(frame(1))
        one.push(frame(2))
        await trio.testing.wait_all_tasks_blocked()
        mock_clock.jump(1.0)
        one.push(frame(3))
        await trio.testing.wait_all_tasks_blocked()
    assert times == [(52.5, 1002.5), (52.5, 1002.5), (53.5, 1003.5)]


@pytest.mark.trio
async def test_timers_run_at_their_time_without_any_frame(autojump_clock: trio.testing.MockClock) -> None:
    host = Host(seed=1)
    host.clock.now = 0.1  # not a number that adding and taking away leaves alone
    ran: list[float] = []

    def again() -> None:
        ran.append(host.clock.now)
        if len(ran) < 4:
            host.timers.after(0.3, again)

    host.timers.after(0.2, again)
    started = trio.current_time()
    async with running(make_pump(host)):
        await trio.sleep(5)
        assert ran == [pytest.approx(at) for at in (0.3, 0.6, 0.9, 1.2)]
        assert trio.current_time() - started == pytest.approx(5)


@pytest.mark.trio
async def test_an_earlier_deadline_wakes_the_timers_that_sleep(
    autojump_clock: trio.testing.MockClock,
) -> None:
    host = Host(seed=1)
    ran: list[str] = []
    host.timers.at(1000.0, lambda: ran.append("late"))
    pump = make_pump(host)
    async with running(pump):
        with pump.burst():
            host.timers.at(1.0, lambda: ran.append("early"))
        await trio.sleep(2)
        assert ran == ["early"]


@pytest.mark.trio
async def test_what_a_command_sends_in_a_burst_of_its_own_is_sent_at_once() -> None:
    lab = Lab()
    one, two = lab.memory()
    pump = make_pump(lab.host, one, two)
    settled: list[int] = []
    pump.on_settled = lambda: settled.append(1)
    async with running(pump):
        before = len(settled)
        with pump.burst():
            lab.netns.receive(lab.ports[0], frame(1))
            assert two.take() == []
        assert two.take() == [frame(1)]
        assert len(settled) == before + 1


def veth_loop(lab: Lab) -> None:
    """Two veths between two bridges: a broadcast never ends."""
    devices = lab.netns.devices
    other = kinds.create(devices, "bridge", "br1")
    devices.set_up(other)
    for name in ("a", "b"):
        veth = kinds.create(devices, "veth", f"{name}0", peer=kinds.PeerSpec(f"{name}1"))
        devices.set_master(veth, lab.bridge)
        devices.set_master(devices[f"{name}1"], other)
        devices.set_up(veth)
        devices.set_up(devices[f"{name}1"])


@pytest.mark.trio
async def test_a_backlog_that_its_budget_left_comes_back_and_starves_nobody() -> None:
    lab = Lab()
    veth_loop(lab)
    one, two = lab.memory()
    async with trio.open_nursery() as nursery:
        nursery.start_soon(make_pump(lab.host, one, two).run)
        await trio.lowlevel.checkpoint()
        one.push(frame(1))
        for _ in range(20):
            await trio.lowlevel.checkpoint()
        assert lab.host.backlog.squeezed > 5
        one.push(frame(2))
        for _ in range(5):
            await trio.lowlevel.checkpoint()
        assert frame(2) in two.take()
        nursery.cancel_scope.cancel()


@pytest.mark.trio
async def test_the_backlog_runs_after_each_frame_of_a_burst() -> None:
    lab = Lab(1)
    devices = lab.netns.devices
    devices.set_up(kinds.create(devices, "veth", "v0", peer=kinds.PeerSpec("v1")))
    devices.set_master(devices["v0"], lab.bridge)
    devices.set_up(devices["v1"])
    seen: list[tuple[str, bytes]] = []

    def note(name: str) -> Callable[..., None]:
        return lambda pkt, leaving: seen.append((name, bytes(pkt.frame()))) if not leaving else None

    lab.ports[0].add_tap(note("p1"))
    devices["v1"].add_tap(note("v1"))
    (one,) = lab.memory()
    one.push(frame(1))
    one.push(frame(2))
    async with running(make_pump(lab.host, one)):
        pass
    assert seen == [("p1", frame(1)), ("v1", frame(1)), ("p1", frame(2)), ("v1", frame(2))]


def poison(port: PortDevice, bad: bytes) -> None:
    """Make the core raise for one frame, as a fault of ours would."""

    def tap(pkt: object, leaving: bool) -> None:
        if pkt.frame() == bad:  # type: ignore[attr-defined]
            raise ZeroDivisionError("planted")

    port.add_tap(tap)


@pytest.mark.trio
async def test_an_exception_of_the_core_costs_its_frame_and_is_logged_with_it(
    caplog: pytest.LogCaptureFixture,
) -> None:
    lab = Lab()
    one, two = lab.memory()
    poison(lab.ports[0], frame(2))
    pump = Pump(lab.host)
    pump.add(one)
    pump.add(two)
    async with running(pump):
        for number in (1, 2, 3):
            one.push(frame(number))
        await trio.testing.wait_all_tasks_blocked()
        assert two.take() == [frame(1), frame(3)]
    assert pump.faults == 1
    (record,) = caplog.records
    assert frame(2).hex() in record.getMessage()
    assert record.exc_info is not None
    assert record.exc_info[0] is ZeroDivisionError


@pytest.mark.trio
async def test_faults_in_timers_and_in_the_backlog_do_not_stop_the_pump(
    autojump_clock: trio.testing.MockClock, caplog: pytest.LogCaptureFixture
) -> None:
    lab = Lab()
    veth_loop(lab)
    pump = Pump(lab.host)
    one, two = lab.memory()
    pump.add(one)
    pump.add(two)
    ran: list[int] = []
    lab.host.timers.at(1.0, lambda: ran.append(1 // 0))
    lab.host.timers.at(1.0, lambda: ran.append(1))
    async with running(pump):
        await trio.sleep(2)
        assert ran == [1]
        poison(lab.netns.devices["a1"], frame(7))  # type: ignore[arg-type]
        poison(lab.netns.devices["b1"], frame(7))  # type: ignore[arg-type]
        one.push(frame(7))
        await trio.sleep(1)
        assert two.take() == [frame(7)]
    assert pump.faults == 3
    assert len(caplog.records) == 3


@pytest.mark.trio
async def test_tests_may_make_an_exception_of_the_core_fatal() -> None:
    lab = Lab()
    (one, _) = lab.memory()
    poison(lab.ports[0], frame(2))
    one.push(frame(2))
    with pytest.RaisesGroup(ZeroDivisionError):
        await make_pump(lab.host, one).run()


class Breaking(MemoryDriver):
    """Fails in the way that it is told to."""

    def __init__(self, dev: PortDevice) -> None:
        super().__init__(dev)
        self.how = ""

    def read_burst(self, budget: int, receive: Receive) -> int:
        if self.how == "read":
            self.fail("its cable was cut")
            return 0
        if self.how == "raise":
            raise RuntimeError("planted")
        return super().read_burst(budget, receive)

    def flush(self) -> None:
        if self.how == "flush":
            raise RuntimeError("planted")
        super().flush()


@pytest.mark.parametrize("how", ["read", "raise", "flush"])
@pytest.mark.trio
async def test_a_port_that_fails_loses_its_carrier_and_nothing_else_stops(
    how: str, caplog: pytest.LogCaptureFixture
) -> None:
    lab = Lab(3)
    one, two = lab.memory()[:2]
    broken = Breaking(lab.ports[2])
    pump = Pump(lab.host)
    for driver in (one, two, broken):
        pump.add(driver)
    async with running(pump):
        broken.how = how
        broken.push(frame(1))
        one.push(frame(2))
        await trio.testing.wait_all_tasks_blocked()
        assert not lab.ports[2].carrier
        assert broken.failure is not None
        assert any(text.startswith("p3: its ") for text in lab.log)
        assert "br0: port 3(p3) entered disabled state" in lab.log
        two.take()
        one.push(frame(3))
        await trio.testing.wait_all_tasks_blocked()
        assert two.take() == [frame(3)]
        assert not lab.ports[2].tx
        pump.remove(broken)
    assert any(record.levelno == logging.ERROR for record in caplog.records)


@pytest.mark.trio
async def test_a_failing_driver_is_fatal_where_faults_are() -> None:
    lab = Lab()
    broken = Breaking(lab.ports[0])
    broken.how = "raise"
    broken.push(frame(1))
    with pytest.RaisesGroup(RuntimeError):
        await make_pump(lab.host, broken).run()


@pytest.mark.trio
async def test_a_driver_moves_from_one_pump_to_another_without_closing() -> None:
    old, new = Lab(), Lab()
    one, two = old.memory()
    first, second = make_pump(old.host, one, two), make_pump(new.host)
    async with running(first), running(second):
        for driver, port in zip((one, two), new.ports, strict=True):
            first.remove(driver)
            driver.dev = port
            second.add(driver)
        one.push(frame(1))
        await trio.testing.wait_all_tasks_blocked()
        assert two.take() == [frame(1)]
        assert new.host.outcomes.received == 1
        assert old.host.outcomes.received == 0


@pytest.mark.trio
async def test_a_closed_driver_is_served_no_more() -> None:
    lab = Lab()
    one, two = lab.memory()
    async with running(make_pump(lab.host, one, two)):
        one.close()
        await trio.testing.wait_all_tasks_blocked()
        one.push(frame(1))
        await trio.testing.wait_all_tasks_blocked()
        assert two.take() == []


@pytest.mark.trio
async def test_what_is_owed_on_a_frame_travels_with_it() -> None:
    lab = Lab()
    one, two = lab.memory()
    owed = Offload(1, csum_start=20, csum_offset=6)
    taken: list[tuple[Buffer, Offload]] = []
    async with running(make_pump(lab.host, one, two)):
        one.push(frame(1), owed)
        await trio.testing.wait_all_tasks_blocked()
        taken = two.take_with_offload()
    assert taken == [(frame(1), owed)]
