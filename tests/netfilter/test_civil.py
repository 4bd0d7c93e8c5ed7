"""The calendar."""

from datetime import UTC, datetime

import pytest

from pystack.netfilter.civil import moment, seconds_of


@pytest.mark.parametrize("seconds", [0, 951782400, 951868799, 1709164800, 1795158000, 2147483647, 4102444799])
def test_moments_are_those_of_the_gregorian_calendar(seconds: int) -> None:
    there = datetime.fromtimestamp(seconds, UTC)
    ours = moment(seconds)
    assert ours[:6] == (there.year, there.month, there.day, there.hour, there.minute, there.second)
    assert ours.weekday == there.isoweekday() % 7


def test_days_begin_where_the_moments_say() -> None:
    for day in range(0, 60000, 17):
        then = moment(day * 86400)
        assert seconds_of(then.year, then.month, then.day) == day * 86400
