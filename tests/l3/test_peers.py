"""What is remembered of other hosts."""

import pytest

from pystack.clock import Clock
from pystack.l3 import peers
from pystack.l3.peers import Peers


def test_a_stranger_has_saved_up_a_minute() -> None:
    known = Peers(Clock(now=1000.0))
    assert known.may_tell(1, 60 * 250, 60 * 250)
    assert not known.may_tell(1, 1, 60 * 250)


def test_nobody_saves_up_more_than_the_most() -> None:
    known = Peers(Clock(now=1000.0))
    told = sum(known.may_tell(1, 250, 5 * 250) for _ in range(20))
    assert told == 5


def test_a_flood_of_peers_is_forgotten_from_its_oldest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(peers, "_MOST", 10)
    known = Peers(Clock(now=1000.0))
    for address in range(100):
        assert known.may_tell(address, 250, 250)
    assert len(known) == 10
    assert not known.may_tell(95, 250, 250)
    assert known.may_tell(5, 250, 250)


def test_savings_are_cut_with_the_next_tick_or_at_once_where_that_is_asked() -> None:
    """Two kinds of limits share the savings, and only one of them cuts within a tick."""
    clock = Clock(now=1000.0)
    known = Peers(clock)
    assert known.may_tell(1, 250, 5 * 250, cuts_at_once=True)
    assert known.may_tell(1, 0, 0)  # has nothing to lose within the tick
    assert known.may_tell(1, 250, 5 * 250, cuts_at_once=True)
    clock.set(1001.0)
    assert known.may_tell(1, 0, 0)
    assert not known.may_tell(1, 250, 5 * 250, cuts_at_once=True)
