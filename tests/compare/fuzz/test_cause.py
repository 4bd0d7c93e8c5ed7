"""Which differences are one fault, and which of them came first."""

import pytest

from pystack.compare.diff import Difference
from pystack.compare.fuzz.cause import cause_of, first_of
from pystack.compare.records import Frame, Hop

FRAME = Frame(2, "tap1", "out", b"x")
HOP = Hop(2, 1, "bridge", "FORWARD", 50, None, None, None, "tap1", "tap2", None, None, 0, b"x")


def difference(
    cause: str = "only pystack has it", at: str = "port tap1", step: int = 1, record: Frame | Hop = FRAME
) -> Difference:
    return Difference("VERDICT", step, at, None, record, cause)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (difference(at="port tap1"), difference(at="port tap2")),
        (difference("fdb: 02:00:00:00:aa:01 dev tap1"), difference("fdb: 02:00:00:00:aa:06 dev tap3")),
        (difference("neigh: 10.0.0.1 dev br0"), difference("neigh: 10.0.1.7 dev br1")),
        (difference("line 3: 'a' is not 'b'"), difference("line 12: 'a' is not 'b'")),
        (difference(step=1), difference(step=9)),
    ],
)
def test_whom_it_met_does_not_matter(one: Difference, other: Difference) -> None:
    assert cause_of(one) == cause_of(other)


@pytest.mark.parametrize(
    "other",
    [
        difference("ip.ttl"),
        difference(at="bridge FORWARD 50"),
        Difference("EGRESS", 1, "port tap1", None, FRAME, "only pystack has it"),
    ],
)
def test_what_happened_and_where_does(other: Difference) -> None:
    assert cause_of(difference()) != cause_of(other)


def test_how_much_was_counted_does_not_matter_in_what_a_command_prints() -> None:
    few, many = (
        Difference("OUTPUT", 1, "ip -s link show dev br0", None, None, f"line 4: '{left}' is not '{right}'")
        for left, right in (("  9   1", "  9   2"), ("100  17", "100 119"))
    )
    assert cause_of(few) == cause_of(many)


def test_two_points_of_one_hook_are_two_places() -> None:
    assert cause_of(difference(at="bridge FORWARD 50")) != cause_of(difference(at="bridge FORWARD -150"))


def test_the_first_is_of_the_first_step_and_there_on_the_way() -> None:
    at_the_end, on_the_way = difference(step=2), difference(step=2, record=HOP)
    assert first_of([difference(step=5), at_the_end, on_the_way]) is on_the_way
    assert first_of([difference(step=5), at_the_end]) is at_the_end
    assert first_of([]) is None
