"""The clock that packets see."""

from pystack.clock import Clock


def test_both_clocks_move_together() -> None:
    clock = Clock(now=10.0, wall=1000.0)
    clock.set(12.5)
    assert (clock.now, clock.wall) == (12.5, 1002.5)


def test_time_never_runs_backwards() -> None:
    clock = Clock(now=10.0, wall=1000.0)
    clock.set(9.0)
    assert (clock.now, clock.wall) == (10.0, 1000.0)


def test_jiffies_count_whole_ticks() -> None:
    assert Clock(now=1.999, hz=250).jiffies == 499
    assert Clock(now=2.0, hz=250).jiffies == 500
    assert Clock(now=2.0, hz=1000).jiffies == 2000
