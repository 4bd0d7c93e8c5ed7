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
    prefix,
    quoted,
    show_mark,
    text_cut,
    uint,
)
from pystack.applets.iptables.refused import BadOption, Refused
from pystack.applets.tcpdump.names import Names
from pystack.errors import EINVAL
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
    options = (Option("comment", text_cut(255), quoted, required=True),)

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
    found = _TYPES.get(text.lower())
    if found is None:
        raise Refused(f"Bad packet type '{text}'")
    return found


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


class _Numbers:
    """Numbers of which iproute2's files name only 0. Linux: xtables_parse_val_mask()"""

    def __init__(self, zero: str) -> None:
        self._zero = zero

    def parse(self, text: str, where: Where) -> tuple[int, int]:
        """`VALUE[/MASK]`, or the name."""
        value, rest = prefix(text, U32)
        if value is not None and (not rest or rest[0] == "/"):
            return markmask(text, where)
        if text == self._zero:
            return 0, U32
        raise BadOption(
            f'{where.extension}: could not map name {text} to an integer value for option "--{where.option}".'
        )

    def show(self, value: tuple[int, int]) -> str:
        """As it is saved."""
        return self._zero if value == (0, U32) else show_mark(value)

    def listed(self, value: tuple[int, int], names: Names | None) -> str:
        """As it is listed."""
        return show_mark(value) if names is None else self.show(value)


_REALMS: Final = _Numbers("cosmos")
_GROUPS: Final = _Numbers("default")


class Realm(MatchExtension):
    """Linux: libipt_realm.c"""

    families = (IPV4,)
    name = "realm"
    hooks = ("INPUT", "FORWARD", "OUTPUT", "POSTROUTING")
    options = (Option("realm", _REALMS.parse, _REALMS.show, required=True, invert=True),)

    def listing(self, values: Values, names: Names | None) -> str:
        """`realm 0x5`"""
        return f"{_not(values['realm'])}realm {_REALMS.listed(values['realm'].value, names)}"

    def compile(self, values: Values, site: Site) -> tuple[Match, ...]:
        """One test."""
        given = values["realm"]
        return (meta.Realm(given.value[0], given.inverted),)


class DevGroup(MatchExtension):
    """Linux: libxt_devgroup.c"""

    name = "devgroup"
    options = (
        Option("src-group", _GROUPS.parse, _GROUPS.show, invert=True),
        Option("dst-group", _GROUPS.parse, _GROUPS.show, invert=True),
    )

    def check(self, values: Values) -> None:
        """One of them."""
        if not values:
            raise Refused("devgroup match: You must specify either '--src-group' or '--dst-group'")

    def kernel_error(self, values: Values, site: Site) -> int:
        """Each only where there is such a device. Linux: net/netfilter/xt_devgroup.c"""
        if "src-group" in values and site.chain in ("OUTPUT", "POSTROUTING"):
            return EINVAL
        return EINVAL if "dst-group" in values and site.chain in ("PREROUTING", "INPUT") else 0

    def listing(self, values: Values, names: Names | None) -> str:
        """`src-group 0x5`"""
        ends = sorted(values.items(), reverse=True)
        return " ".join(f"{_not(given)}{name} {_GROUPS.listed(given.value, names)}" for name, given in ends)

    def compile(self, values: Values, site: Site) -> tuple[Match, ...]:
        """One test for both."""
        asked = [
            (*values[name].value, values[name].inverted) if name in values else None
            for name in ("src-group", "dst-group")
        ]
        return (meta.DeviceGroup(asked[0], asked[1]),)


def device(text: str, where: Where) -> str:
    """A device's name; the empty one is nobody's mistake here."""
    name, warning = header.interface(text) if text else ("", "")
    if warning:
        where.warn(warning)
    return name


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

    def kernel_error(self, values: Values, site: Site) -> int:
        """Of a packet of our own the port is not known yet. Linux: net/netfilter/xt_physdev.c"""
        bridged = "physdev-is-bridged" in values and not values["physdev-is-bridged"].inverted
        asks = values.keys() & {"physdev-out", "physdev-is-out"}
        return EINVAL if asks and not bridged and site.chain == "OUTPUT" else 0

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
