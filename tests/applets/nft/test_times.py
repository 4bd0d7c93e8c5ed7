"""Durations, times of day and dates, there and back."""

import pytest

from pystack.applets.nft.times import (
    date_text,
    duration_text,
    hour_text,
    parse_date,
    parse_duration,
    parse_hour,
)


@pytest.mark.parametrize("text", ["1d2h3m4s5ms", "30s", "7d", "100ms"])
def test_a_duration_comes_back_as_it_was_written(text: str) -> None:
    duration = parse_duration(text)
    assert isinstance(duration, int)
    assert duration_text(duration) == text


def test_a_duration_without_a_unit_is_of_seconds() -> None:
    assert parse_duration("90") == 90_000
    assert duration_text(90_000) == "1m30s"
    assert duration_text(90_999, only_seconds=True) == "90s"


def test_a_time_of_day_is_local_and_kept_in_utc() -> None:
    assert parse_hour("00:30", 3600) == 86400 - 1800
    assert hour_text(86400 - 1800, 3600) == "00:30"
    assert parse_hour("01:02:03", 0) == 3723
    assert parse_hour("3723", 3600) == 3723
    assert parse_hour("2h", 0) == 7200


def test_a_date_is_local_and_kept_in_utc() -> None:
    noon = parse_date("2026-11-20 12:00", 3600)
    assert isinstance(noon, int)
    assert date_text(noon, 3600) == "2026-11-20 12:00:00"
    assert date_text(noon, 0) == "2026-11-20 11:00:00"
    assert parse_date("10", 3600) == 10 * 10**9
