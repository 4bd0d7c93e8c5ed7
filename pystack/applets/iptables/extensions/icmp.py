"""`-m icmp`"""

from __future__ import annotations

from typing import Final

from pystack.applets.iptables.extension import MatchExtension, Site
from pystack.applets.iptables.icmp_types import ICMP_TYPES
from pystack.applets.iptables.option import Option, Values, Where, strtoul
from pystack.applets.iptables.refused import Refused
from pystack.applets.tcpdump.names import Names
from pystack.netfilter.matches.icmp import ANY_TYPE, IcmpType
from pystack.netfilter.rule import Match
from pystack.wire.ipv4 import IPPROTO_ICMP

_ALL_CODES: Final = (0, 0xFF)


def _icmp_type(text: str, where: Where) -> tuple[int, int, int]:
    """A type and its first and last code. Linux: libxtables ipt_parse_icmp()"""
    found = [entry for entry in ICMP_TYPES if entry[0].lower().startswith(text.lower())]
    exact = [entry for entry in found if entry[0].lower() == text.lower()]
    if len(exact or found) > 1:
        raise Refused(f"Ambiguous ICMP type `{text}': `{found[0][0]}' or `{found[1][0]}'?")
    if found:
        _, kind, low, high = (exact or found)[0]
        return kind, low, high
    kind_text, slash, codes = text.partition("/")
    kind_number = strtoul(kind_text)
    if kind_number is None or kind_number > 0xFF:
        raise Refused(f"Unknown ICMP type `{text}'" if not slash else f"Invalid ICMP type `{kind_text}'")
    if not slash:
        return kind_number, *_ALL_CODES
    low_text, _, high_text = codes.partition(":")
    first, last = strtoul(low_text), strtoul(high_text or low_text)
    if first is None or last is None or max(first, last) > 0xFF:
        raise Refused(f"Unknown ICMP code `{text}'")
    return kind_number, first, last


def _show(value: tuple[int, int, int]) -> str:
    kind, low, high = value
    if kind == ANY_TYPE:
        return "any"
    if (low, high) == _ALL_CODES:
        return str(kind)
    return f"{kind}/{low}"  # the tool forgets where a range of codes ends


class Icmp(MatchExtension):
    """Linux: libipt_icmp.c"""

    name = "icmp"
    protocols = (IPPROTO_ICMP,)
    options = (Option("icmp-type", _icmp_type, _show, required=True, invert=True),)

    def listing(self, values: Values, names: Names | None) -> str:
        """`icmptype 8`"""
        given = values["icmp-type"]
        kind, low, high = given.value
        not_ = "!" if given.inverted else ""
        named = next((entry[0] for entry in ICMP_TYPES if entry[1:] == given.value), None)
        if names is not None and named is not None:
            return f"icmp {not_}{named}"
        text = f"icmp {not_}type {kind}" if not_ else f"icmptype {kind}"
        if (low, high) == _ALL_CODES:
            return text
        return f"{text} code {low}" if low == high else f"{text} codes {low}-{high}"

    def compile(self, values: Values, site: Site) -> tuple[Match, ...]:
        """One test."""
        given = values["icmp-type"]
        kind, low, high = given.value
        return (IcmpType(kind, low, high, given.inverted),)


EXTENSIONS: Final = (Icmp(),)
