"""Waiting longer and longer."""

from pystack.drivers.backoff import Backoff


def test_the_first_attempt_is_made_at_once_and_the_others_ever_later() -> None:
    backoff = Backoff()
    assert [backoff.next_delay() for _ in range(9)] == [0, 0.05, 0.1, 0.2, 0.4, 0.8, 1.6, 2.0, 2.0]


def test_after_a_success_the_waits_are_short_again_but_not_none() -> None:
    backoff = Backoff()
    for _ in range(9):
        backoff.next_delay()
    backoff.reset()
    assert [backoff.next_delay() for _ in range(3)] == [0.05, 0.1, 0.2]
