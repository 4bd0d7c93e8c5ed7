"""Like with like where there is like, the rest in order."""

from __future__ import annotations

from operator import eq

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pystack.compare.align import align, pair_up
from pystack.compare.records import Frame, Log


def anything(left: object, right: object) -> bool:
    return True


@pytest.mark.parametrize(
    ("left", "right", "pairs"),
    [
        ("abc", "abc", ["aa", "bb", "cc"]),
        ("abc", "ac", ["aa", "b-", "cc"]),
        ("ac", "abc", ["aa", "-b", "cc"]),
        ("abc", "axc", ["aa", "bx", "cc"]),
        ("", "ab", ["-a", "-b"]),
        ("ab", "ba", ["a-", "bb", "-a"]),
    ],
)
def test_what_is_alike_is_paired_and_the_rest_stands_side_by_side(
    left: str, right: str, pairs: list[str]
) -> None:
    found = pair_up(left, right, eq, anything)
    shown = [f"{mine or '-'}{other or '-'}" for mine, other in found]
    assert shown == pairs


def test_what_is_not_even_near_stands_alone() -> None:
    assert pair_up("aXb", "aYZb", eq, lambda mine, other: other == "Z") == [
        ("a", "a"),
        (None, "Y"),
        ("X", "Z"),
        ("b", "b"),
    ]


@given(st.text("abc", max_size=12), st.text("abc", max_size=12))
def test_every_record_stands_in_exactly_one_pair_and_in_its_order(left: str, right: str) -> None:
    pairs = pair_up(left, right, eq, anything)
    assert "".join(mine for mine, _ in pairs if mine is not None) == left
    assert "".join(other for _, other in pairs if other is not None) == right


def test_long_streams_are_paired_too() -> None:
    left = list(range(2000))
    right = [number for number in left if number % 7]
    pairs = pair_up(left, right, eq, anything)
    assert sum(mine == other for mine, other in pairs) == len(right)


def test_frames_are_compared_in_order_at_one_port_and_in_no_order_between_ports() -> None:
    one, two = Frame(1, "tap1", "out", b"one"), Frame(1, "tap2", "out", b"two")
    pairs = align([one, two], [two, one], eq, anything)
    assert all(pair.kernel == pair.pystack for pair in pairs)


def test_what_was_put_in_is_not_compared() -> None:
    entered = Frame(1, "tap1", "in", b"frame")
    assert align([entered], [], eq, anything) == []


def test_pairs_come_step_by_step() -> None:
    logs = [Log(2, "later"), Log(1, "first")]
    assert [pair.step for pair in align(logs, [], eq, anything)] == [1, 2]
