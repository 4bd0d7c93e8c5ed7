"""`-m recent`"""

from __future__ import annotations

from typing import Final

from pystack.applets.iptables.extension import MatchExtension, Site
from pystack.applets.iptables.family import IPV4, IPV6
from pystack.applets.iptables.option import U16, U32, Option, Values, Where, text_up_to, uint
from pystack.applets.iptables.refused import Refused
from pystack.applets.tcpdump.names import Names
from pystack.errors import EINVAL
from pystack.netfilter.matches.recent import MAX_STAMPS, Recent
from pystack.netfilter.rule import Match

_ACTIONS: Final = {"set": "SET", "rcheck": "CHECK", "update": "UPDATE", "remove": "REMOVE"}
_OTHERS: Final = tuple(_ACTIONS)
_LONGEST_NAME: Final = 200


def _mask(text: str, where: Where) -> int:
    found = where.family.parse_address(text)
    if found is None:
        raise Refused(f'recent: option "--mask" requires an address, not `{text}\'')
    return found


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
        Option("hitcount", uint(U16 + 1)),
        Option("rttl", excludes=("set", "remove")),
        Option("name", text_up_to(_LONGEST_NAME)),
        Option("mask", _mask),
        Option("rsource"),
        Option("rdest", excludes=("rsource",)),
    )

    def check(self, values: Values) -> None:
        """One of four things to do."""
        if not values.keys() & _ACTIONS.keys():
            raise Refused("recent: you must specify one of `--set', `--rcheck' `--update' or `--remove'")

    def kernel_error(self, values: Values, site: Site) -> int:
        """Linux: net/netfilter/xt_recent.c recent_mt_check()"""
        plain = values.keys() & {"set", "remove"}
        if "hitcount" in values and values["hitcount"].value >= MAX_STAMPS:
            return EINVAL
        return EINVAL if plain and values.keys() & {"seconds", "hitcount", "rttl", "reap"} else 0

    def save(self, values: Values) -> str:
        """List, mask and side are always said."""
        action = _action(values)
        words = ["!"] if values[action].inverted else []
        words.append(f"--{action}")
        for name in ("seconds", "reap", "hitcount", "rttl"):
            words += [f"--{name}"] if name in values else []
            words += [str(values[name].value)] if name in ("seconds", "hitcount") and name in values else []
        words.append(f"--name {_name(values)} --mask {self._mask_text(values)}")
        return " ".join([*words, "--rdest" if "rdest" in values else "--rsource"])

    def listing(self, values: Values, names: Names | None) -> str:
        """`recent: SET name: DEFAULT side: source mask: 255.255.255.255`"""
        action = _action(values)
        words = ["!"] if values[action].inverted else []
        words += ["recent:", _ACTIONS[action]]
        for name, shown in (("seconds", "seconds: {}"), ("reap", "reap"), ("hitcount", "hit_count: {}")):
            words += [shown.format(values[name].value)] if name in values else []
        words += ["TTL-Match"] if "rttl" in values else []
        words.append(f"name: {_name(values)} side: {'dest' if 'rdest' in values else 'source'}")
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
                by_destination="rdest" in values,
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


EXTENSIONS: Final = (RecentExtension(), RecentExtension6())
