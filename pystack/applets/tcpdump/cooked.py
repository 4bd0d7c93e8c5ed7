"""Frames of `-i any`: a link header that libpcap puts in front (LINUX_SLL2)."""

from __future__ import annotations

from struct import Struct
from typing import Final

from pystack.applets.tcpdump import dump, llc
from pystack.applets.tcpdump.ethernet import tag_text
from pystack.applets.tcpdump.page import Page
from pystack.applets.tcpdump.tables import ETHERTYPES, MAX_ETHERNET_LENGTH
from pystack.wire.ethernet import ETH_P_802_2, ETH_P_802_3, ETH_P_8021Q

HEADER: Final = Struct("!HHIHBB8s")  # protocol, reserved, ifindex, device type, packet type, address length
HEADER_LENGTH: Final = HEADER.size
DIRECTIONS: Final = ("In", "B", "M", "P", "Out")


def print_cooked(page: Page, length: int) -> None:
    """tcpdump: print-sll.c sll2_if_print()"""
    page.protocol = "sll2"
    page.need(0, HEADER_LENGTH)
    protocol, _, ifindex, _, pkt_type, _, _ = HEADER.unpack_from(page.data)
    direction = DIRECTIONS[pkt_type] if pkt_type < len(DIRECTIONS) else "?"
    page.say(f"{page.names.devices.get(ifindex, '?'):<5s} {direction:<3s} ")
    if page.look.e:
        _print_header(page, length)
    _print_payload(page, protocol, HEADER_LENGTH, length - HEADER_LENGTH)


def _print_payload(page: Page, protocol: int, at: int, length: int) -> None:
    while protocol == ETH_P_8021Q:
        if not page.has(at, 4):
            page.protocol = "vlan"
            page.truncated()
            page.link_length = page.end
            return
        if page.look.e:
            page.say(f"{tag_text(page.u16(at))}, ")
        protocol = page.u16(at + 2)
        if protocol <= MAX_ETHERNET_LENGTH:
            protocol = ETH_P_802_2
        if not page.look.q:
            page.say(f"ethertype {ETHERTYPES.get(protocol, 'Unknown')}, ")
        at += 4
        length -= 4
    page.link_length = at
    if protocol == ETH_P_802_2:
        header_length = llc.print_llc(page, at, length, None)
        if header_length < 0:
            dump.unknown(page, at, page.left(at))
        page.link_length += max(header_length, 0)
        return
    printer = page.protocols.network.get(protocol)
    if printer is not None:
        return printer(page, at, length)
    if protocol > MAX_ETHERNET_LENGTH and not page.look.e:
        _print_header(page, length + HEADER_LENGTH)
    dump.unknown(page, at, page.left(at))


def _print_header(page: Page, length: int) -> None:
    """tcpdump: print-sll.c sll2_print()"""
    page.protocol = "sll2"
    protocol, _, ifindex, _, _, halen, _ = HEADER.unpack_from(page.data)
    page.say(f"ifindex {ifindex} ")
    if halen == 6:
        page.say(f"{page.mac(12)} ")
    if page.look.q:
        return
    if protocol == ETH_P_802_3:
        page.say("802.3")
    elif protocol == ETH_P_802_2:
        page.say("802.2")
    else:
        page.say(f"ethertype {ETHERTYPES.get(protocol, 'Unknown')} (0x{protocol:04x})")
    page.say(f", length {length}: ")
