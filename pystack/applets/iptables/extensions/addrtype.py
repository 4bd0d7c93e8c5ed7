"""Matches that ask the routes: addrtype, rpfilter."""

from __future__ import annotations

from typing import Final

from pystack.applets.iptables.extension import MatchExtension, Site
from pystack.applets.iptables.family import IPV4
from pystack.applets.iptables.option import Option, Values, Where
from pystack.applets.iptables.refused import Refused
from pystack.applets.tcpdump.names import Names
from pystack.errors import EINVAL
from pystack.netfilter.matches.addrtype import AddressType, RpFilter
from pystack.netfilter.rule import Match

# In the order of RTN_*. Linux: libxt_addrtype.c rtn_names
_KINDS: Final = (
    "UNSPEC",
    "UNICAST",
    "LOCAL",
    "BROADCAST",
    "ANYCAST",
    "MULTICAST",
    "BLACKHOLE",
    "UNREACHABLE",
    "PROHIBIT",
    "THROW",
    "NAT",
    "XRESOLVE",
)


def _kinds(text: str, where: Where) -> int:
    """A bit mask; the beginning of a name is enough. Linux: libxt_addrtype.c parse_types()"""
    mask, rest = 0, text
    while True:
        name, comma, after = rest.partition(",")
        known = [number for number, kind in enumerate(_KINDS) if kind.startswith(name.upper()) and name]
        if not known:
            raise Refused(f"addrtype: bad type `{rest}'" if comma else f'addrtype: bad type "{rest}"')
        mask |= 1 << known[0]
        if not comma:
            return mask
        rest = after


def _show_kinds(mask: int) -> str:
    return ",".join(kind for number, kind in enumerate(_KINDS) if mask >> number & 1)


class AddrType(MatchExtension):
    """Linux: libxt_addrtype.c"""

    families = (IPV4,)
    name = "addrtype"
    options = (
        Option("src-type", _kinds, _show_kinds, invert=True),
        Option("dst-type", _kinds, _show_kinds, invert=True),
        Option("limit-iface-in", excludes=("limit-iface-out",)),
        Option("limit-iface-out"),
    )

    def check(self, values: Values) -> None:
        """One of the two ends."""
        if "src-type" not in values and "dst-type" not in values:
            raise Refused("addrtype: you must specify --src-type or --dst-type")

    def kernel_error(self, values: Values, site: Site) -> int:
        """A device that is not known yet, or any more, cannot be asked for.

        Linux: net/netfilter/xt_addrtype.c addrtype_mt_checkentry_v1()
        """
        no_out = "limit-iface-out" in values and site.chain in ("PREROUTING", "INPUT")
        no_in = "limit-iface-in" in values and site.chain in ("POSTROUTING", "OUTPUT")
        return EINVAL if no_out or no_in else super().kernel_error(values, site)

    def listing(self, values: Values, names: Names | None) -> str:
        """`ADDRTYPE match dst-type LOCAL`"""
        text = "ADDRTYPE match"
        for name in ("src-type", "dst-type"):
            if name in values:
                text += f" {name} {'!' if values[name].inverted else ''}{_show_kinds(values[name].value)}"
        for name in ("limit-iface-in", "limit-iface-out"):
            text += f" {name.replace('iface-', '')}" if name in values else ""
        return text

    def compile(self, values: Values, site: Site) -> tuple[Match, ...]:
        """One test for both ends."""
        ends = [
            (values[name].value, values[name].inverted) if name in values else None
            for name in ("src-type", "dst-type")
        ]
        limits = "limit-iface-in" in values, "limit-iface-out" in values
        return (AddressType(site.path, ends[0], ends[1], *limits),)


class RpFilterExtension(MatchExtension):
    """Linux: libxt_rpfilter.c"""

    name = "rpfilter"
    hooks = ("PREROUTING",)
    tables = ("mangle", "raw")
    options = (Option("loose"), Option("validmark"), Option("accept-local"), Option("invert"))

    def listing(self, values: Values, names: Names | None) -> str:
        """`rpfilter loose invert`"""
        return f"rpfilter {self.save(values).replace('--', '')}".rstrip()

    def compile(self, values: Values, site: Site) -> tuple[Match, ...]:
        """One test."""
        return (RpFilter(site.path, *(option.name in values for option in self.options)),)


EXTENSIONS: Final = (AddrType(), RpFilterExtension())
