"""`-m time`"""

from __future__ import annotations

import re
from typing import Final

from pystack.applets.iptables.extension import MatchExtension, Site
from pystack.applets.iptables.option import U8, Given, Option, Values, Where, prefix
from pystack.applets.iptables.refused import Refused
from pystack.applets.tcpdump.names import Names
from pystack.netfilter.civil import moment, seconds_of
from pystack.netfilter.matches.time import Time
from pystack.netfilter.rule import Match

_WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
ALL_WEEKDAYS: Final = 0xFE
ALL_MONTHDAYS: Final = 0xFFFFFFFE
LAST_SECOND: Final = 86399
LATEST: Final = 0x7FFFFFFF
_DECIMAL: Final = re.compile(r"\s*([-+]?\d+)")


def _decimal(text: str) -> tuple[int, str]:
    """strtoul() with base 10: what is no number is 0."""
    found = _DECIMAL.match(text)
    return (0, text) if found is None else (int(found[1]), text[found.end() :])


def _time(text: str, where: Where) -> int:
    """Linux: libxt_time.c time_parse_minutes()"""
    hour, rest = _decimal(text)
    if rest.startswith(":") and 0 <= hour <= 23:
        text = rest[1:]
        minute, rest = _decimal(text)
        if not rest and 0 <= minute <= 59:
            return (hour * 60 + minute) * 60
        if rest.startswith(":") and 0 <= minute <= 59:
            text = rest[1:]
            second, rest = _decimal(text)
            if not rest and 0 <= second <= 59:
                return (hour * 60 + minute) * 60 + second
    why = "should be hh:mm[:ss] format and within the boundaries"
    raise Refused(f'invalid time "{text}" specified, {why}')


# What stands behind each part of a date, and the largest that it may be.
_DATE_PARTS: Final = (("-", 2038), ("-", 12), ("T", 31), (":", 23), (":", 59), ("", 59))


def _date(text: str, where: Where) -> int:
    """Linux: libxt_time.c time_parse_date()"""
    parts, rest = [0, 1, 1, 0, 0, 0], text
    for number, (separator, most) in enumerate(_DATE_PARTS):
        parts[number], rest = _decimal(rest)
        if not 0 <= parts[number] <= most or parts[0] < 1970 or (rest and rest[0] != separator):
            raise Refused(f'Invalid date "{text}" specified. Should be YYYY[-MM[-DD[Thh[:mm[:ss]]]]]')
        if not rest:
            break
        rest = rest[1:]
    year, month = (parts[0], parts[1]) if parts[1] else (parts[0] - 1, 12)
    return seconds_of(year, month, parts[2]) + (parts[3] * 60 + parts[4]) * 60 + parts[5]


def _segments(text: str, length: int) -> list[str]:
    """What stands between commas, cut to so many characters. Linux: libxt_time.c my_strseg()"""
    parts = text.split(",")
    return [part[:length] for part in (parts if parts[-1] else parts[:-1])]


def _monthdays(text: str, where: Where) -> int:
    mask = 0
    for part in _segments(text, 2):
        day, rest = prefix(part, 31)
        if rest or (day is None and part):
            raise Refused(f"{part} is not a valid day for --monthdays")
        mask |= 1 << (day or 0)
    return mask


def _weekdays(text: str, where: Where) -> int:
    mask = 0
    for part in _segments(text, 3):
        number, rest = prefix(part, 999)
        if not rest:
            if not number:
                raise Refused("No, the week does NOT begin with Sunday.")
            mask |= 1 << number
            continue
        known = [day for day, name in enumerate(_WEEKDAYS, 1) if name[:2] == part[:2]]
        if not known:
            raise Refused(f"{part} is not a valid day specifier")
        mask |= 1 << known[0]
    return mask & U8  # where the eighth day is lost


def _mask_of(given: Given | None, all_days: int) -> int:
    if given is None:
        return all_days
    return int(given.value) ^ (all_days if given.inverted else 0)


def clock_text(second: int) -> str:
    """`10:00:00`"""
    return f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"


def date_text(seconds: int, between: str) -> str:
    """With the time of day."""
    day = moment(seconds)
    return f"{day.year:04}-{day.month:02}-{day.day:02}{between}{clock_text(seconds % 86400)}"


