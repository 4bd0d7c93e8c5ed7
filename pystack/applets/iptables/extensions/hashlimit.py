"""`-m hashlimit`"""

from __future__ import annotations

from typing import Final

from pystack.applets.iptables.extension import MatchExtension, Site
from pystack.applets.iptables.extensions.limit import RateUnits
from pystack.applets.iptables.option import U32, Option, Values, Where, text_up_to, uint
from pystack.applets.iptables.refused import Refused
from pystack.applets.tcpdump.names import Names
from pystack.errors import NotModelled
from pystack.netfilter.matches.hashlimit import SCALE, Buckets, HashLimit, HashSettings
from pystack.netfilter.rule import Match

_RATES: Final = RateUnits(SCALE)
_BURST: Final = 5
_EXPIRE: Final = 10000
_MODES: Final = ("srcip", "srcport", "dstip", "dstport")
_TABLE: Final = ("htable-size", "htable-max", "htable-gcinterval", "htable-expire", "srcmask", "dstmask")


def _rate(text: str, where: Where) -> int:
    if "b/s" in text.lower():
        known = ("N/sec", "N/min", "N/hour", "N/day")
        raise NotModelled(f"iptables -m hashlimit --{where.option} {text}", known)
    return _RATES.parse(text, where)


def _modes(text: str, where: Where) -> tuple[str, ...]:
    found = tuple(text.split(","))
    if any(mode not in _MODES for mode in found):
        raise Refused(f'hashlimit: Bad value for "--hashlimit-mode" option: "{text}"')
    return tuple(mode for mode in _MODES if mode in found)


class HashLimitExtension(MatchExtension):
    """Linux: libxt_hashlimit.c"""

    name = "hashlimit"
    options = (
        Option(
            "hashlimit-upto",
            _rate,
            _RATES.show,
            excludes=("hashlimit-above",),
            aliases=("hashlimit",),
            invert=True,
        ),
        Option("hashlimit-above", _rate, _RATES.show, invert=True),
        Option("hashlimit-burst", uint(1000000)),
        Option("hashlimit-mode", _modes, ",".join),
        Option("hashlimit-name", text_up_to(254), required=True),
        Option("hashlimit-htable-size", uint(U32)),
        Option("hashlimit-htable-max", uint(U32)),
        Option("hashlimit-htable-gcinterval", uint(U32)),
        Option("hashlimit-htable-expire", uint(U32)),
        Option("hashlimit-srcmask", uint(32)),
        Option("hashlimit-dstmask", uint(32)),
    )

    def check(self, values: Values) -> None:
        """One of the two ways."""
        if not values.keys() & {"hashlimit-upto", "hashlimit-above"}:
            raise Refused("You have to specify --hashlimit")

    def save(self, values: Values) -> str:
        """The burst is always said."""
        way, rate = _way(values)
        words = [f"--hashlimit-{way} {_RATES.show(rate)} --hashlimit-burst {_burst(values)}"]
        if "hashlimit-mode" in values:
            words.append(f"--hashlimit-mode {','.join(values['hashlimit-mode'].value)}")
        words.append(f"--hashlimit-name {values['hashlimit-name'].value}")
        words += [f"--hashlimit-{name} {number}" for name, number in _table(values)]
        return " ".join(words)

    def listing(self, values: Values, names: Names | None) -> str:
        """`limit: up to 5/min burst 5`"""
        way, rate = _way(values)
        words = [f"limit: {'up to' if way == 'upto' else way} {_RATES.show(rate)} burst {_burst(values)}"]
        if "hashlimit-mode" in values:
            words.append(f"mode {'-'.join(values['hashlimit-mode'].value)}")
        return " ".join(words + [f"{name} {number}" for name, number in _table(values)])

    def compile(self, values: Values, site: Site) -> tuple[Match, ...]:
        """One test, over the buckets of that name: rules that share it share them."""
        way, rate = _way(values)
        table = dict(_table(values))
        settings = HashSettings(
            interval=rate,
            burst=_burst(values),
            mode=frozenset(values["hashlimit-mode"].value if "hashlimit-mode" in values else ()),
            source_mask=_mask(table.get("srcmask", 32)),
            destination_mask=_mask(table.get("dstmask", 32)),
            expire=table.get("htable-expire", _EXPIRE),
            most=table.get("htable-max", 0),
        )
        fresh = Buckets(settings, site.path.clock.hz)
        buckets = site.tables.buckets.setdefault(values["hashlimit-name"].value, fresh)
        return (HashLimit(site.path, buckets, way == "above"),)


def _way(values: Values) -> tuple[str, int]:
    name = "hashlimit-upto" if "hashlimit-upto" in values else "hashlimit-above"
    given = values[name]
    return "above" if (name == "hashlimit-above") != given.inverted else "upto", given.value


def _burst(values: Values) -> int:
    return values["hashlimit-burst"].value if "hashlimit-burst" in values else _BURST


def _table(values: Values) -> list[tuple[str, int]]:
    return [(name, values[f"hashlimit-{name}"].value) for name in _TABLE if f"hashlimit-{name}" in values]


def _mask(length: int) -> int:
    return U32 << (32 - length) & U32


EXTENSIONS: Final = (HashLimitExtension(),)
