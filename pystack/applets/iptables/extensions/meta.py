"""Matches that look at what is noted about a packet: mark, comment, pkttype, mac, cpu, devgroup, physdev."""

from __future__ import annotations

from typing import Final

from pystack.applets.iptables import header
from pystack.applets.iptables.extension import MatchExtension, Site
from pystack.applets.iptables.family import IPV4
from pystack.applets.iptables.option import (
    U32,
    Given,
    Option,
    Values,
    Where,
    mac,
    markmask,
    quoted,
    show_mark,
    text_up_to,
    uint,
)
from pystack.applets.iptables.refused import BadOption, Refused
from pystack.applets.tcpdump.names import Names
from pystack.netfilter.matches import meta
from pystack.netfilter.rule import Match
from pystack.packet import (
    PACKET_BROADCAST,
    PACKET_HOST,
    PACKET_LOOPBACK,
    PACKET_MULTICAST,
    PACKET_OTHERHOST,
    PACKET_OUTGOING,
)
from pystack.wire.ethernet import mac_text


def _not(given: Given) -> str:
    return "! " if given.inverted else ""


class MarkMatch(MatchExtension):
    """Linux: libxt_mark.c"""

    name = "mark"
    options = (Option("mark", markmask, show_mark, required=True, invert=True),)

    def listing(self, values: Values, names: Names | None) -> str:
        """`mark match 0x5/0x7`"""
        return f"mark match {_not(values['mark'])}{show_mark(values['mark'].value)}"

    def compile(self, values: Values, site: Site) -> tuple[Match, ...]:
        """One test."""
        given = values["mark"]
        value, mask = given.value
        return (meta.Mark(value, mask, given.inverted),)


class Comment(MatchExtension):
    """Linux: libxt_comment.c"""

    name = "comment"
    options = (Option("comment", text_up_to(255), quoted, required=True),)

    def listing(self, values: Values, names: Names | None) -> str:
        """`/* a comment */`"""
        return f"/* {values['comment'].value} */"

    def compile(self, values: Values, site: Site) -> tuple[Match, ...]:
        """Nothing is asked of the packet."""
        return ()


_TYPES: Final = {
    "unicast": PACKET_HOST,
    "broadcast": PACKET_BROADCAST,
    "multicast": PACKET_MULTICAST,
    "otherhost": PACKET_OTHERHOST,
    "outgoing": PACKET_OUTGOING,
    "loopback": PACKET_LOOPBACK,
    "bcast": PACKET_BROADCAST,
    "mcast": PACKET_MULTICAST,
    "host": PACKET_HOST,
}
_TYPE_NAMES: Final = {number: name for name, number in reversed(_TYPES.items())}


def _packet_type(text: str, where: Where) -> int:
    for name, number in _TYPES.items():
        if name.startswith(text.lower()) and text:
            return number
    raise Refused(f"Bad packet type '{text}'")


class PktType(MatchExtension):
    """Linux: libxt_pkttype.c"""

    name = "pkttype"
    options = (Option("pkt-type", _packet_type, _TYPE_NAMES.__getitem__, required=True, invert=True),)

    def listing(self, values: Values, names: Names | None) -> str:
        """`PKTTYPE = multicast`"""
        given = values["pkt-type"]
        return f"PKTTYPE {'!=' if given.inverted else '='} {_TYPE_NAMES[given.value]}"

    def compile(self, values: Values, site: Site) -> tuple[Match, ...]:
        """One test."""
        given = values["pkt-type"]
        return (meta.PacketType(given.value, given.inverted),)


class Mac(MatchExtension):
    """Linux: libxt_mac.c"""

    name = "mac"
    hooks = ("PREROUTING", "INPUT", "FORWARD")
    options = (Option("mac-source", mac, mac_text, required=True, invert=True),)

    def listing(self, values: Values, names: Names | None) -> str:
        """`MAC 42:01:02:03:04:05`"""
        given = values["mac-source"]
        return f"MAC {_not(given)}{mac_text(given.value)}"

    def compile(self, values: Values, site: Site) -> tuple[Match, ...]:
        """One test."""
        given = values["mac-source"]
        return (meta.MacSource(given.value, given.inverted),)


