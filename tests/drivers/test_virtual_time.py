"""A host whose time is computed instead of waited for."""

from pystack.drivers.virtual_time import VirtualTime
from pystack.wire.pcap import Captured
from tests.drivers.lab import Lab, frame
from tests.drivers.test_pump import veth_loop

SECOND = 1_000_000_000


def test_what_a_frame_causes_has_happened_when_push_returns() -> None:
    lab = Lab()
    world = VirtualTime(lab.host)
    world.push(lab.ports[0], frame(1))
    assert [bytes(sent) for sent, _ in world.take(lab.ports[1])] == [frame(1)]
    assert world.take(lab.ports[1]) == []


def test_time_passes_from_deadline_to_deadline() -> None:
    lab = Lab()
    world = VirtualTime(lab.host)
    ran: list[float] = []

    def again() -> None:
        ran.append(lab.host.clock.now)
        lab.host.timers.after(1.0, again)

    again()
    world.advance(3.5)
    assert ran == [0.0, 1.0, 2.0, 3.0]
    assert lab.host.clock.now == 3.5
    world.advance(0.5)
    assert ran[-1] == 4.0


def test_it_stops_as_soon_as_a_condition_is_true() -> None:
    lab = Lab()
    world = VirtualTime(lab.host)
    ran: list[int] = []
    for delay in (1.0, 2.0, 3.0):
        lab.host.timers.after(delay, lambda: ran.append(1))
    assert world.run_until(lambda: len(ran) == 2, limit=10)
    assert lab.host.clock.now == 2.0
    assert not world.run_until(lambda: len(ran) == 4, limit=10)
    assert lab.host.clock.now == 12.0
    assert not world.run_until(lambda: False, limit=1)


def test_it_runs_until_nothing_is_pending() -> None:
    lab = Lab()
    world = VirtualTime(lab.host)
    ran: list[int] = []

    def then() -> None:
        lab.host.timers.after(50.0, lambda: ran.append(1))

    lab.host.timers.after(100.0, then)
    idle = lab.host.clock.now
    world.run_until(lambda: lab.host.timers.next_deadline() is None, 1000)
    assert ran == [1]
    assert lab.host.clock.now > idle


def test_a_loop_of_veths_ends_nevertheless() -> None:
    lab = Lab()
    veth_loop(lab)
    world = VirtualTime(lab.host)
    world.rounds = 50
    world.push(lab.ports[0], frame(1))
    assert lab.host.backlog.queue
    assert lab.host.outcomes.outstanding() == lab.host.queued()


def test_a_capture_is_replayed_with_its_own_times() -> None:
    lab = Lab()
    world = VirtualTime(lab.host)
    times: list[float] = []
    lab.ports[0].add_tap(lambda pkt, leaving: times.append(lab.host.clock.now))
    captured = [
        Captured(at, frame(n), 60) for n, at in enumerate((7 * SECOND, 9 * SECOND, 8 * SECOND, 57 * SECOND))
    ]
    world.replay(lab.ports[0], captured)
    assert times == [0.0, 2.0, 2.0, 50.0]
    assert [bytes(sent) for sent, _ in world.take(lab.ports[1])] == [frame(n) for n in range(4)]
