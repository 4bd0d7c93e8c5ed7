"""What a rule says of an ARP packet and of the devices: printed, compiled."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final, NamedTuple

from pystack.applets.ebtables.frame_words import Mac, arp_operation_text, show_mac_and_mask
from pystack.applets.iptables.header import Header
from pystack.netfilter.matches.frame import Field
from pystack.netfilter.matches.header import InInterface, OutInterface
from pystack.netfilter.rule import Match
from pystack.wire.arp import ARPHRD_ETHER
from pystack.wire.ethernet import ETH_ALEN, ETH_P_IP

_ALL_ONES: Final = (1 << 8 * ETH_ALEN) - 1
_NEED: Final = 28  # octets of an ARP packet about IPv4 over Ethernet
_SOURCE_AT, _SOURCE_IP_AT, _TARGET_AT, _TARGET_IP_AT = 8, 14, 18, 24


class Numbered(NamedTuple):
    """A number, and which of its bits count."""

    value: int
    mask: int
    inverted: bool = False


class Address(NamedTuple):
    """A MAC address with its mask."""

    mac: Mac
    inverted: bool = False


@dataclass(frozen=True, slots=True)
class ArpHeader:
    """What there is besides IP addresses and devices; None where nothing was said."""

    source: Address | None = None
    target: Address | None = None
    length: Numbered | None = None
    operation: Numbered | None = None
    hardware: Numbered | None = None
    protocol: Numbered | None = None


def words(header: Header, arp: ArpHeader, *, nft: bool, numeric: bool, verbose: bool) -> Iterator[str]:
    """Option by option. Linux: iptables/nft-arp.c nft_arp_print_rule_details()"""
    nothing = "*" if numeric else "any"
    for option, name, inverted in (
        ("-i", header.indev, header.indev_inverted),
        ("-o", header.outdev, header.outdev_inverted),
    ):
        if name and (name != "+" or inverted or not nft):
            yield _option(option, name, inverted=inverted)
        elif verbose:
            yield _option(option, nothing, inverted=False)
    if header.source.mask:
        yield _option("-s", str(header.source).removesuffix("/32"), inverted=header.source_inverted)
    yield from _mac("--src-mac", arp.source, nft=nft)
    if header.destination.mask:
        yield _option("-d", str(header.destination).removesuffix("/32"), inverted=header.destination_inverted)
    yield from _mac("--dst-mac", arp.target, nft=nft)
    yield from _numbers(arp, nft=nft, numeric=numeric)


def _option(option: str, value: str, *, inverted: bool) -> str:
    return f"{'! ' if inverted else ''}{option} {value}"


def _mac(option: str, address: Address | None, *, nft: bool) -> Iterator[str]:
    """nft's tool does not find again what it compared as a shorter address.

    Linux: iptables/nft-arp.c nft_arp_parse_devaddr()
    """
    if address is None or not address.mac[1]:
        return
    if not nft or compared_octets(address.mac[1]) == ETH_ALEN:
        yield _option(option, show_mac_and_mask(address.mac), inverted=address.inverted)


def compared_octets(mask: int) -> int:
    """How much of an address nft's tool has compared: less, where the mask ends with an octet.

    Linux: iptables/nft-shared.c add_addr()
    """
    octets = mask.to_bytes(ETH_ALEN, "big")
    whole = len(octets) - len(octets.lstrip(b"\xff"))
    return ETH_ALEN if any(octets[whole:]) else whole


def _numbers(arp: ArpHeader, *, nft: bool, numeric: bool) -> Iterator[str]:
    for option, number, show, usual in (
        ("--h-length", arp.length, str, ETH_ALEN),
        ("--opcode", arp.operation, str if numeric else _operation, None),
        ("--h-type", arp.hardware, str if numeric else _hardware, ARPHRD_ETHER),
        ("--proto-type", arp.protocol, hex if numeric else _protocol, None),
    ):
        if number is None or (nft and number.value == usual):
            continue
        inverted = number.inverted
        if nft and option == "--opcode" and arp.length is not None and arp.length.inverted:
            inverted = True  # the tool takes the one for the other when it reads a rule back
        tail = "" if nft or not number.mask or number.mask in (0xFF, 0xFFFF) else f"/{number.mask}"
        yield _option(option, f"{show(number.value)}{tail}", inverted=inverted)


def _operation(value: int) -> str:
    return arp_operation_text(value)


def _hardware(value: int) -> str:
    return "Ethernet" if value == ARPHRD_ETHER else str(value)


def _protocol(value: int) -> str:
    return "IPv4" if value == ETH_P_IP else hex(value)


# --- what it compiles to ------------------------------------------------------------------------------------


def tests(header: Header, arp: ArpHeader, *, nft: bool) -> Iterator[Match]:
    """Linux: iptables/nft-arp.c nft_arp_add(); net/ipv4/netfilter/arp_tables.c arp_packet_match()"""
    if header.indev:
        yield InInterface(header.indev, header.indev_inverted)
    if header.outdev:
        yield OutInterface(header.outdev, header.outdev_inverted)
    for offset, size, number in (
        (0, 2, arp.hardware),
        (2, 2, arp.protocol),
        (4, 1, arp.length),
        (6, 2, arp.operation),
    ):
        if number is not None:
            mask = -1 if nft else number.mask
            yield Field(offset, size, number.value, number.value, number.inverted, mask)
    if nft:
        yield Field(5, 1, 4, 4)  # addresses of IPv4
    for offset, address in ((_SOURCE_AT, arp.source), (_TARGET_AT, arp.target)):
        if address is not None:
            value, mask = address.mac
            yield Field(offset, ETH_ALEN, value, value, address.inverted, mask, _NEED)
    for offset, network, inverted in (
        (_SOURCE_IP_AT, header.source, header.source_inverted),
        (_TARGET_IP_AT, header.destination, header.destination_inverted),
    ):
        if network.mask or inverted:
            yield Field(offset, 4, network.address, network.address, inverted, network.mask, _NEED)
