"""`-m time`"""

from __future__ import annotations

import re
from typing import Final

from pystack.applets.iptables.extension import MatchExtension, Site
from pystack.applets.iptables.option import Given, Option, Values, Where
from pystack.applets.iptables.refused import Refused
from pystack.applets.tcpdump.names import Names
from pystack.netfilter.civil import moment, seconds_of
from pystack.netfilter.matches.time import Time
from pystack.netfilter.rule import Match

_WEEKDAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_ALL_WEEKDAYS: Final = 0xFE
_ALL_MONTHDAYS: Final = 0xFFFFFFFE
_LAST_SECOND: Final = 86399
_LATEST: Final = 0x7FFFFFFF
_TIME: Final = re.compile(r"(\d{1,2}):(\d{1,2})(?::(\d{1,2}))?")
_DATE: Final = re.compile(
    r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2})(?:T(\d{1,2})(?::(\d{1,2})(?::(\d{1,2}))?)?)?)?)?"
)


def _time(text: str, where: Where) -> int:
    found = _TIME.fullmatch(text)
    parts = [0, 0, 99] if found is None else [int(part or 0) for part in found.groups()]
    if parts[0] > 23 or parts[1] > 59 or parts[2] > 59:
        why = "should be hh:mm[:ss] format and within the boundaries"
        raise Refused(f'invalid time "{text}" specified, {why}')
    return (parts[0] * 60 + parts[1]) * 60 + parts[2]


def _date(text: str, where: Where) -> int:
    found = _DATE.fullmatch(text)
    defaults = (0, 1, 1, 0, 0, 0)
    parts = (
        [int(part or default) for part, default in zip(found.groups(), defaults, strict=True)]
        if found
        else []
    )
    if not parts or not 1970 <= parts[0] <= 2038 or not 1 <= parts[1] <= 12 or not 1 <= parts[2] <= 31:
        raise Refused(f'Invalid date "{text}" specified. Should be YYYY[-MM[-DD[Thh[:mm[:ss]]]]]')
    return seconds_of(parts[0], parts[1], parts[2]) + (parts[3] * 60 + parts[4]) * 60 + parts[5]


def _monthdays(text: str, where: Where) -> int:
    mask = 0
    for part in text.split(","):
        if not part.isdigit() or not 1 <= int(part) <= 31:
            raise Refused(f"{part} is not a valid day for --monthdays")
        mask |= 1 << int(part)
    return mask


def _weekdays(text: str, where: Where) -> int:
    mask = 0
    for part in text.split(","):
        if part.isdigit():
            if not 1 <= int(part) <= 7:
                raise Refused(f"{part} is not a valid day for --weekdays")
            mask |= 1 << int(part)
            continue
        known = [number for number, name in enumerate(_WEEKDAYS, 1) if name[:2].lower() == part[:2].lower()]
        if len(part) < 2 or not known:
            raise Refused(f"{part} is not a valid day specifier")
        mask |= 1 << known[0]
    return mask


def _mask_of(given: Given | None, all_days: int) -> int:
    if given is None:
        return all_days
    return int(given.value) ^ (all_days if given.inverted else 0)


def _clock(second: int) -> str:
    return f"{second // 3600:02}:{second // 60 % 60:02}:{second % 60:02}"


def _show_date(seconds: int, between: str) -> str:
    day = moment(seconds)
    return f"{day.year:04}-{day.month:02}-{day.day:02}{between}{_clock(seconds % 86400)}"


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
        Option("utc"),
        Option("localtz", excludes=("utc",)),
        Option("kerneltz", excludes=("utc", "localtz")),
        Option("contiguous"),
    )

    def check(self, values: Values) -> None:
        """A night that belongs to the day before must be a night."""
        start, stop = _times(values)
        if "contiguous" in values and start <= stop:
            why = "--contiguous only makes sense when stoptime is smaller than starttime"
            raise Refused(f"time: {why}")

    def save(self, values: Values) -> str:
        """What the kernel was told, in the tool's order."""
        words: list[str] = []
        start, stop = _times(values)
        if (start, stop) != (0, _LAST_SECOND):
            words.append(f"--timestart {_clock(start)} --timestop {_clock(stop)}")
        monthdays, weekdays = _masks(values)
        if monthdays != _ALL_MONTHDAYS:
            words.append(f"--monthdays {','.join(map(str, _days(monthdays)))}")
        if weekdays != _ALL_WEEKDAYS:
            words.append(f"--weekdays {','.join(_WEEKDAYS[day - 1] for day in _days(weekdays))}")
        first, last = _dates(values)
        if first:
            words.append(f"--datestart {_show_date(first, 'T')}")
        words.append(f"--datestop {_show_date(last, 'T')}")
        words += ["--kerneltz"] if values.keys() & {"kerneltz", "localtz"} else []
        return " ".join([*words, "--contiguous"] if "contiguous" in values else words)

    def listing(self, values: Values, names: Names | None) -> str:
        """`TIME from 10:00:00 to 11:30:05 UTC`"""
        words = ["TIME"]
        start, stop = _times(values)
        if (start, stop) != (0, _LAST_SECOND):
            words.append(f"from {_clock(start)} to {_clock(stop)}")
        monthdays, weekdays = _masks(values)
        if weekdays != _ALL_WEEKDAYS:
            words.append(f"on {','.join(_WEEKDAYS[day - 1] for day in _days(weekdays))}")
        if monthdays != _ALL_MONTHDAYS:
            words.append(f"on {','.join(map(_ordinal, _days(monthdays)))}")
        first, last = _dates(values)
        if first:
            words.append(f"starting from {_show_date(first, ' ')}")
        if last != _LATEST:
            words.append(f"until date {_show_date(last, ' ')}")
        words += [] if values.keys() & {"kerneltz", "localtz"} else ["UTC"]
        return " ".join([*words, "contiguous"] if "contiguous" in values else words)

    def compile(self, values: Values, site: Site) -> tuple[Match, ...]:
        """One test."""
        monthdays, weekdays = _masks(values)
        contiguous = "contiguous" in values
        return (Time(site.path, _dates(values), _times(values), weekdays, monthdays, contiguous),)


def _times(values: Values) -> tuple[int, int]:
    start = values["timestart"].value if "timestart" in values else 0
    return start, values["timestop"].value if "timestop" in values else _LAST_SECOND


def _dates(values: Values) -> tuple[int, int]:
    first = values["datestart"].value if "datestart" in values else 0
    return first, values["datestop"].value if "datestop" in values else _LATEST


def _masks(values: Values) -> tuple[int, int]:
    monthdays = _mask_of(values.get("monthdays"), _ALL_MONTHDAYS)
    return monthdays, _mask_of(values.get("weekdays"), _ALL_WEEKDAYS)


EXTENSIONS: Final = (TimeExtension(),)
