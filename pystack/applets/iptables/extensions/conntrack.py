"""Matches that ask how a packet stands to its connection: conntrack, state."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import ClassVar, Final

from pystack.applets.iptables import header
from pystack.applets.iptables.extension import MatchExtension, Site
from pystack.applets.iptables.family import IPV4, IPV6, Family
from pystack.applets.iptables.option import (
    U32,
    Given,
    Option,
    Parse,
    Values,
    Where,
    host,
    ports,
    prefix_length,
    show_range,
    uint_range,
)
from pystack.applets.iptables.refused import Refused
from pystack.applets.tcpdump.names import Names
from pystack.netfilter.conntrack import info
from pystack.netfilter.matches.conntrack import (
    Conntrack,
    CtDirection,
    CtExpires,
    CtField,
    CtState,
    CtStatus,
    Part,
)
from pystack.netfilter.rule import Match

# In the order in which they are printed.
STATES: Final = {
    "INVALID": info.STATE_INVALID,
    "NEW": info.STATE_NEW,
    "RELATED": info.STATE_RELATED,
    "ESTABLISHED": info.STATE_ESTABLISHED,
    "UNTRACKED": info.STATE_UNTRACKED,
}
_CTSTATES: Final = {**STATES, "SNAT": info.STATE_SNAT, "DNAT": info.STATE_DNAT}
STATUSES: Final = {
    "NONE": 0,
    "EXPECTED": info.IPS_EXPECTED,
    "SEEN_REPLY": info.IPS_SEEN_REPLY,
    "ASSURED": info.IPS_ASSURED,
    "CONFIRMED": info.IPS_CONFIRMED,
}


def _set_of(known: Mapping[str, int], what: str) -> Parse:
    """Words separated by commas, each may be abbreviated. Linux: libxt_conntrack.c conntrack_ps_states()"""

    def parse(text: str, where: Where) -> int:
        found, rest = 0, text
        while True:
            word, comma, after = rest.partition(",")
            names = [name for name in known if name.startswith(word.upper())] if word else []
            if not rest and what == "state":
                why = "requires a list of states with no spaces, e.g. ESTABLISHED,RELATED"
                raise Refused(f'"--state" {why}')
            if not names:
                raise Refused(f'Bad {what} "{rest}"')
            found |= known[names[0]]
            if not comma:
                return found
            rest = after

    return parse


def _show_states(bits: int) -> str:
    return ",".join(name for name, bit in _CTSTATES.items() if bits & bit)


def _show_status(bits: int) -> str:
    return ",".join(name for name, bit in STATUSES.items() if bits & bit) or "NONE"


def _host_and_mask(text: str, where: Where) -> tuple[int, int]:
    """The address is kept as it was written. Linux: xtopt_parse_hostmask()"""
    host_text, slash, mask_text = text.partition("/")
    family = where.family
    address = host(host_text, where)
    length = min(prefix_length(mask_text, where), family.bits) if slash else family.bits
    return address, family.netmask(length)


def _shower(family: Family) -> Callable[[tuple[int, int]], str]:
    def show(value: tuple[int, int]) -> str:
        address, mask = value
        length = family.prefix_length(mask)
        return family.address_text(address) + (f"/{length}" if length not in (None, family.bits) else "")

    return show


def _protocol(text: str, where: Where) -> int:
    return header.protocol(text, where.names)[0]


def _direction(text: str, where: Where) -> str:
    if text.upper() not in ("ORIGINAL", "REPLY"):
        raise Refused(f'conntrack: Bad value for "--ctdir" option: "{text}"')
    return text.upper()


ADDRESSES: Final = {
    "ctorigsrc": ("saddr", False),
    "ctorigdst": ("daddr", False),
    "ctreplsrc": ("saddr", True),
    "ctrepldst": ("daddr", True),
}
PORTS: Final = {
    "ctorigsrcport": ("sport", False),
    "ctorigdstport": ("dport", False),
    "ctreplsrcport": ("sport", True),
    "ctrepldstport": ("dport", True),
}


def _options(family: Family) -> tuple[Option, ...]:
    return (
        Option("ctstate", _set_of(_CTSTATES, "ctstate"), _show_states, invert=True),
        Option("ctproto", _protocol, invert=True),
        *(Option(name, _host_and_mask, _shower(family), invert=True) for name in ADDRESSES),
        *(Option(name, ports, show_range, invert=True) for name in PORTS),
        Option("ctstatus", _set_of(STATUSES, "ctstatus"), _show_status, invert=True),
        Option("ctexpire", uint_range(U32), show_range, invert=True),
        Option("ctdir", _direction),
    )


class ConntrackMatch(MatchExtension):
    """Linux: libxt_conntrack.c"""

    families: ClassVar[tuple[Family, ...]] = (IPV4,)
    name = "conntrack"
    options = _options(IPV4)

    def check(self, values: Values) -> None:
        """One of them."""
        if not values:
            raise Refused("conntrack: At least one option is required")

    def listing(self, values: Values, names: Names | None) -> str:
        """`ctstate NEW ! ctproto 6`"""
        words = []
        for option in self.options:
            given = values.get(option.name)
            if given is not None:
                words.append("! " * given.inverted + f"{option.name} {self._shown(option, given, names)}")
        return " ".join(words)

    def _shown(self, option: Option, given: Given, names: Names | None) -> str:
        if option.name in ADDRESSES and names is not None and given.value == (0, 0):
            return "anywhere"
        return option.show(given.value)

    def compile(self, values: Values, site: Site) -> tuple[Match, ...]:
        """One test for all of it."""
        state = values.get("ctstate")
        parts: list[Part] = []
        for name, given in values.items():
            parts += self._parts(name, given, site)
        of_state = None if state is None else CtState(state.value, state.inverted)
        return (Conntrack(of_state, tuple(parts)) if parts or of_state is None else of_state,)

    def _parts(self, name: str, given: Given, site: Site) -> list[Part]:
        value, inverted = given.value, given.inverted
        if name in ADDRESSES:
            field, reply = ADDRESSES[name]
            address, mask = value
            return [CtField(field, reply, address & mask, address & mask, mask, inverted)]
        if name in PORTS:
            field, reply = PORTS[name]
            low, high = value
            return [CtField(field, reply, low, high, inverted=inverted)]
        if name == "ctproto":
            return [CtField("protocol", False, value, value, inverted=inverted)]
        if name == "ctstatus":
            return [CtStatus(value, inverted)]
        if name == "ctexpire":
            low, high = value
            return [CtExpires(low, high, site.conntrack.context, inverted)]
        return [CtDirection(value == "REPLY")] if name == "ctdir" else []


class ConntrackMatch6(ConntrackMatch):
    """The same of IPv6."""

    families = (IPV6,)
    options = _options(IPV6)


class StateMatch(MatchExtension):
    """Linux: libxt_conntrack.c state_mt_reg"""

    name = "state"
    options = (Option("state", _set_of(STATES, "state"), _show_states, required=True, invert=True),)

    def listing(self, values: Values, names: Names | None) -> str:
        """`state NEW`"""
        given = values["state"]
        return "! " * given.inverted + f"state {_show_states(given.value)}"

    def compile(self, values: Values, site: Site) -> tuple[Match, ...]:
        """One test."""
        given = values["state"]
        return (CtState(given.value, given.inverted),)


EXTENSIONS: Final = (ConntrackMatch(), ConntrackMatch6(), StateMatch())
