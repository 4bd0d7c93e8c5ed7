"""Matches by a few fields of the frame, or by what is noted about it: 802_3, vlan, mark, pkttype, limit."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Final

from pystack.applets.ebtables.extension import BY_KERNEL, MatchExtension, Site, something_needed
from pystack.applets.ebtables.frame_words import ethertype, strtol
from pystack.applets.ebtables.header import Header
from pystack.applets.iptables.extensions.limit import RateUnits
from pystack.applets.iptables.option import U16, U32, U64, Option, Values, Where, number
from pystack.applets.iptables.refused import Refused
from pystack.netfilter.matches.frame import Field, FrameType, SnapType, VlanField
from pystack.netfilter.matches.limit import SCALE, Limit, overflows
from pystack.netfilter.matches.meta import Mark
from pystack.netfilter.nft.statements.limit import Limit as TokenBucket
from pystack.netfilter.rule import Match
from pystack.wire.ethernet import ETH_P_8021Q, ETH_ZLEN

# --- 802_3 --------------------------------------------------------------------------------------------------


def _service(text: str, where: Where) -> int:
    value, rest = strtol(text, 16)
    if rest or not 0 <= value <= 0xFF:
        raise Refused(f"Problem with specified sap hex value, {value & 0xFFFFFFFF:x}")
    return value


def _snap_type(text: str, where: Where) -> int:
    value, rest = strtol(text, 16)
    if rest or not 0 <= value <= U16:
        raise Refused(f"Problem with the specified type hex value, {value & 0xFFFFFFFF:x}")
    return value


class Frame8023(MatchExtension):
    """Linux: libebt_802_3.c"""

    name = "802_3"
    options: ClassVar[tuple[Option, ...]] = (
        Option("802_3-sap", _service, "0x{:02x}".format, many=True),
        Option("802_3-type", _snap_type, "0x{:04x}".format, many=True),
    )

    def check(self, values: Values, header: Header) -> None:
        """Only in frames that have a length instead of a type."""
        something_needed(values)
        if not header.is_length:
            raise Refused("For 802.3 DSAP/SSAP filtering the protocol must be LENGTH")

    def compile(self, values: Values, site: Site) -> tuple[Match, ...]:
        """Both service access points, and the type behind them."""
        tests: list[Match] = []
        if (given := values.get("802_3-sap")) is not None:
            tests += [Field(offset, 1, given.value, given.value, given.inverted) for offset in (1, 0)]
        if (given := values.get("802_3-type")) is not None:
            tests.append(SnapType(given.value, given.inverted))
        return tuple(tests)


# --- vlan ---------------------------------------------------------------------------------------------------


_LAST_VLAN: Final = 4094
_LAST_PRIORITY: Final = 7


def _vlan_id(text: str, where: Where) -> int:
    value, rest = strtol(text, 10)
    if rest or value & U16 > _LAST_VLAN:
        raise Refused(f"Invalid --vlan-id range ('{text}')")
    return value & U16  # of more the tool takes no note


def _priority(text: str, where: Where) -> int:
    value, rest = strtol(text, 10)
    if rest or value & 0xFF > _LAST_PRIORITY:
        raise Refused(f"Invalid --vlan-prio range ('{text}')")
    return value & 0xFF


def _encapsulated(text: str, where: Where) -> int:
    value, rest = strtol(text, 16)
    if rest:
        known = ethertype(text)
        if known is None:
            raise Refused(f"Unknown --vlan-encap value ('{text}')")
        value = known
    value &= U16
    if value < ETH_ZLEN:
        raise Refused(f"Invalid --vlan-encap range ('{text}')")
    return value


class Vlan(MatchExtension):
    """Linux: libebt_vlan.c"""

    name = "vlan"
    options: ClassVar[tuple[Option, ...]] = (
        Option("vlan-id", _vlan_id),
        Option("vlan-prio", _priority),
        Option("vlan-encap", _encapsulated, "{:04X}".format),
    )

    def refusal(self, values: Values, site: Site) -> str:
        """Linux: ebt_vlan.c ebt_vlan_mt_check()"""
        header = site.header
        if header.ethertype == ETH_P_8021Q and (site.nft or not header.ethertype_inverted):
            return ""
        return "For vlan filtering the protocol must be specified as 802_1Q"

    def prepared(self, values: Values) -> Values:
        """Where a VLAN is asked for, the kernel forgets the priority."""
        if "vlan-id" not in values or not values["vlan-id"].value:
            return values
        return {name: given for name, given in values.items() if name != "vlan-prio"}

    def compile(self, values: Values, site: Site) -> tuple[Match, ...]:
        """Parts of the tag, and the type behind it."""
        places = {"vlan-id": (16, 0x0FFF), "vlan-prio": (29, 7), "vlan-encap": (0, U16)}
        return tuple(VlanField(*places[name], given.value, given.inverted) for name, given in values.items())


# --- mark, pkttype ------------------------------------------------------------------------------------------


def _mark(text: str, where: Where) -> tuple[int | None, int]:
    """`VALUE[/MASK]`, or `/MASK`: any of these bits."""
    value, rest = strtol(text, 0)
    if not rest and text:
        return value & U64, U32
    mask, left = strtol(rest[1:], 0)
    if not rest.startswith("/") or left:
        raise Refused(f"Bad mark value '{text}'")
    return (value & U64 if rest != text else None), mask & U64


def _show_mark(value: tuple[int | None, int]) -> str:
    mark, mask = value
    if mark is None:
        return f"/{mask:#x}"
    return f"{mark:#x}" if mask == U32 else f"{mark:#x}/{mask:#x}"


class MarkMatch(MatchExtension):
    """Linux: libebt_mark_m.c"""

    name = "mark_m"
    options: ClassVar[tuple[Option, ...]] = (Option("mark", _mark, _show_mark, many=True),)

    def compile(self, values: Values, site: Site) -> tuple[Match, ...]:
        """Linux: ebt_mark_m.c ebt_mark_mt()"""
        given = values["mark"]
        mark, mask = given.value
        return (Mark(0, mask, not given.inverted) if mark is None else Mark(mark, mask, given.inverted),)


_CLASSES: Final = ("host", "broadcast", "multicast", "otherhost", "outgoing", "loopback", "fastroute")


def _class(text: str, where: Where) -> int:
    value, rest = strtol(text, 16)
    if rest:
        if text.lower() not in _CLASSES:
            raise Refused(f"Could not parse class '{text}'")
        value = _CLASSES.index(text.lower())
    if not 0 <= value <= 255:
        raise Refused("Problem with specified pkttype class")
    return value


def _show_class(value: int) -> str:
    return _CLASSES[value] if value < len(_CLASSES) else str(value)


class PacketTypeMatch(MatchExtension):
    """Linux: libebt_pkttype.c"""

    name = "pkttype"
    options: ClassVar[tuple[Option, ...]] = (Option("pkttype-type", _class, _show_class, many=True),)

    def compile(self, values: Values, site: Site) -> tuple[Match, ...]:
        """One test."""
        given = values["pkttype-type"]
        return (FrameType(given.value, given.inverted),)


# --- limit --------------------------------------------------------------------------------------------------

_RATES: Final = RateUnits(SCALE)
_USUAL_RATE: Final = SCALE * 3600 // 3
_USUAL_BURST: Final = 5


def _rate(text: str, where: Where) -> int:
    try:
        return _RATES.parse(text, where)
    except Refused as refused:
        raise Refused(f"bad rate `{text}'" if refused.text.startswith("bad rate") else refused.text) from None


def _burst(text: str, where: Where) -> int:
    value = number(text, 10000)
    if value is None:
        raise Refused(f"bad --limit-burst `{text}'")
    return value


class LimitMatch(MatchExtension):
    """Linux: libxt_limit.c brlimit_parse()"""

    name = "limit"
    options: ClassVar[tuple[Option, ...]] = (
        Option("limit", _rate, _RATES.show),
        Option("limit-burst", _burst),
    )

    def check_inversion(self, option: Option, *, inverted: bool) -> None:
        """There is nothing to invert."""
        if inverted:
            raise Refused(f"Unexpected `!' after --{option.name}")

    def refusal(self, values: Values, site: Site) -> str:
        """Linux: ebt_limit.c ebt_limit_mt_check()"""
        too_much = not site.nft and overflows(*_settings(values), site.path.clock.hz)
        return BY_KERNEL if too_much else ""

    def words(self, values: Values) -> Iterator[str]:
        """As a command line takes them."""
        interval, burst = _settings(values)
        yield from ("--limit", _RATES.show(interval), "--limit-burst", str(burst))

    def compile(self, values: Values, site: Site) -> tuple[Match, ...]:
        """One test, with a memory of its own."""
        interval, burst = _settings(values)
        if site.nft:
            return (TokenBucket(site.path.clock, *_RATES.packets_in(interval), burst),)
        return (Limit(site.path, interval, burst),)


def _settings(values: Values) -> tuple[int, int]:
    interval = values["limit"].value if "limit" in values else _USUAL_RATE
    return interval, values["limit-burst"].value if "limit-burst" in values else _USUAL_BURST


EXTENSIONS: Final = (Frame8023(), Vlan(), MarkMatch(), PacketTypeMatch(), LimitMatch())
