"""Matches that remember: limit, statistic, quota."""

from __future__ import annotations

import re
from typing import Final

from pystack.applets.iptables.extension import MatchExtension, Site
from pystack.applets.iptables.option import U32, Option, Values, Where, uint
from pystack.applets.iptables.refused import BadOption, Refused
from pystack.applets.tcpdump.names import Names
from pystack.errors import ERANGE
from pystack.netfilter.matches.limit import SCALE, Limit, Nth, Quota, Random, overflows
from pystack.netfilter.nft.statements.limit import Limit as TokenBucket
from pystack.netfilter.rule import Match

_UNITS: Final = {"second": 1, "minute": 60, "hour": 3600, "day": 86400}
_SHOWN: Final = (("day", 86400), ("hour", 3600), ("min", 60), ("sec", 1))  # the largest first
_DEFAULT_BURST: Final = 5
_COUNT: Final = re.compile(r"\s*([+-]?\d+)")


class RateUnits:
    """Rates such as `5/min`, kept as the interval between two packets in parts of a second.

    Linux: libxt_limit.c, libxt_hashlimit.c parse_rate(), print_rate()
    """

    def __init__(self, scale: int) -> None:
        self._scale = scale

    def parse(self, text: str, where: Where) -> int:
        """The interval."""
        return self.parse_with_unit(text, where)[0]

    def parse_with_unit(self, text: str, where: Where) -> tuple[int, int]:
        """The interval, and the seconds of the unit; of the number only leading digits count."""
        count_text, slash, unit = text.partition("/")
        seconds = 1
        if slash:
            known = [length for name, length in _UNITS.items() if unit and name.startswith(unit.lower())]
            if not known:
                raise Refused(self._complaint(text, where))
            seconds = known[0]
        found = _COUNT.match(count_text)
        count = 0 if found is None else self._counted(int(found[1]), where)
        if not count:
            raise Refused(self._complaint(text, where))
        interval = self._scale * seconds // count
        if not interval:
            raise Refused(f'Rate too fast "{text}"')
        return interval, seconds

    def _counted(self, count: int, where: Where) -> int:
        """What is left of it in a register: atoi() for limit, atoll() for hashlimit."""
        longest = min(max(count, -(2**63)), 2**63 - 1)
        return longest & (2**64 - 1 if where.extension == "hashlimit" else U32)

    def _complaint(self, text: str, where: Where) -> str:
        if where.extension == "hashlimit":
            return f'hashlimit: Bad value for "--{where.option}" option: "{text}"'
        return f'bad rate "{text}"\''

    def show(self, interval: int) -> str:
        """As it is printed."""
        packets, unit = self._parts(interval)
        return f"{packets}/{unit}"

    def packets_in(self, interval: int) -> tuple[int, int]:
        """How many packets in how many seconds."""
        packets, unit = self._parts(interval)
        return packets, dict(_SHOWN)[unit]

    def _parts(self, interval: int) -> tuple[int, str]:
        """In the smallest unit that has a whole number of packets."""
        for unit, seconds in reversed(_SHOWN):
            parts = seconds * self._scale
            if interval <= parts and parts // interval >= parts % interval:
                return parts // interval, unit
        unit, seconds = _SHOWN[0]
        return seconds * self._scale // interval, unit


_RATES: Final = RateUnits(SCALE)
_DEFAULT: Final = SCALE * 3600 // 3


