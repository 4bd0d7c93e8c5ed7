"""`--stp-…`: spanning tree messages. Linux: libebt_stp.c"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import ClassVar, Final

from pystack.applets.ebtables.extension import MatchExtension, Site
from pystack.applets.ebtables.frame_words import Mac, mac_and_mask, show_mac_and_mask, strtol, whole
from pystack.applets.iptables.option import U16, U32, Option, Parse, Values, Where, show_range
from pystack.applets.iptables.refused import Refused
from pystack.netfilter.matches.frame import Field, IsConfigBpdu
from pystack.netfilter.rule import Match

_GROUP: Final = 0x0180C2000000
_HEADER: Final = 6
_MESSAGE: Final = _HEADER + 31

_TYPES: Final = {"config": 0, "tcn": 0x80}
_FLAGS: Final = {"topology-change": 0x01, "topology-change-ack": 0x80}

# Where each stands in the message, and in how many octets.
_PLACES: Final = {
    "stp-flags": (0, 1),
    "stp-root-prio": (1, 2),
    "stp-root-addr": (3, 6),
    "stp-root-cost": (9, 4),
    "stp-sender-prio": (13, 2),
    "stp-sender-addr": (15, 6),
    "stp-port": (21, 2),
    "stp-msg-age": (23, 2),
    "stp-max-age": (25, 2),
    "stp-hello-time": (27, 2),
    "stp-forward-delay": (29, 2),
}


def _named(names: Mapping[str, int]) -> tuple[Parse, Callable[[int], str]]:
    """One octet, some of whose values have names."""
    known = {value: name for name, value in names.items()}

    def parse(text: str, where: Where) -> int:
        value, rest = strtol(text, 0)
        if not rest and 0 <= value <= 255:
            return value
        if text.lower() not in names:
            raise Refused(f"Bad --{where.option} argument")
        return names[text.lower()]

    def show(value: int) -> str:
        return known.get(value, str(value))

    return parse, show


def ranged(high: int, gap: str = " ") -> Parse:
    """`LOW:HIGH`, either may be missing."""

    def parse(text: str, where: Where) -> tuple[int, int]:
        low, colon, up = text.partition(":")
        first = whole(low, 10, high) if low or not colon else 0
        last = first if not colon else whole(up, 10, high) if up else high
        if first is None or last is None or last < first:
            raise Refused(f"Bad --{where.option}{gap}range")
        return first, last

    return parse


def _address(text: str, where: Where) -> Mac:
    value = mac_and_mask(text)
    if value is None:
        raise Refused(f"Bad --{where.option} address")
    return value


class Stp(MatchExtension):
    """`--stp-…`"""

    name = "stp"
    options: ClassVar[tuple[Option, ...]] = (
        Option("stp-type", *_named(_TYPES)),
        Option("stp-flags", *_named(_FLAGS)),
        Option("stp-root-prio", ranged(U16), show_range),
        Option("stp-root-addr", _address, show_mac_and_mask),
        Option("stp-root-cost", ranged(U32), show_range),
        Option("stp-sender-prio", ranged(U16), show_range),
        Option("stp-sender-addr", _address, show_mac_and_mask),
        Option("stp-port", ranged(U16, "-"), show_range),
        *(
            Option(f"stp-{name}", ranged(U16), show_range)
            for name in ("msg-age", "max-age", "hello-time", "forward-delay")
        ),
    )

    whole_words = tuple(option.name for option in options if option.name not in ("stp-type", "stp-flags"))

    def refusal(self, values: Values, site: Site) -> str:
        """In legacy tables only frames to the group of bridges. Linux: ebt_stp.c ebt_stp_mt_check()"""
        if site.nft or site.header.destination == (_GROUP, 0xFFFFFFFFFFFF):
            return ""
        group = "the bridge group address (BGA) 01:80:c2:00:00:00"
        return f"STP matching is only valid when the destination MAC address is {group}"

    def compile(self, values: Values, site: Site) -> tuple[Match, ...]:
        """That it is such a message, and its fields."""
        return (IsConfigBpdu(), *_tests(values))


def _tests(values: Values) -> Iterator[Match]:
    if (given := values.get("stp-type")) is not None:
        yield Field(_HEADER - 1, 1, given.value, given.value, given.inverted)
    for name, (offset, size) in _PLACES.items():
        given = values.get(name)
        if given is None:
            continue
        at = _HEADER + offset
        if name == "stp-flags":
            yield Field(at, size, given.value, given.value, given.inverted, need=_MESSAGE)
        elif name.endswith("-addr"):
            address, mask = given.value
            yield Field(at, size, address, address, given.inverted, mask, _MESSAGE)
        else:
            low, high = given.value
            yield Field(at, size, low, high, given.inverted, need=_MESSAGE)


EXTENSIONS: Final = (Stp(),)
