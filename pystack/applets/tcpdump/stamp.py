"""The time in front of a line, as -t to -ttttt want it."""

from __future__ import annotations

from typing import Final

from pystack.applets.tcpdump.page import Look

NONE: Final = 1
UNIX: Final = 2
SINCE_PREVIOUS: Final = 3
WITH_DATE: Final = 4
SINCE_FIRST: Final = 5

NANO: Final = 1_000_000_000
DAY: Final = 86_400


class Stamps:
    """Knows the moment to count from. tcpdump: util-print.c ts_print()"""

    def __init__(self, look: Look) -> None:
        self._look = look
        self._reference = 0  # nanoseconds; 0 is none yet

    def text(self, time: int) -> str:
        """Of a frame that was captured `time` nanoseconds after 1970, with a space behind it."""
        kind = self._look.t
        if kind == NONE:
            return ""
        if not self._look.nano:
            time = time // 1000 * 1000
        if kind in (SINCE_PREVIOUS, SINCE_FIRST):
            return self._difference(time, kind)
        seconds, fraction = divmod(time, NANO)
        if seconds & 0x80000000:
            return "[Error converting time] "
        if kind == UNIX:
            return f"{seconds & 0xFFFFFFFF}{self._fraction(fraction)} "
        local = seconds + self._look.utc_offset
        date = _date(local // DAY) + " " if kind == WITH_DATE else ""
        return f"{date}{_clock(local)}{self._fraction(fraction)} "

    def _difference(self, time: int, kind: int) -> str:
        if not self._reference:
            self._reference = time
        sign = "-" if time < self._reference else " "
        seconds, fraction = divmod(abs(time - self._reference), NANO)
        if kind == SINCE_PREVIOUS:
            self._reference = time
        return f"{sign}{_clock(seconds)}{self._fraction(fraction)} "

    def _fraction(self, nano: int) -> str:
        return f".{nano:09d}" if self._look.nano else f".{nano // 1000:06d}"


def _clock(seconds: int) -> str:
    of_day = seconds % DAY
    return f"{of_day // 3600:02d}:{of_day // 60 % 60:02d}:{of_day % 60:02d}"


def _date(days: int) -> str:
    """The Gregorian date so many days after 1970-01-01, counted in eras of 400 years from a March."""
    era, day_of_era = divmod(days + 719_468, 146_097)
    year_of_era = (day_of_era - day_of_era // 1460 + day_of_era // 36_524 - day_of_era // 146_096) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted_month = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * shifted_month + 2) // 5 + 1
    month = shifted_month + 3 if shifted_month < 10 else shifted_month - 9
    year = year_of_era + era * 400 + (month <= 2)
    return f"{year:04d}-{month:02d}-{day:02d}"
