"""`-m icmp`, `-m icmp6`"""

from __future__ import annotations

from typing import Final

from pystack.applets.iptables.extension import MatchExtension, Site
from pystack.applets.iptables.family import IPV4, IPV6
from pystack.applets.iptables.icmp_types import ICMP_TYPES, ICMPV6_TYPES, IcmpNames
from pystack.applets.iptables.option import U8, Option, Parse, Values, Where, prefix
from pystack.applets.iptables.refused import Refused
from pystack.applets.tcpdump.names import Names
from pystack.netfilter.matches.icmp import ANY_TYPE, NO_TYPE, IcmpType
from pystack.netfilter.rule import Match
from pystack.wire.ipv4 import IPPROTO_ICMP
from pystack.wire.ipv6 import IPPROTO_ICMPV6

_ALL_CODES: Final = (0, 0xFF)


def _parser(known: IcmpNames, protocol: str) -> Parse:
    """Reads a type and its first and last code. Linux: libxtables ipt_parse_icmp()"""

    def parse(text: str, where: Where) -> tuple[int, int, int]:
        found = [entry for entry in known if entry[0].lower().startswith(text.lower())]
        exact = [entry for entry in found if entry[0].lower() == text.lower()]
        if len(exact or found) > 1:
            raise Refused(f"Ambiguous {protocol} type `{text}': `{found[0][0]}' or `{found[1][0]}'?")
        if found:
            _, kind, low, high = (exact or found)[0]
            return kind, low, high
        return _numbers(text, protocol)

    return parse


def _numbers(text: str, protocol: str) -> tuple[int, int, int]:
    """`TYPE[/CODE[:CODE]]`"""
    kinds, rest = _range(text)
    if kinds is None:
        raise Refused(f"Unknown {protocol} type `{text}'")
    codes: tuple[int, int] | None = _ALL_CODES
    if rest.startswith("/"):
        codes, rest = _range(rest[1:])
    if codes is None:
        raise Refused(f"Unknown {protocol} code `{text}'")
    if rest:
        raise Refused(f"unknown character {rest[0]}")
    if kinds[0] != kinds[1]:
        raise Refused(f"{protocol} type range not supported")
    return kinds[0], *codes


def _range(text: str) -> tuple[tuple[int, int] | None, str]:
    """`LOW[:HIGH]`, and what follows."""
    low, rest = prefix(text, U8)
    high = low
    if rest.startswith(":"):
        high, rest = prefix(rest[1:], U8)
    return (None if low is None or high is None else (low, high)), rest


def _show(value: tuple[int, int, int]) -> str:
    kind, low, high = value
    if (low, high) == _ALL_CODES:
        return str(kind)
    return f"{kind}/{low}"  # the tool forgets where a range of codes ends


def _show_any(value: tuple[int, int, int]) -> str:
    return "any" if value[0] == ANY_TYPE else _show(value)


class Icmp(MatchExtension):
    """Linux: libipt_icmp.c"""

    families = (IPV4,)
    name = "icmp"
    protocols = (IPPROTO_ICMP,)
    options = (Option("icmp-type", _parser(ICMP_TYPES, "ICMP"), _show_any, required=True, invert=True),)
    listed = "icmp"
    known = ICMP_TYPES
    any_type = ANY_TYPE

    def listing(self, values: Values, names: Names | None) -> str:
        """`icmptype 8`"""
        (given,) = values.values()
        kind, low, high = given.value
        not_ = "!" if given.inverted else ""
        named = next((entry[0] for entry in self.known if entry[1:] == given.value), None)
        if names is not None and named is not None:
            return f"{self.listed} {not_}{named}"
        text = f"{self.listed} {not_}type {kind}" if not_ else f"{self.listed}type {kind}"
        if (low, high) == _ALL_CODES:
            return text
        return f"{text} code {low}" if low == high else f"{text} codes {low}-{high}"

    def compile(self, values: Values, site: Site) -> tuple[Match, ...]:
        """One test."""
        (given,) = values.values()
        kind, low, high = given.value
        return (IcmpType(kind, low, high, given.inverted, self.any_type),)


class Icmp6(Icmp):
    """Linux: libip6t_icmp6.c"""

    families = (IPV6,)
    name = "icmp6"
    protocols = (IPPROTO_ICMPV6,)
    options = (Option("icmpv6-type", _parser(ICMPV6_TYPES, "ICMPv6"), _show, required=True, invert=True),)
    listed = "ipv6-icmp"
    known = ICMPV6_TYPES
    any_type = NO_TYPE


EXTENSIONS: Final = (Icmp(), Icmp6())
