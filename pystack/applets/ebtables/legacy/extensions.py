"""The extensions of ebtables-legacy: numbers where nft's tool takes names, and other printed forms.

Linux: ebtables extensions/ebt_*.c
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar, Final

from pystack.applets.ebtables.extension import Site
from pystack.applets.ebtables.extensions.arp import Arp
from pystack.applets.ebtables.extensions.fields import Frame8023, LimitMatch, MarkMatch, PacketTypeMatch, Vlan
from pystack.applets.ebtables.extensions.icmp_ranges import parse_ranges
from pystack.applets.ebtables.extensions.ip import Ip, Ip6
from pystack.applets.ebtables.extensions.log import Log, Nflog
from pystack.applets.ebtables.extensions.stp import Stp, ranged
from pystack.applets.ebtables.extensions.targets import (
    ArpReplyTarget,
    Dnat,
    MarkTarget,
    RedirectTarget,
    Snat,
)
from pystack.applets.ebtables.frame_words import TYPE_NAMES, show_known_mac, whole
from pystack.applets.ebtables.registry import Registry
from pystack.applets.iptables.family import IPV4
from pystack.applets.iptables.header import exact_protocol, protocol_name
from pystack.applets.iptables.icmp_types import ICMP_TYPES, ICMPV6_TYPES, IGMP_TYPES
from pystack.applets.iptables.network import Network
from pystack.applets.iptables.option import U16, U32, Option, Parse, Values, Where
from pystack.applets.iptables.refused import Refused
from pystack.wire.ipv4 import parse_address

_ALL_ONES: Final = 0xFFFFFFFF


def _changed(options: tuple[Option, ...], parse: Mapping[str, Parse]) -> tuple[Option, ...]:
    """The same options, some of them read in another way."""
    return tuple(
        replace(option, parse=parse[option.name]) if option.name in parse else option for option in options
    )


def _network(text: str, where: Where) -> Network:
    """Linux: ebt_parse_ip_address(), which takes a length of 0 for a host"""
    host, slash, mask_text = text.rpartition("/")
    mask = _mask(mask_text) if slash else _ALL_ONES
    address = parse_address(host if slash else text)
    if address is None:
        raise Refused(f"Problem with the IP address '{host if slash else text}'")
    return Network(address & mask, mask, IPV4)


def _mask(text: str) -> int:
    dotted = parse_address(text)
    if dotted is not None:
        return dotted
    length = whole(text, 10, 32)
    if length is None:
        raise Refused(f"Problem with the IP mask '{text}'")
    return _ALL_ONES << (32 - length) & _ALL_ONES if length else _ALL_ONES


def _port(text: str) -> int:
    value = whole(text, 10, U16)
    if value is None:
        raise Refused(f"Problem with specified  port '{text}'")
    return value


def _ports(text: str, where: Where) -> tuple[int, int]:
    low, colon, high = text.partition(":")
    first = _port(low) if low or not colon else 0
    last = first if not colon else _port(high) if high else U16
    if first > last:
        raise Refused("Invalid portrange (min > max)")
    return first, last


def _protocol(text: str, where: Where) -> tuple[int, str]:
    try:
        value, _ = exact_protocol(text, where.names)
    except Refused:
        raise Refused(f"Unknown specified IP protocol - {text}") from None
    return value, protocol_name(value, where.names)


def _tos(text: str, where: Where) -> int:
    value = whole(text, 0, 255)
    if value is None:
        raise Refused("Problem with specified IP tos")
    return value


def _traffic_class(text: str, where: Where) -> int:
    value = whole(text, 0, 255)
    if value is None:
        raise Refused("Problem with specified IPv6 traffic class")
    return value


class LegacyIp(Ip):
    """Linux: ebt_ip.c"""

    options: ClassVar[tuple[Option, ...]] = _changed(
        Ip.options,
        {
            "ip-src": _network,
            "ip-dst": _network,
            "ip-sport": _ports,
            "ip-dport": _ports,
            "ip-proto": _protocol,
            "ip-tos": _tos,
            "ip-icmp-type": parse_ranges(ICMP_TYPES, "ICMP", base=10),
            "ip-igmp-type": parse_ranges(IGMP_TYPES, "IGMP", codes=False, base=10),
        },
    )


class LegacyIp6(Ip6):
    """Linux: ebt_ip6.c"""

    options: ClassVar[tuple[Option, ...]] = _changed(
        Ip6.options,
        {
            "ip6-sport": _ports,
            "ip6-dport": _ports,
            "ip6-proto": _protocol,
            "ip6-tclass": _traffic_class,
            "ip6-icmp-type": parse_ranges(ICMPV6_TYPES, "ICMPv6", base=10),
        },
    )


def _show_type(value: int) -> str:
    return TYPE_NAMES.get(value, f"{value:#x}")


def _show_encapsulated(value: int) -> str:
    return TYPE_NAMES.get(value, f"{value:04X}")


class LegacyArp(Arp):
    """Linux: ebt_arp.c"""

    options: ClassVar[tuple[Option, ...]] = tuple(
        replace(option, show=_show_type)
        if option.name == "arp-ptype"
        else replace(option, show=show_known_mac)
        if option.name.startswith("arp-mac")
        else option
        for option in _changed(Arp.options, {"arp-ip-src": _network, "arp-ip-dst": _network})
    )


class Legacy8023(Frame8023):
    """Linux: ebt_802_3.c"""

    def check_with(self, option: Option, values: Values) -> None:
        """Its two options share bits, and so are taken for one another."""
        if values:
            raise Refused("Multiple use of same option not allowed")

    def refusal(self, values: Values, site: Site) -> str:
        """Linux: final_check()"""
        if site.header.is_length:
            return ""
        return "For 802.3 DSAP/SSAP filtering the protocol must be LENGTH"


class LegacyVlan(Vlan):
    """Linux: ebt_vlan.c"""

    options: ClassVar[tuple[Option, ...]] = tuple(
        replace(option, show=_show_encapsulated) if option.name == "vlan-encap" else option
        for option in Vlan.options
    )


def _class(text: str, where: Where) -> int:
    (option,) = PacketTypeMatch.options
    assert option.parse is not None, "it takes an argument"
    try:
        return int(option.parse(text, where))
    except Refused:
        raise Refused("Problem with specified pkttype class") from None


class LegacyPacketType(PacketTypeMatch):
    """Linux: ebt_pkttype.c"""

    options: ClassVar[tuple[Option, ...]] = _changed(
        PacketTypeMatch.options,
        {"pkttype-type": _class},
    )


class LegacyStp(Stp):
    """Linux: ebt_stp.c"""

    options: ClassVar[tuple[Option, ...]] = _changed(Stp.options, {"stp-port": ranged(U16)})

    def text(self, values: Values) -> str:
        """Behind a range there are two blanks."""
        text = ""
        for option in self.options:
            if option.name in values:
                gap = "" if option.name.endswith(("-type", "-flags", "-addr")) else " "
                text += super().text({option.name: values[option.name]}) + gap
        return text


class LegacyLog(Log):
    """Linux: ebt_log.c"""

    def prefix_words(self, prefix: str) -> tuple[str, ...]:
        """Be it empty."""
        return "--log-prefix", prefix


def _plain_number(option: str) -> Parse:
    def parse(text: str, where: Where) -> int:
        value = whole(text, 10, U32)
        if value is None:
            raise Refused(f"--{option} must be a number!")
        return value

    return parse


class LegacyNflog(Nflog):
    """Linux: ebt_nflog.c"""

    options: ClassVar[tuple[Option, ...]] = _changed(
        Nflog.options,
        {name: _plain_number(name) for name in ("nflog-group", "nflog-range", "nflog-threshold")},
    )

    def text(self, values: Values) -> str:
        """It forgets the blank behind the prefix, and behind a length."""
        text = super().text(values).replace('" --nflog', '"--nflog')
        return text[:-1] if "nflog-range" in values and "--nflog-threshold" not in text else text


class LegacyRedirect(RedirectTarget):
    """Linux: ebt_redirect.c"""

    def text(self, values: Values) -> str:
        """With one blank too many."""
        text = super().text(values)
        return f" {text}" if text else text


LEGACY_REGISTRY: Final = Registry(
    (
        LegacyArp(),
        LegacyIp(),
        LegacyIp6(),
        Legacy8023(),
        LegacyVlan(),
        MarkMatch(),
        LegacyPacketType(),
        LimitMatch(),
        LegacyStp(),
        LegacyLog(),
        LegacyNflog(),
        Dnat(),
        Snat(),
        LegacyRedirect(),
        ArpReplyTarget(),
        MarkTarget(),
    )
)