class LimitExtension(MatchExtension):
    """Linux: libxt_limit.c"""

    name = "limit"
    options = (
        Option("limit", _RATES.parse, _RATES.show),
        Option("limit-burst", uint(10000)),
    )

    def kernel_error(self, values: Values, site: Site) -> int:
        """What does not fit in 32 bits. Linux: net/netfilter/xt_limit.c limit_mt_check()"""
        interval, burst = _settings(values)
        asked = values["limit-burst"].value if "limit-burst" in values else burst
        too_much = not site.nft and overflows(interval, asked, site.path.clock.hz)
        return ERANGE if too_much else 0

    def save(self, values: Values) -> str:
        """The burst only where it is not the usual one."""
        interval, burst = _settings(values)
        text = f"--limit {_RATES.show(interval)}"
        return text if burst == _DEFAULT_BURST else f"{text} --limit-burst {burst}"

    def listing(self, values: Values, names: Names | None) -> str:
        """`limit: avg 3/hour burst 5`"""
        interval, burst = _settings(values)
        return f"limit: avg {_RATES.show(interval)} burst {burst}"

    def compile(self, values: Values, site: Site) -> tuple[Match, ...]:
        """One test, with a memory of its own."""
        interval, burst = _settings(values)
        if site.nft:
            return (TokenBucket(site.path.clock, *bucket_of(values)),)
        return (Limit(site.path, interval, burst),)


def bucket_of(values: Values) -> tuple[int, int, int]:
    """As nft limits: so many packets in so many seconds, and the burst."""
    interval, burst = _settings(values)
    return *_RATES.packets_in(interval), burst


def _settings(values: Values) -> tuple[int, int]:
    interval = values["limit"].value if "limit" in values else _DEFAULT
    burst = values["limit-burst"].value if "limit-burst" in values else 0
    return interval, burst or _DEFAULT_BURST


# --- statistic ----------------------------------------------------------------------------------------------

_PROBABILITY: Final = 0x80000000
_MODES: Final = ("random", "nth")


def _mode(text: str, where: Where) -> str:
    if text not in _MODES:
        raise Refused(f'Bad mode "{text}"')
    return text


def _probability(text: str, where: Where) -> float:
    try:
        value = float(text)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise BadOption('statistic: bad value for option "--probability", or out of range (0-1).')
    return round(_PROBABILITY * value) / _PROBABILITY


def _show_probability(value: float) -> str:
    return f"{value:.11f}"


class Statistic(MatchExtension):
    """Linux: libxt_statistic.c"""

    name = "statistic"
    options = (
        Option("mode", _mode, required=True),
        Option("probability", _probability, _show_probability, invert=True, excludes=("every", "packet")),
        Option("every", uint(U32, 1), invert=True, excludes=("probability",), also=("packet",)),
        Option("packet", uint(U32), excludes=("probability",), also=("every",)),
    )

    def check(self, values: Values) -> None:
        """Each mode with its own."""
        nth = "mode" in values and values["mode"].value == "nth"
        if not nth and "probability" not in values:
            raise Refused("--probability must be specified when using random mode")
        if nth and not values.keys() & {"every", "packet"}:
            raise Refused("--every and --packet must be specified when using nth mode")
        packet = values["packet"].value if "packet" in values else 0
        every = values["every"].value if "every" in values else 1
        if "probability" in values:  # stands in the same place
            every = int(values["probability"].value * _PROBABILITY) + 1
        if packet >= every:
            raise Refused("the --packet p must be 0 <= p <= n-1")

    def listing(self, values: Values, names: Names | None) -> str:
        """`statistic mode nth every 5 packet 2`"""
        shown = {name: given for name, given in values.items() if (name, given.value) != ("packet", 0)}
        return f"statistic {super().save(shown).replace('--', '')}"

    def compile(self, values: Values, site: Site) -> tuple[Match, ...]:
        """One test, with a memory or with chance."""
        if "every" in values:
            given = values["every"]
            return (Nth(given.value, values["packet"].value, inverted=given.inverted),)
        given = values["probability"]
        return (Random(site.path, int(given.value * _PROBABILITY), inverted=given.inverted),)


class QuotaExtension(MatchExtension):
    """Linux: libxt_quota.c"""

    name = "quota"
    options = (Option("quota", uint(2**64 - 1), required=True, invert=True),)

    def listing(self, values: Values, names: Names | None) -> str:
        """`quota: 500 bytes`"""
        return f"quota: {values['quota'].value} bytes"

    def compile(self, values: Values, site: Site) -> tuple[Match, ...]:
        """One test, with a memory of its own."""
        return (Quota(values["quota"].value, inverted=values["quota"].inverted),)


EXTENSIONS: Final = (LimitExtension(), Statistic(), QuotaExtension())