def _days(mask: int) -> list[int]:
    return [day for day in range(1, 32) if mask >> day & 1]


def _ordinal(day: int) -> str:
    return f"{day}{ {1: 'st', 2: 'nd', 3: 'rd'}.get(day % 10, 'th') }"


class TimeExtension(MatchExtension):
    """Linux: libxt_time.c"""

    name = "time"
    options = (
        Option("timestart", _time),
        Option("timestop", _time),
        Option("monthdays", _monthdays, invert=True),
        Option("weekdays", _weekdays, invert=True),
        Option("datestart", _date),
        Option("datestop", _date),
        Option("utc", excludes=("localtz", "kerneltz")),
        Option("localtz", excludes=("utc", "kerneltz")),
        Option("kerneltz", excludes=("utc", "localtz")),
        Option("contiguous"),
    )

    def check(self, values: Values) -> None:
        """A night that belongs to the day before must be a night."""
        start, stop = times_of(values)
        if "contiguous" in values and start < stop:
            why = "--contiguous only makes sense when stoptime is smaller than starttime"
            raise Refused(f"time: {why}")

    def save(self, values: Values) -> str:
        """What the kernel was told, in the tool's order."""
        words: list[str] = []
        start, stop = times_of(values)
        if (start, stop) != (0, LAST_SECOND):
            words.append(f"--timestart {clock_text(start)} --timestop {clock_text(stop)}")
        monthdays, weekdays = masks_of(values)
        if monthdays != ALL_MONTHDAYS:
            words.append(f"--monthdays {','.join(map(str, _days(monthdays)))}")
        if weekdays != ALL_WEEKDAYS:
            words.append(f"--weekdays {','.join(_WEEKDAYS[day - 1] for day in _days(weekdays))}")
        first, last = dates_of(values)
        if first:
            words.append(f"--datestart {date_text(first, 'T')}")
        words += [f"--datestop {date_text(last, 'T')}"] if last else []
        words += ["--kerneltz"] if values.keys() & {"kerneltz", "localtz"} else []
        return " ".join([*words, "--contiguous"] if "contiguous" in values else words)

    def listing(self, values: Values, names: Names | None) -> str:
        """`TIME from 10:00:00 to 11:30:05 UTC`"""
        words = ["TIME"]
        start, stop = times_of(values)
        if (start, stop) != (0, LAST_SECOND):
            words.append(f"from {clock_text(start)} to {clock_text(stop)}")
        monthdays, weekdays = masks_of(values)
        if weekdays != ALL_WEEKDAYS:
            words.append(f"on {','.join(_WEEKDAYS[day - 1] for day in _days(weekdays))}")
        if monthdays != ALL_MONTHDAYS:
            words.append(f"on {','.join(map(_ordinal, _days(monthdays)))}")
        first, last = dates_of(values)
        if first:
            words.append(f"starting from {date_text(first, ' ')}")
        if last != LATEST:  # the tool shows no date at all for the first there is
            words.append(f"until date {date_text(last, ' ')}" if last else "until date")
        words += [] if values.keys() & {"kerneltz", "localtz"} else ["UTC"]
        return " ".join([*words, "contiguous"] if "contiguous" in values else words)

    def compile(self, values: Values, site: Site) -> tuple[Match, ...]:
        """One test."""
        monthdays, weekdays = masks_of(values)
        contiguous = "contiguous" in values
        return (Time(site.path, dates_of(values), times_of(values), weekdays, monthdays, contiguous),)


def times_of(values: Values) -> tuple[int, int]:
    """Of a day: the first second, and the last."""
    start = values["timestart"].value if "timestart" in values else 0
    return start, values["timestop"].value if "timestop" in values else LAST_SECOND


def dates_of(values: Values) -> tuple[int, int]:
    """The first second, and the last."""
    first = values["datestart"].value if "datestart" in values else 0
    return first, values["datestop"].value if "datestop" in values else LATEST


def masks_of(values: Values) -> tuple[int, int]:
    """Of the days of a month, and of those of a week."""
    monthdays = _mask_of(values.get("monthdays"), ALL_MONTHDAYS)
    return monthdays, _mask_of(values.get("weekdays"), ALL_WEEKDAYS)


EXTENSIONS: Final = (TimeExtension(),)
