"""Matches of single fields of the IP header: length, ttl, tos, dscp, iprange."""

from __future__ import annotations

from typing import Final

from pystack.applets.iptables.extension import MatchExtension, Site
from pystack.applets.iptables.extensions.ports import range_of
from pystack.applets.iptables.family import IPV4, IPV6
from pystack.applets.iptables.network import numeric
from pystack.applets.iptables.option import (
    U8,
    U16,
    Given,
    Option,
    Values,
    Where,
    prefix,
    show_range,
    uint,
    uint_range,
)
from pystack.applets.iptables.refused import Refused
from pystack.applets.tcpdump.names import Names
from pystack.netfilter.matches import fields
from pystack.netfilter.matches.ports import Range
from pystack.netfilter.rule import Match
from pystack.wire import ipv4, ipv6


def _not(given: Given) -> str:
    return "!" if given.inverted else ""


class Length(MatchExtension):
    """Linux: libxt_length.c"""

    name = "length"
    options = (Option("length", uint_range(U16), show_range, required=True, invert=True),)

    def listing(self, values: Values, names: Names | None) -> str:
        """`length 5:65535`"""
        return f"length {_not(values['length'])}{show_range(values['length'].value)}"

    def compile(self, values: Values, site: Site) -> tuple[Match, ...]:
        """One test."""
        return (fields.Length(range_of(values["length"])),)


class Ttl(MatchExtension):
    """Linux: libipt_ttl.c"""

    families = (IPV4,)
    name = "ttl"
    ids = ("ttl-eq", "ttl-lt", "ttl-gt")
    options = (
        Option("ttl-lt", uint(U8), excludes=("ttl-gt", "ttl-eq")),
        Option("ttl-gt", uint(U8), excludes=("ttl-lt", "ttl-eq")),
        Option("ttl-eq", uint(U8), invert=True, excludes=("ttl-lt", "ttl-gt"), aliases=("ttl",)),
    )

    def check(self, values: Values) -> None:
        """One of them."""
        if not values:
            raise Refused("TTL match: You must specify one of `--ttl-eq', `--ttl-lt', `--ttl-gt")

    def listing(self, values: Values, names: Names | None) -> str:
        """`TTL match TTL < 5`"""
        return f"TTL match TTL {_comparison(values)}"

    def compile(self, values: Values, site: Site) -> tuple[Match, ...]:
        """One test."""
        return (_compared(values),)


class HopLimit(MatchExtension):
    """Linux: libip6t_hl.c"""

    families = (IPV6,)
    name = "hl"
    options = (
        Option("hl-lt", uint(U8), excludes=("hl-gt", "hl-eq")),
        Option("hl-gt", uint(U8), excludes=("hl-lt", "hl-eq")),
        Option("hl-eq", uint(U8), invert=True, excludes=("hl-lt", "hl-gt")),
    )

    def check(self, values: Values) -> None:
        """One of them."""
        if not values:
            raise Refused("HL match: You must specify one of `--hl-eq', `--hl-lt', `--hl-gt'")

    def listing(self, values: Values, names: Names | None) -> str:
        """`HL match HL < 5`"""
        return f"HL match HL {_comparison(values)}"

    def compile(self, values: Values, site: Site) -> tuple[Match, ...]:
        """One test."""
        return (_compared(values),)


def _comparison(values: Values) -> str:
    """`< 5`"""
    ((name, given),) = values.items()
    sign = {"lt": "<", "gt": ">"}.get(name[-2:], "!=" if given.inverted else "==")
    return f"{sign} {given.value}"


def _compared(values: Values) -> fields.Ttl:
    """By the end of the option's name."""
    ((name, given),) = values.items()
    bounds = {"lt": (0, given.value - 1), "gt": (given.value + 1, U8)}
    return fields.Ttl(Range(*bounds.get(name[-2:], (given.value, given.value)), given.inverted))


# --- TOS ----------------------------------------------------------------------------------------------------

TOS_NAMES: Final = {
    "Minimize-Delay": 0x10,
    "Maximize-Throughput": 0x08,
    "Maximize-Reliability": 0x04,
    "Minimize-Cost": 0x02,
    "Normal-Service": 0x00,
}
SYMBOLIC_MASK: Final = 0x3F
DSCP_MASK: Final = 0xFC


def tos(text: str, where: Where) -> tuple[int, int]:
    """A number with a mask, or a name. Linux: libxtables xtopt_parse_tosmask()"""
    value, rest = prefix(text, U8)
    if value is not None:
        mask, rest = prefix(rest[1:], U8) if rest[:1] == "/" else (U8, rest)
        if mask is None or rest:
            raise Refused(f'Illegal value: "{text}"')
        return value, mask
    for name, number in TOS_NAMES.items():
        if name.lower() == text.lower():
            return number, SYMBOLIC_MASK
    raise Refused(f'Symbolic name "{text}" is unknown')


def show_tos(value: tuple[int, int]) -> str:
    """Both numbers always."""
    return f"0x{value[0]:02x}/0x{value[1]:02x}"


