"""What stands elsewhere on the other side is found there, the likeliest place first."""

from __future__ import annotations

from dataclasses import replace
from operator import attrgetter

from pystack.compare.moved import Move, Twin, moves
from pystack.compare.records import Frame, Log, Record, State

ONE = Frame(1, "tap1", "out", b"one")


def same(left: Record, right: Record) -> bool:
    return bool(attrgetter("data")(left) == attrgetter("data")(right))


def moved(kernel: dict[int, Record | None], pystack: dict[int, Record | None]) -> dict[int, Twin]:
    return moves(kernel, pystack, same)[0]


def test_a_record_has_moved_in_order_to_another_port_or_to_another_step() -> None:
    for twin, move in (
        (ONE, Move.ORDER),
        (replace(ONE, port="tap2"), Move.EGRESS),
        (replace(ONE, step=2), Move.STEP),
    ):
        assert moved({0: ONE, 1: None}, {0: None, 1: twin}) == {0: Twin(twin, move)}


def test_another_order_is_likelier_than_another_port_and_that_than_another_step() -> None:
    later, elsewhere = replace(ONE, step=2), replace(ONE, port="tap2")
    assert moved({0: ONE}, {1: later, 2: elsewhere, 3: ONE}) == {0: Twin(ONE, Move.ORDER)}
    assert moved({0: ONE}, {1: later, 2: elsewhere}) == {0: Twin(elsewhere, Move.EGRESS)}


def test_another_port_in_another_step_is_another_frame() -> None:
    assert moved({0: ONE}, {1: replace(ONE, step=2, port="tap2")}) == {}


def test_what_stands_side_by_side_has_not_moved() -> None:
    assert moves({0: ONE}, {0: ONE}, same) == ({}, set())


def test_a_record_is_the_twin_of_one_only() -> None:
    found, taken = moves({0: ONE, 1: ONE}, {2: ONE}, same)
    assert (list(found), taken) == ([0], {2})


def test_a_table_does_not_move() -> None:
    state, log = State(1, "fdb", "a"), Log(1, "a")
    assert moves({0: state}, {1: state}, lambda left, right: True) == ({}, set())
    assert moves({0: log}, {1: state}, lambda left, right: True) == ({}, set())
