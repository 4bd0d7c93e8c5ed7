"""The heap of timers."""

from hypothesis import given
from hypothesis import strategies as st

from pystack.clock import Clock
from pystack.timers import Timers


class Alarm:
    """A clock with timers, and a list of what rang."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.timers = Timers(self.clock)
        self.rang: list[object] = []

    def ring(self, name: object) -> None:
        self.rang.append(name)

    def move_to(self, now: float) -> None:
        self.clock.set(now)
        self.timers.run_expired()


def test_timers_run_in_the_order_of_their_deadlines() -> None:
    alarm = Alarm()
    for delay in (3, 1, 2):
        alarm.timers.after(delay, lambda delay=delay: alarm.ring(delay))  # type: ignore[misc]
    alarm.move_to(10)
    assert alarm.rang == [1, 2, 3]


def test_equal_deadlines_run_in_the_order_in_which_they_were_set() -> None:
    alarm = Alarm()
    for name in "abc":
        alarm.timers.at(5, lambda name=name: alarm.ring(name))  # type: ignore[misc]
    alarm.move_to(5)
    assert alarm.rang == ["a", "b", "c"]


def test_a_timer_runs_at_its_deadline_and_not_before() -> None:
    alarm = Alarm()
    alarm.timers.at(5, lambda: alarm.ring("x"))
    alarm.move_to(4.999)
    assert alarm.rang == []
    alarm.move_to(5)
    assert alarm.rang == ["x"]
    alarm.move_to(6)
    assert alarm.rang == ["x"]


def test_a_cancelled_timer_never_runs() -> None:
    alarm = Alarm()
    timer = alarm.timers.after(1, lambda: alarm.ring("x"))
    assert timer.pending
    timer.cancel()
    timer.cancel()
    alarm.move_to(2)
    assert not timer.pending
    assert alarm.rang == []
    assert len(alarm.timers) == 0


def test_cancelling_after_it_ran_changes_nothing() -> None:
    alarm = Alarm()
    timer = alarm.timers.after(1, lambda: alarm.ring("x"))
    alarm.timers.after(5, lambda: alarm.ring("y"))
    alarm.move_to(1)
    timer.cancel()
    assert len(alarm.timers) == 1


def test_a_timer_is_not_pending_while_it_runs() -> None:
    alarm = Alarm()
    timer = alarm.timers.after(1, lambda: alarm.ring(timer.pending))
    alarm.move_to(1)
    assert alarm.rang == [False]


def test_the_next_deadline_skips_the_cancelled() -> None:
    alarm = Alarm()
    assert alarm.timers.next_deadline() is None
    first = alarm.timers.at(1, lambda: alarm.ring(1))
    alarm.timers.at(2, lambda: alarm.ring(2))
    assert alarm.timers.next_deadline() == 1
    first.cancel()
    assert alarm.timers.next_deadline() == 2
    alarm.move_to(2)
    assert alarm.timers.next_deadline() is None


def test_a_timer_may_set_another_for_now() -> None:
    alarm = Alarm()

    def first() -> None:
        alarm.ring("first")
        alarm.timers.after(0, lambda: alarm.ring("second"))

    alarm.timers.at(1, first)
    alarm.move_to(1)
    assert alarm.rang == ["first", "second"]


def test_a_timer_may_cancel_one_that_is_due_with_it() -> None:
    alarm = Alarm()
    alarm.timers.at(1, lambda: victim.cancel())
    victim = alarm.timers.at(1, lambda: alarm.ring("victim"))
    alarm.move_to(1)
    assert alarm.rang == []


def test_a_million_cancelled_timers_do_not_pile_up() -> None:
    alarm = Alarm()
    keeper = alarm.timers.at(10_000, lambda: alarm.ring("kept"))
    for _ in range(20_000):
        alarm.timers.after(60, lambda: alarm.ring("never")).cancel()
    assert len(alarm.timers._heap) <= 2 * 64 + 2
    assert keeper.pending
    alarm.move_to(10_000)
    assert alarm.rang == ["kept"]


@given(st.lists(st.tuples(st.integers(0, 50), st.booleans()), max_size=300))
def test_any_mix_of_setting_and_cancelling_runs_the_living_in_order(plan: list[tuple[int, bool]]) -> None:
    alarm = Alarm()
    living = []
    for number, (deadline, cancelled) in enumerate(plan):
        timer = alarm.timers.at(deadline, lambda number=number: alarm.ring(number))  # type: ignore[misc]
        if cancelled:
            timer.cancel()
        else:
            living.append((deadline, number))
    assert len(alarm.timers) == len(living)
    alarm.move_to(50)
    assert alarm.rang == [number for _, number in sorted(living)]
    assert len(alarm.timers) == 0
