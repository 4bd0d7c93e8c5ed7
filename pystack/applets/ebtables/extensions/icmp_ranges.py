"""Types and codes of ICMP, and types of IGMP, as ebtables takes and prints them.

Linux: libxt_icmp.h __parse_icmp(), libebt_ip.c ebt_print_icmp_type()
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pystack.applets.ebtables.frame_words import strtol
from pystack.applets.iptables.icmp_types import IcmpNames
from pystack.applets.iptables.option import Parse, Where
from pystack.applets.iptables.refused import Refused

Range = tuple[int, int]
Ranges = tuple[Range, Range]  # of types, and of codes

_ALL: Final[Range] = (0, 255)


def parse_ranges(names: IcmpNames, protocol: str, *, codes: bool = True, base: int = 0) -> Parse:
    """How one protocol's option is read."""

    def parse(text: str, where: Where) -> Ranges:
        found = [entry for entry in names if entry[0].lower().startswith(text.lower())]
        if len(found) > 1:
            first, second = found[0][0], found[1][0]
            raise Refused(f"Ambiguous {protocol} type `{text}': `{first}' or `{second}'?")
        if found:
            _, kind, low, high = found[0]
            return (kind, kind), (low, high) if codes else _ALL
        types, rest = _range(text, base, f"Unknown {protocol} type `{text}'")
        if not rest:
            return types, _ALL
        if rest[0] != "/" or not codes:
            raise Refused(f"unknown character {rest[0]}")
        of_codes, rest = _range(rest[1:], base, f"Unknown {protocol} code `{text}'")
        if rest:
            raise Refused(f"unknown character {rest[0]}")
        return types, of_codes

    return parse


def _range(text: str, base: int, otherwise: str) -> tuple[Range, str]:
    low, rest = strtol(text, base)
    high = low
    if rest[:1] == ":" and rest[1:2].isdigit():
        high, rest = strtol(rest[1:], base)
    if not text[:1].isdigit() or max(low, high) > 255:
        raise Refused(otherwise)
    return (low, high), rest


def show_ranges(names: IcmpNames, *, codes: bool = True) -> Callable[[Ranges], str]:
    """How it is printed again; IGMP has no codes."""

    def show(value: Ranges) -> str:
        (low, high), of_codes = value
        tail = f"/{_show_range(of_codes)}" if codes else ""
        if low != high:
            return f"{low}:{high}{tail}"
        for name, kind, first, last in names:
            if kind == low and (not codes or (first, last) == of_codes):
                return name
        return f"{low}{tail}"

    return show


def _show_range(value: Range) -> str:
    return f"{value[0]}" if value[0] == value[1] else f"{value[0]}:{value[1]}"
