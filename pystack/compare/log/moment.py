"""When a line was written, as seconds on some clock: told from what stands around its message.

Of a date only the time of day is understood, whatever the language: the day before its midnight is gone.
"""

from __future__ import annotations

import re
from typing import Final

DAY: Final = 86_400.0
_NUMBERED: Final = r"([0-9]{1,12}\.[0-9]{1,9})"
_SINCE_START: Final = re.compile(rf"\[ *{_NUMBERED}\]")
_SINCE_EPOCH: Final = re.compile(rf"{_NUMBERED} ")
_MICROSECONDS: Final = re.compile(r"(?:[0-9]+,[0-9]+,|[0-9]+ )([0-9]{1,18})[, ]")  # /dev/kmsg; two numbers
_OF_A_DAY: Final = r"([0-9]{1,2}):([0-9]{2}):([0-9]{2})(?:[.,]([0-9]{1,9}))?"
_TIME_OF_DAY: Final = re.compile(rf"(?<![0-9:]){_OF_A_DAY}(?![0-9:])")


def moment_of(wrapping: str) -> float | None:
    """From what stands in front of a message; None if there is no time in it."""
    if found := _SINCE_START.search(wrapping) or _SINCE_EPOCH.match(wrapping):
        return float(found[1])
    if found := _MICROSECONDS.match(wrapping):
        return float(found[1]) / 1e6
    if found := _TIME_OF_DAY.search(wrapping):
        hours, minutes, seconds = (int(found[at]) for at in (1, 2, 3))
        return hours * 3600.0 + minutes * 60.0 + seconds + float(f"0.{found[4] or 0}")
    return None


def passed(before: float, now: float) -> float:
    """How much time lies between two lines, a day at most; none if the clock went back, but for midnight."""
    if now >= before:
        return min(now - before, DAY)
    return now + DAY - before if before - now > DAY / 2 and before < DAY else 0.0
