"""-m time in nft's words. Linux: libxt_time.c time_xlate()"""

from __future__ import annotations

from typing import Final

from pystack.applets.iptables.extensions.time import (
    ALL_MONTHDAYS,
    ALL_WEEKDAYS,
    LAST_SECOND,
    LATEST,
    clock_text,
    date_text,
    dates_of,
    masks_of,
    times_of,
)
from pystack.applets.iptables.option import Values
from pystack.applets.nft.compat.words import among

_DAYS: Final = range(1, 8)  # Sunday is the last


def time(values: Values) -> str | None:
    """Days of a month cannot be said."""
    monthdays, weekdays = masks_of(values)
    if monthdays != ALL_MONTHDAYS:
        return None
    words = ""
    first, last = dates_of(values)
    if (first, last) != (0, LATEST):
        words += f'meta time "{date_text(first, " ")}"-"{date_text(last, " ")}"'
    start, stop = times_of(values)
    if (start, stop) != (0, LAST_SECOND):
        words += f' meta hour "{clock_text(start)}"-"{clock_text(stop)}"'
    if weekdays != ALL_WEEKDAYS:
        days = [str(day % 7) for day in _DAYS if weekdays >> day & 1]
        words += f" meta day {days[0] if len(days) == 1 else among(days)}"
    return words