class Cpu(MatchExtension):
    """Linux: libxt_cpu.c"""

    name = "cpu"
    options = (Option("cpu", uint(U32), required=True, invert=True),)

    def listing(self, values: Values, names: Names | None) -> str:
        """`cpu 1`"""
        return f"cpu {_not(values['cpu'])}{values['cpu'].value}"

    def compile(self, values: Values, site: Site) -> tuple[Match, ...]:
        """One test."""
        return (meta.Cpu(values["cpu"].value, values["cpu"].inverted),)


def _group(text: str, where: Where) -> tuple[int, int]:
    if not text[:1].isdigit():
        raise BadOption(
            f'{where.extension}: could not map name {text} to an integer value for option "--{where.option}".'
        )
    return markmask(text, where)


class Realm(MatchExtension):
    """Linux: libipt_realm.c"""

    families = (IPV4,)
    name = "realm"
    hooks = ("INPUT", "FORWARD", "OUTPUT", "POSTROUTING")
    options = (Option("realm", _group, show_mark, required=True, invert=True),)

    def listing(self, values: Values, names: Names | None) -> str:
        """`realm 0x5`"""
        return f"{_not(values['realm'])}realm {show_mark(values['realm'].value)}"

    def compile(self, values: Values, site: Site) -> tuple[Match, ...]:
        """One test."""
        given = values["realm"]
        return (meta.Realm(given.value[0], given.inverted),)


class DevGroup(MatchExtension):
    """Linux: libxt_devgroup.c"""

    name = "devgroup"
    options = (
        Option("src-group", _group, show_mark, invert=True),
        Option("dst-group", _group, show_mark, invert=True),
    )

    def check(self, values: Values) -> None:
        """One of them."""
        if not values:
            raise Refused("devgroup match: You must specify either '--src-group' or '--dst-group'")

    def listing(self, values: Values, names: Names | None) -> str:
        """`src-group 0x5`"""
        ends = sorted(values.items(), reverse=True)
        return " ".join(f"{_not(given)}{name} {show_mark(given.value)}" for name, given in ends)

    def compile(self, values: Values, site: Site) -> tuple[Match, ...]:
        """One test for both."""
        asked = [
            (*values[name].value, values[name].inverted) if name in values else None
            for name in ("src-group", "dst-group")
        ]
        return (meta.DeviceGroup(asked[0], asked[1]),)


def device(text: str, where: Where) -> str:
    """A device's name; the empty one is nobody's mistake here."""
    return header.interface(text)[0] if text else ""


class Physdev(MatchExtension):
    """Linux: libxt_physdev.c"""

    name = "physdev"
    options = (
        Option("physdev-is-in", invert=True),
        Option("physdev-in", device, invert=True),
        Option("physdev-is-out", invert=True),
        Option("physdev-out", device, invert=True),
        Option("physdev-is-bridged", invert=True),
    )

    def check(self, values: Values) -> None:
        """One of them."""
        if not values:
            raise Refused("PHYSDEV: no physdev option specified")

    def listing(self, values: Values, names: Names | None) -> str:
        """`PHYSDEV match --physdev-in tap1`"""
        return f"PHYSDEV match {self.save(values)}"

    def compile(self, values: Values, site: Site) -> tuple[Match, ...]:
        """One test."""

        def port(name: str) -> tuple[str, bool] | None:
            return (values[name].value, values[name].inverted) if name in values else None

        def wanted(name: str) -> bool | None:
            return not values[name].inverted if name in values else None

        return (
            meta.PhysDev(
                port("physdev-in"),
                port("physdev-out"),
                wanted("physdev-is-in"),
                wanted("physdev-is-out"),
                wanted("physdev-is-bridged"),
            ),
        )


EXTENSIONS: Final = (MarkMatch(), Comment(), PktType(), Mac(), Cpu(), Realm(), DevGroup(), Physdev())
