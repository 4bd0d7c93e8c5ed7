"""`-m recent`"""

from __future__ import annotations

from typing import Final

from pystack.applets.iptables.extension import MatchExtension, Site
from pystack.applets.iptables.family import IPV4, IPV6
from pystack.applets.iptables.option import U32, Option, Values, host, is_file_name, text_cut, uint
from pystack.applets.iptables.refused import Refused
from pystack.applets.tcpdump.names import Names
from pystack.errors import EINVAL
from pystack.netfilter.matches.recent import MAX_STAMPS, Recent
from pystack.netfilter.rule import Match

_ACTIONS: Final = {"set": "SET", "rcheck": "CHECK", "update": "UPDATE", "remove": "REMOVE"}
_OTHERS: Final = tuple(_ACTIONS)
_LONGEST_NAME: Final = 200
_COUNTS: Final = ("seconds", "hitcount")


class RecentExtension(MatchExtension):
    """Linux: libxt_recent.c"""

    families = (IPV4,)
    name = "recent"
    options = (
        *(
            Option(name, invert=True, excludes=tuple(other for other in _OTHERS if other != name))
            for name in ("set", "rcheck", "update", "remove")
        ),
        Option("seconds", uint(U32, 1)),
        Option("reap", also=("seconds",)),
        Option("hitcount", uint(U32)),
        Option("rttl", excludes=("set", "remove")),
        Option("name", text_cut(_LONGEST_NAME - 1)),
        Option("rsource"),
        Option("rdest"),
        Option("mask", host),
    )

    def check(self, values: Values) -> None:
        """One of four things to do."""
        if not values.keys() & _ACTIONS.keys():
            raise Refused("recent: you must specify one of `--set', `--rcheck' `--update' or `--remove'")

    def kernel_error(self, values: Values, site: Site) -> int:
        """Linux: net/netfilter/xt_recent.c recent_mt_check()"""
        hits = values["hitcount"].value if "hitcount" in values else 0
        conditions = values.keys() & {"seconds", "rttl", "reap"} or hits
        if values.keys() & {"set", "remove"} and conditions:
            return EINVAL
        return EINVAL if hits >= MAX_STAMPS or not is_file_name(_name(values)) else 0

    def prepared(self, values: Values, *, nft: bool) -> Values:
        """No hits are none."""
        return {name: given for name, given in values.items() if name != "hitcount" or given.value}

    def save(self, values: Values) -> str:
        """List, mask and side are always said."""
        action = _action(values)
        words = ["!"] if values[action].inverted else []
        words.append(f"--{action}")
        for name in ("seconds", "reap", "hitcount", "rttl"):
            words += [f"--{name}"] if name in values else []
            words += [str(_signed(values[name].value))] if name in _COUNTS and name in values else []
        words.append(f"--name {_name(values)} --mask {self._mask_text(values)}")
        return " ".join([*words, f"--r{_side(values)}"])

    def listing(self, values: Values, names: Names | None) -> str:
        """`recent: SET name: DEFAULT side: source mask: 255.255.255.255`"""
        action = _action(values)
        words = ["!"] if values[action].inverted else []
        words += ["recent:", _ACTIONS[action]]
        for name, shown in (("seconds", "seconds: {}"), ("reap", "reap"), ("hitcount", "hit_count: {}")):
            words += [shown.format(_signed(values[name].value or 0))] if name in values else []
        words += ["TTL-Match"] if "rttl" in values else []
        words.append(f"name: {_name(values)} side: {_side(values)}")
        return " ".join([*words, f"mask: {self._mask_text(values)}"])

    def compile(self, values: Values, site: Site) -> tuple[Match, ...]:
        """One test, over the list of that name."""
        action = _action(values)
        hits = values["hitcount"].value if "hitcount" in values else 0
        return (
            Recent(
                site.path,
                site.tables.recent.use(_name(values), self._mask(values), hits),
                action,
                by_destination=_side(values) == "dest",
                seconds=values["seconds"].value if "seconds" in values else 0,
                hits=hits,
                reap="reap" in values,
                same_ttl="rttl" in values,
                inverted=values[action].inverted,
            ),
        )

    def _mask(self, values: Values) -> int:
        (family,) = self.families
        return values["mask"].value if "mask" in values else family.all_ones

    def _mask_text(self, values: Values) -> str:
        (family,) = self.families
        return family.address_text(self._mask(values))


class RecentExtension6(RecentExtension):
    """The same of IPv6."""

    families = (IPV6,)


def _action(values: Values) -> str:
    return next(name for name in _ACTIONS if name in values)


def _name(values: Values) -> str:
    return values["name"].value if "name" in values else "DEFAULT"


def _side(values: Values) -> str:
    """The one that was named last."""
    return next((name[1:] for name in reversed(list(values)) if name in ("rsource", "rdest")), "source")


def _signed(number: int) -> int:
    """As the tool prints it."""
    return number - (1 << 32) if number >> 31 else number


EXTENSIONS: Final = (RecentExtension(), RecentExtension6())
