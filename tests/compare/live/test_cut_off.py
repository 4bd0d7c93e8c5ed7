"""What becomes of packets that are on their way when a comparison ends, or when reports are lost."""

from dataclasses import replace

from pystack.compare.live.comparison import Comparison
from tests.compare.live.made import PING, building, entering

WHOLE = entering(PING)
CUT = [replace(hop, packet=2) for hop in entering(PING.replace("id 7", "id 8"))[:3]]


def ended(over: float) -> list[bool]:
    """Which are the same, of one that began at 1 and one that began at 3 and is cut off by the end."""
    comparison = Comparison(building())
    comparison.hear(WHOLE, 1.0)
    comparison.hear(CUT, 3.0)
    return [verdict.is_same for verdict in comparison.rest(over)]


def test_one_that_began_before_the_end_is_compared_and_one_that_began_later_is_not() -> None:
    assert ended(2.0) == [True]
    assert ended(4.0) == [True, False]


def test_one_of_whose_reports_some_are_lost_is_not_compared() -> None:
    comparison = Comparison(building())
    comparison.hear(CUT, 1.0, lost=1)
    assert [verdict.unplayed for verdict in comparison.rest()] == ["some of its reports are lost"]
    assert (comparison.tally.lost, comparison.tally.differ) == (1, 0)