def tos_name(value: tuple[int, int]) -> str | None:
    """The name of a TOS where it has one."""
    number, mask = value
    return next((name for name, known in TOS_NAMES.items() if (known, SYMBOLIC_MASK) == (number, mask)), None)


class Tos(MatchExtension):
    """Linux: libxt_tos.c"""

    name = "tos"
    options = (Option("tos", tos, show_tos, required=True, invert=True),)

    def listing(self, values: Values, names: Names | None) -> str:
        """`tos match0x10/0x3f`: the tool prints no space before a number."""
        given = values["tos"]
        named = tos_name(given.value) if names is not None else None
        return f"tos match{_not(given)}{show_tos(given.value) if named is None else f' {named}'}"

    def compile(self, values: Values, site: Site) -> tuple[Match, ...]:
        """One test."""
        given = values["tos"]
        value, mask = given.value
        return (fields.Tos(value, mask, given.inverted),)


_CLASSES: Final = (
    {f"CS{number}": number << 3 for number in range(8)}
    | {"BE": 0}
    | {f"AF{high}{low}": high << 3 | low << 1 for high in range(1, 5) for low in range(1, 4)}
    | {"EF": 0x2E}
)


def dscp_class(text: str, where: Where) -> int:
    """Linux: extensions/dscp_helper.c class_to_dscp()"""
    found = next((value for name, value in _CLASSES.items() if text.upper().startswith(name)), None)
    if found is None:
        raise Refused(f"Invalid DSCP value `{text}'")
    return found


def show_dscp(value: int) -> str:
    """Two digits."""
    return f"0x{value:02x}"


class Dscp(MatchExtension):
    """Linux: libxt_dscp.c"""

    name = "dscp"
    options = (
        Option("dscp", uint(0x3F), show_dscp, invert=True, excludes=("dscp-class",)),
        Option("dscp-class", dscp_class, show_dscp, invert=True),
    )

    def check(self, values: Values) -> None:
        """One of them."""
        if not values:
            raise Refused("DSCP match: Parameter --dscp is required")

    def save(self, values: Values) -> str:
        """A class is saved as its number."""
        (given,) = values.values()
        return super().save({"dscp": given})

    def listing(self, values: Values, names: Names | None) -> str:
        """`DSCP match 0x0a`"""
        (given,) = values.values()
        return f"DSCP match {_not(given)}{show_dscp(given.value)}"

    def compile(self, values: Values, site: Site) -> tuple[Match, ...]:
        """The upper six bits of the TOS."""
        (given,) = values.values()
        return (fields.Tos(given.value << 2, DSCP_MASK, given.inverted),)


# --- ranges of addresses ------------------------------------------------------------------------------------


def _addresses(text: str, where: Where) -> tuple[int, int]:
    """Linux: libxt_iprange.c iprange_parse_range()"""
    low_text, dash, high_text = text.partition("-")
    low, high = (numeric(end, where.family) for end in (low_text, high_text if dash else low_text))
    if low is None or high is None:
        bad = low_text if low is None else high_text
        raise Refused(f'iprange: Bad value for "--{where.option}" option: "{bad}"')
    if low > high:
        where.warn(f"xt_iprange: range {_show_addresses((low, high))} is reversed and will never match")
    return low, high


def _show_addresses(value: tuple[int, int]) -> str:
    return f"{ipv4.address_text(value[0])}-{ipv4.address_text(value[1])}"


def _show_addresses6(value: tuple[int, int]) -> str:
    return f"{ipv6.address_text(value[0])}-{ipv6.address_text(value[1])}"


class IpRange(MatchExtension):
    """Linux: libxt_iprange.c"""

    families = (IPV4,)
    name = "iprange"
    options = (
        Option("src-range", _addresses, _show_addresses, invert=True),
        Option("dst-range", _addresses, _show_addresses, invert=True),
    )

    def check(self, values: Values) -> None:
        """One of them."""
        if not values:
            raise Refused("iprange match: You must specify `--src-range' or `--dst-range'")

    def listing(self, values: Values, names: Names | None) -> str:
        """`source IP range 1.1.1.1-1.1.1.5`"""
        words: list[str] = []
        for name, said in (("src-range", "source"), ("dst-range", "destination")):
            if name in values:
                bang = "! " if values[name].inverted else ""
                words.append(f"{said} IP range {bang}{self.options[0].show(values[name].value)}")
        return " ".join(words)

    def compile(self, values: Values, site: Site) -> tuple[Match, ...]:
        """One test for both."""
        ends = [range_of(values[name]) if name in values else None for name in ("src-range", "dst-range")]
        return (fields.AddressRange(ends[0], ends[1]),)


class IpRange6(IpRange):
    """The same of IPv6."""

    families = (IPV6,)
    options = (
        Option("src-range", _addresses, _show_addresses6, invert=True),
        Option("dst-range", _addresses, _show_addresses6, invert=True),
    )


EXTENSIONS: Final = (Length(), Ttl(), HopLimit(), Tos(), Dscp(), IpRange(), IpRange6())
