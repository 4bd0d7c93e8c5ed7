"""`-m hashlimit`"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import ClassVar, Final

from pystack.applets.iptables.extension import MatchExtension, Site
from pystack.applets.iptables.extensions.limit import RateUnits
from pystack.applets.iptables.family import IPV4, IPV6, Family
from pystack.applets.iptables.option import (
    U32,
    Given,
    Option,
    Values,
    Where,
    is_file_name,
    prefix_length,
    uint,
)
from pystack.applets.iptables.refused import BadOption, Refused
from pystack.applets.tcpdump.names import Names
from pystack.errors import EINVAL, ERANGE
from pystack.netfilter.matches.hashlimit import (
    SCALE,
    Buckets,
    HashLimit,
    HashSettings,
    cost_of_rate,
    is_too_fast,
    overflows,
    rate_of_cost,
)
from pystack.netfilter.rule import Match

_RATES: Final = RateUnits(SCALE)
_BURST: Final = 5
_MOST_BURST: Final = 1000000
_LONGEST_NAME: Final = 254
_SIZES: Final = ("hashlimit-htable-size", "hashlimit-htable-max")
_MOST: Final = 1048576  # buckets. Linux: HASHLIMIT_MAX_SIZE
_GC_INTERVAL: Final = 1000
_MODES: Final = ("srcip", "srcport", "dstip", "dstport")
_OCTETS: Final = re.compile(r"\s*(\d+)")
_UNITS: Final = (("m", 1 << 20), ("k", 1 << 10), ("", 1))
_SECONDS: Final = {"sec": 1, "min": 60, "hour": 3600, "day": 86400}
_EXPIRE_OCTETS: Final = 15  # seconds
_EXPIRE_BURST: Final = 60


@dataclass(frozen=True, slots=True)
class Rate:
    """`5/min`: an interval; `5kb/s`: a cost. With how many seconds the unit has."""

    average: int
    in_octets: bool
    seconds: int

    def show(self) -> tuple[str, int]:
        """As it is printed, and the seconds of its unit. Linux: print_rate(), print_bytes()"""
        if not self.in_octets:
            text = _RATES.show(self.average)
            return text, _SECONDS[text.partition("/")[2]]
        octets = rate_of_cost(self.average)
        fits = (
            f"{octets // size}{unit}b/s"
            for unit, size in _UNITS
            if size == 1 or (octets >= size and cost_of_rate(octets // size * size) == self.average)
        )
        return next(fits), _EXPIRE_OCTETS


def _rate(text: str, where: Where) -> Rate:
    """Linux: libxt_hashlimit.c parse_bytes(), parse_rate()"""
    mark = text.find("b/s")
    if mark < 0:
        average, seconds = _RATES.parse_with_unit(text, where)
        return Rate(average, in_octets=False, seconds=seconds)
    found = _OCTETS.match(text)
    if not mark or found is None or not int(found[1]):
        raise Refused(f'hashlimit: Bad value for "--{where.option}" option: "{text}"')
    factor = dict(_UNITS).get(text[mark - 1], 1)
    return Rate(cost_of_rate(int(found[1]) * factor), in_octets=True, seconds=_EXPIRE_OCTETS)


def _burst(text: str, where: Where) -> int:
    """`5`, `10kb`. Linux: parse_burst()"""
    found = _OCTETS.match(text)
    value = int(found[1]) if found is not None else 0
    rest = text[found.end() :] if found is not None else ""
    if rest[:1] in ("k", "m"):
        value *= dict(_UNITS)[rest[0]]
    if not 0 < value <= U32:
        raise _bad_burst()
    return value


def _bad_burst() -> Refused:
    return Refused(f'bad value for option "--hashlimit-burst", or out of range (1-{_MOST_BURST}).')


def _modes(text: str, where: Where) -> tuple[str, ...]:
    found = tuple(filter(None, text.split(",")))
    if any(mode not in _MODES for mode in found):
        raise Refused(f'hashlimit: Bad value for "--hashlimit-mode" option: "{text}"')
    return tuple(mode for mode in _MODES if mode in found)


def _name(text: str, where: Where) -> str:
    if not text:
        raise BadOption("Argument must have a minimum length of 1 characters")
    return text[:_LONGEST_NAME]


class HashLimitExtension(MatchExtension):
    """Linux: libxt_hashlimit.c"""

    families: ClassVar[tuple[Family, ...]] = (IPV4,)
    name = "hashlimit"
    options = (
        Option(
            "hashlimit-upto",
            _rate,
            excludes=("hashlimit-above",),
            aliases=("hashlimit",),
            invert=True,
        ),
        Option("hashlimit-above", _rate, invert=True),
        Option("hashlimit-burst", _burst),
        Option("hashlimit-mode", _modes, ",".join),
        Option("hashlimit-name", _name, required=True),
        Option("hashlimit-htable-size", uint(U32)),
        Option("hashlimit-htable-max", uint(U32)),
        Option("hashlimit-htable-gcinterval", uint(U32)),
        Option("hashlimit-htable-expire", uint(U32)),
        Option("hashlimit-srcmask", prefix_length),
        Option("hashlimit-dstmask", prefix_length),
        Option("hashlimit-rate-match"),
        Option("hashlimit-rate-interval", uint(U32, 1)),
    )

    def check(self, values: Values) -> None:
        """One of the two ways; a burst of octets is at least what comes in a second."""
        if not values.keys() & {"hashlimit-upto", "hashlimit-above"}:
            raise Refused("You have to specify --hashlimit")
        if "hashlimit-burst" not in values:
            return
        rate, burst = way_of(values)[1], values["hashlimit-burst"].value
        if not rate.in_octets and burst > _MOST_BURST:
            raise _bad_burst()
        if rate.in_octets and burst < rate_of_cost(rate.average):
            raise Refused(f"burst cannot be smaller than {rate_of_cost(rate.average)}b")

    def kernel_error(self, values: Values, site: Site) -> int:
        """Linux: net/netfilter/xt_hashlimit.c hashlimit_mt_check_common()"""
        rate, hz = way_of(values)[1], site.path.clock.hz
        if not is_file_name(values["hashlimit-name"].value):
            return EINVAL
        for name in ("hashlimit-htable-expire", "hashlimit-htable-gcinterval"):
            if name in values and not values[name].value:
                return EINVAL
        masks = [values[name].value for name in ("hashlimit-srcmask", "hashlimit-dstmask") if name in values]
        if max(masks, default=0) > self.families[0].bits:
            return EINVAL
        average = rate.average
        if "hashlimit-rate-match" in values:
            return ERANGE if not 0 < average <= U32 else 0
        if rate.in_octets:
            return EINVAL if is_too_fast(average, hz) else 0
        if overflows(average, bursts_of(values), hz):
            return ERANGE
        return super().kernel_error(values, site)

    def save(self, values: Values) -> str:
        """The burst of packets is always said."""
        way, rate = way_of(values)
        text, unit = rate.show()
        words = [f"--hashlimit-{way} {text}", *(f"--hashlimit-{word}" for word in _burst_words(values))]
        if "hashlimit-mode" in values:
            words.append(f"--hashlimit-mode {','.join(values['hashlimit-mode'].value)}")
        words.append(f"--hashlimit-name {values['hashlimit-name'].value}")
        return " ".join(words + [f"--hashlimit-{word}" for word in self._table_words(values, unit)])

    def listing(self, values: Values, names: Names | None) -> str:
        """`limit: up to 5/min burst 5`; the tool takes the interval for a part of the rate, wrongly."""
        way, rate = way_of(values)
        if not rate.in_octets and "hashlimit-rate-interval" in values:
            rate = replace(rate, average=rate.average * values["hashlimit-rate-interval"].value)
        text, unit = rate.show()
        words = [f"limit: {'up to' if way == 'upto' else way} {text}", *_burst_words(values)]
        if "hashlimit-mode" in values:
            words.append(f"mode {'-'.join(values['hashlimit-mode'].value)}")
        return " ".join(words + self._table_words(values, unit))

    def taken(self, values: Values) -> Values:
        """A table of no more than so many buckets."""
        large = [name for name in _SIZES if name in values and values[name].value > _MOST]
        return {**values, **{name: Given(_MOST) for name in large}} if large else values

    def _table_words(self, values: Values, unit: int) -> list[str]:
        """What is not as usual: buckets live as long as a unit of the rate."""
        bits = self.families[0].bits
        expire = expire_of(values)
        given = {name.removeprefix("hashlimit-"): one.value for name, one in values.items()}
        given["htable-expire"] = expire
        usual = {
            "htable-size": 0,
            "htable-max": 0,
            "htable-gcinterval": _GC_INTERVAL,
            "htable-expire": (_EXPIRE_BURST if _has_octet_burst(values) else unit) * 1000,
            "srcmask": bits,
            "dstmask": bits,
        }
        words = [f"{name} {given[name]}" for name, value in usual.items() if given.get(name, value) != value]
        if "rate-match" in given:
            words.append("rate-match")
            words += [f"rate-interval {given['rate-interval']}"] if given.get("rate-interval", 1) != 1 else []
        return words

    def compile(self, values: Values, site: Site) -> tuple[Match, ...]:
        """One test, over the buckets of that name: rules that share it share them."""
        way, rate = way_of(values)
        family = self.families[0]
        given = {name.removeprefix("hashlimit-"): one.value for name, one in values.items()}
        settings = HashSettings(
            average=rate.average,
            burst=bursts_of(values),
            mode=frozenset(given.get("mode", ())),
            source_mask=family.netmask(given.get("srcmask", family.bits)),
            destination_mask=family.netmask(given.get("dstmask", family.bits)),
            expire=expire_of(values),
            most=given.get("htable-max", 0),
            in_octets=rate.in_octets,
            rate_match="hashlimit-rate-match" in values,
            window=given.get("rate-interval", 1),
        )
        fresh = Buckets(settings, site.path.clock.hz)
        buckets = site.tables.buckets.setdefault(values["hashlimit-name"].value, fresh)
        return (HashLimit(site.path, buckets, way == "above"),)


class HashLimitExtension6(HashLimitExtension):
    """The same of IPv6."""

    families = (IPV6,)


def way_of(values: Values) -> tuple[str, Rate]:
    """`above` or `upto`, and what."""
    name = "hashlimit-upto" if "hashlimit-upto" in values else "hashlimit-above"
    given = values[name]
    return "above" if (name == "hashlimit-above") != given.inverted else "upto", given.value


def _has_octet_burst(values: Values) -> bool:
    return way_of(values)[1].in_octets and "hashlimit-burst" in values


def bursts_of(values: Values) -> int:
    """Packets; or how often what comes in a second. Linux: hashlimit_mt_check_v2()"""
    rate = way_of(values)[1]
    if not rate.in_octets:
        return values["hashlimit-burst"].value if "hashlimit-burst" in values else _BURST
    if "hashlimit-burst" not in values:
        return 0
    a_second = rate_of_cost(rate.average)
    return -(-values["hashlimit-burst"].value // a_second) if a_second else 0


def _burst_words(values: Values) -> list[str]:
    rate, bursts = way_of(values)[1], bursts_of(values)
    if not rate.in_octets:
        return [f"burst {bursts}"]
    if not bursts:
        return []
    octets = rate_of_cost(rate.average) * bursts
    unit, size = next((unit, size) for unit, size in _UNITS if octets >= size)
    return [f"burst {octets // size}{unit}b"]


def expire_of(values: Values) -> int:
    """In milliseconds."""
    if "hashlimit-htable-expire" in values:
        given: int = values["hashlimit-htable-expire"].value
        return given
    seconds = _EXPIRE_BURST if _has_octet_burst(values) else way_of(values)[1].seconds
    return seconds * 1000


EXTENSIONS: Final = (HashLimitExtension(), HashLimitExtension6())
