"""`-m time`"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pystack.netfilter.civil import moment
from pystack.netfilter.needs import Path
from pystack.netfilter.rule import Match
from pystack.netfilter.view import View

_DAY: Final = 86400


@dataclass(frozen=True, slots=True)
class Time(Match):
    """Dates in seconds since 1970, times in seconds of the day; days as bit masks, the week from Monday 1."""

    path: Path
    dates: tuple[int, int]
    times: tuple[int, int]
    weekdays: int
    monthdays: int
    contiguous: bool
    is_plain = True

    def __call__(self, view: View) -> bool:
        """The kernel's zone is UTC here. Linux: net/netfilter/xt_time.c time_mt()"""
        now = int(self.path.clock.wall)
        if not self.dates[0] <= now <= self.dates[1]:
            return False
        (start, stop), second = self.times, now % _DAY
        if start < stop:
            if not start <= second <= stop:
                return False
        elif stop < second < start:
            return False
        elif self.contiguous and second <= stop:
            now -= _DAY
        today = moment(now)
        return bool(self.weekdays >> (today.weekday or 7) & 1 and self.monthdays >> today.day & 1)
