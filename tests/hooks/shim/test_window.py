"""Who is asked about packets is asked about as many as he answers in time."""

from pystack.hooks.shim.window import LEAST, MOST, Window


def test_answers_that_come_soon_widen_it() -> None:
    window = Window(1.0)
    first = window.size
    window.answered(0.5, 1.0)
    assert window.size == first + 1
    for _ in range(MOST):
        window.answered(0.0, 1.0)
    assert window.size == MOST


def test_a_late_answer_halves_it_and_those_behind_it_not_again() -> None:
    window = Window(1.0)
    first = window.size
    for now in (5.0, 5.5, 6.0):
        window.answered(0.6, now)
    assert window.size == first // 2
    window.answered(0.6, 6.1)
    assert window.size == first // 4


def test_it_never_closes() -> None:
    window = Window(1.0)
    for now in range(2, 100, 2):
        window.shrink(now)
    assert window.size == LEAST
