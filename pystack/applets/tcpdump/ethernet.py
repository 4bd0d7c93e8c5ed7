"""Ethernet frames: addresses and type with -e, tags, and whatever follows."""

from __future__ import annotations

from pystack.applets.tcpdump import dump, llc
from pystack.applets.tcpdump.page import Page
from pystack.applets.tcpdump.tables import ETHERTYPE_JUMBO, ETHERTYPES, MAX_ETHERNET_LENGTH, VLAN_TAGS
from pystack.wire.ethernet import ETH_ALEN, ETH_HLEN

DEI = 0x1000


def print_frame(page: Page, length: int) -> None:
    """A whole frame that was `length` octets long on the wire. tcpdump: print-ether.c ether_common_print()"""
    page.protocol = "ether"
    if page.end < ETH_HLEN:
        page.truncated()
        page.link_length = page.end
        return
    macs = llc.Macs(page.mac(ETH_ALEN), page.mac(0))
    if page.look.e:
        page.say(f"{macs.source} > {macs.destination}, ")
    at = 2 * ETH_ALEN
    kind = page.u16(at)
    at += 2
    said_length = False
    while kind in VLAN_TAGS:
        if page.end - at < 4 or length - at < 4:
            page.protocol = "vlan"
            page.truncated()
            page.link_length = min(page.end, length)
            return
        if page.look.e:
            page.say(type_text(page, kind))
            page.say(", " if said_length else f", length {length}: ")
            page.say(f"{tag_text(page.u16(at))}, ")
            said_length = True
        kind = page.u16(at + 2)
        at += 4
    page.link_length = at + _print_payload(page, kind, at, length, macs, said_length)


def _print_payload(page: Page, kind: int, at: int, length: int, macs: llc.Macs, said_length: bool) -> int:
    """What follows the type; how many octets of it belong to the link header."""
    if kind <= MAX_ETHERNET_LENGTH:
        return _print_802_3(page, kind, at, length, macs, said_length)
    if kind == ETHERTYPE_JUMBO:
        header_length = llc.print_llc(page, at, length - at, macs)
        if header_length < 0:
            dump.unknown(page, at, page.left(at))
        return abs(header_length)
    if page.look.e:
        page.say(type_text(page, kind))
        page.say(", " if said_length else f", length {length}: ")
    printer = page.protocols.network.get(kind)
    if printer is not None:
        printer(page, at, length - at)
        return 0
    if not page.look.e:
        page.say(f"{macs.source} > {macs.destination}, {type_text(page, kind)}, length {length}: ")
    dump.unknown(page, at, page.left(at))
    return 0


def _print_802_3(page: Page, size: int, at: int, length: int, macs: llc.Macs, said_length: bool) -> int:
    rest = min(size, length - at)
    before = page.reach(at + rest)
    if page.look.e:
        page.say("802.3")
        if not said_length:
            page.say(f", length {rest}: ")
    header_length = llc.print_llc(page, at, rest, macs)
    if header_length < 0:
        dump.unknown(page, at, page.left(at))
    page.end = before
    return abs(header_length)


def type_text(page: Page, kind: int) -> str:
    """tcpdump: print-ether.c ether_type_print()"""
    if page.look.q:
        return ETHERTYPES.get(kind, f"Unknown Ethertype (0x{kind:04x})")
    return f"ethertype {ETHERTYPES.get(kind, 'Unknown')} (0x{kind:04x})"


def tag_text(tci: int) -> str:
    """`vlan 10, p 0`. tcpdump: addrtoname.c ieee8021q_tci_string()"""
    return f"vlan {tci & 0x0FFF}, p {tci >> 13}{', DEI' if tci & DEI else ''}"
