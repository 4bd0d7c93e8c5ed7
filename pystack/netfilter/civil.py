"""The calendar: what day and time a number of seconds is (proleptic Gregorian, no leap seconds)."""

from __future__ import annotations

from typing import Final, NamedTuple

_DAY: Final = 86400
_DAYS_OF_400_YEARS: Final = 146097
_EPOCH: Final = 719468  # days from 0000-03-01 to 1970-01-01
_THURSDAY: Final = 4  # 1970-01-01


class Moment(NamedTuple):
    """Parts of a calendar time; the week begins with Sunday, 0."""

    year: int
    month: int
    day: int
    hour: int
    minute: int
    second: int
    weekday: int


def moment(seconds: int) -> Moment:
    """Of seconds since 1970 (H. Hinnant's civil_from_days: years that begin in March)."""
    days, of_day = divmod(seconds, _DAY)
    era, of_era = divmod(days + _EPOCH, _DAYS_OF_400_YEARS)
    year_of_era = (of_era - of_era // 1460 + of_era // 36524 - of_era // 146096) // 365
    of_year = of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted = (5 * of_year + 2) // 153
    month = shifted + 3 if shifted < 10 else shifted - 9
    year = year_of_era + era * 400 + (month <= 2)
    day = of_year - (153 * shifted + 2) // 5 + 1
    minutes, second = divmod(of_day, 60)
    return Moment(year, month, day, minutes // 60, minutes % 60, second, (days + _THURSDAY) % 7)


def seconds_of(year: int, month: int, day: int) -> int:
    """The first second of a day (H. Hinnant's days_from_civil)."""
    shifted = year - (month <= 2)
    era, of_era = divmod(shifted, 400)
    of_year = (153 * (month + (-3 if month > 2 else 9)) + 2) // 5 + day - 1
    days = era * _DAYS_OF_400_YEARS + of_era * 365 + of_era // 4 - of_era // 100 + of_year - _EPOCH
    return days * _DAY
