"""`--arp-…`: what ARP packets must be like. Linux: libebt_arp.c"""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, Final

from pystack.applets.ebtables.extension import MatchExtension, Site
from pystack.applets.ebtables.extensions.ip import ipv4_network, show_network
from pystack.applets.ebtables.frame_words import (
    ARP_OPERATIONS,
    Mac,
    arp_operation_text,
    ethertype,
    mac_and_mask,
    show_mac_and_mask,
    whole,
)
from pystack.applets.iptables.option import U16, Option, Values, Where
from pystack.applets.iptables.refused import Refused
from pystack.netfilter.matches.frame import Field
from pystack.netfilter.matches.frame_arp import HEADER, ArpIp, ArpMac, Gratuitous
from pystack.netfilter.rule import Match
from pystack.wire.arp import ARPHRD_ETHER
from pystack.wire.ethernet import ETH_P_ARP, ETH_P_RARP


def _operation(text: str, where: Where) -> int:
    value = whole(text, 10, U16)
    if value is None:
        names = [name.lower() for name in ARP_OPERATIONS]
        if text.lower() not in names:
            raise Refused("Problem with specified ARP opcode")
        value = names.index(text.lower()) + 1
    return value


def _hardware(text: str, where: Where) -> int:
    value = whole(text, 10, U16)
    if value is None:
        if text.lower() != "ethernet":
            raise Refused("Problem with specified ARP hardware type")
        value = ARPHRD_ETHER
    return value


def _protocol(text: str, where: Where) -> int:
    value = whole(text, 16, U16)
    if value is None:
        value = ethertype(text)
    if value is None:
        raise Refused("Problem with specified ARP protocol type")
    return value


def _mac(text: str, where: Where) -> Mac:
    value = mac_and_mask(text)
    if value is None:
        raise Refused("Problem with ARP MAC address argument")
    return value


class Arp(MatchExtension):
    """`--arp-…`"""

    name = "arp"
    options: ClassVar[tuple[Option, ...]] = (
        Option("arp-op", _operation, arp_operation_text, aliases=("arp-opcode",)),
        Option("arp-htype", _hardware),
        Option("arp-ptype", _protocol, hex),
        Option("arp-ip-src", ipv4_network, show_network),
        Option("arp-ip-dst", ipv4_network, show_network),
        Option("arp-mac-src", _mac, show_mac_and_mask),
        Option("arp-mac-dst", _mac, show_mac_and_mask),
        Option("arp-gratuitous"),
    )

    def refusal(self, values: Values, site: Site) -> str:
        """Linux: ebt_arp.c ebt_arp_mt_check()"""
        if site.header.carries(ETH_P_ARP, ETH_P_RARP):
            return ""
        return "For (R)ARP filtering the protocol must be specified as ARP or RARP"

    def words(self, values: Values) -> Iterator[str]:
        """As a command line takes them."""
        yield from super().words({name: given for name, given in values.items() if name != "arp-gratuitous"})
        if (given := values.get("arp-gratuitous")) is not None:
            yield from ("!", "--arp-gratuitous") if given.inverted else ("--arp-gratuitous",)

    def compile(self, values: Values, site: Site) -> tuple[Match, ...]:
        """By what stands at a fixed place, then by the addresses."""
        return tuple(_tests(values))


def _tests(values: Values) -> Iterator[Match]:
    for name, offset in (("arp-op", 6), ("arp-htype", 0), ("arp-ptype", 2)):
        if (given := values.get(name)) is not None:
            yield Field(offset, 2, given.value, given.value, given.inverted, need=HEADER)
    for name, of_target in (("arp-ip-src", False), ("arp-ip-dst", True)):
        if (given := values.get(name)) is not None:
            yield ArpIp(given.value.address, given.value.mask, given.inverted, of_target)
    if (given := values.get("arp-gratuitous")) is not None:
        yield Gratuitous(given.inverted)
    for name, of_target in (("arp-mac-src", False), ("arp-mac-dst", True)):
        if (given := values.get(name)) is not None:
            address, mask = given.value
            yield ArpMac(address, mask, given.inverted, of_target)


EXTENSIONS: Final = (Arp(),)
