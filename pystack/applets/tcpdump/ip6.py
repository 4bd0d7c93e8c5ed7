"""IPv6 headers and their extensions, and the hand-over to what they carry."""

from __future__ import annotations

from typing import Final

from pystack.applets.tcpdump.ip import WITH_PORTS, print_transport
from pystack.applets.tcpdump.ip6_extensions import (
    print_destination,
    print_fragment,
    print_hop_by_hop,
    print_routing,
)
from pystack.applets.tcpdump.page import Carrier, Page
from pystack.applets.tcpdump.pseudo_header import DESTINATION, FRAGMENT, HOP_BY_HOP, MOBILITY, ROUTING
from pystack.applets.tcpdump.tables import IP_PROTOCOLS

HEADER_LENGTH: Final = 40


def print_ip6(page: Page, at: int, length: int) -> None:
    """tcpdump: print-ip6.c ip6_print()"""
    page.protocol = "ip6"
    if not page.has(at, HEADER_LENGTH):
        return page.truncated()
    if length < HEADER_LENGTH:
        return page.say(f"truncated-ip6 {length}")
    if not page.look.e:
        page.say("IP6 ")
    version = page.u8(at) >> 4
    if version != 6:
        return page.say(f"version error: {version} != 6")
    payload = page.u16(at + 4)
    total = payload + HEADER_LENGTH if payload else length + HEADER_LENGTH
    if payload and length < total:
        page.say(f"truncated-ip6 - {total - length} bytes missing!")
    if page.look.v:
        _print_details(page, at, payload)
    before = page.reach(at + total)
    _print_chain(page, at, total, payload)
    page.end = before


def _print_details(page: Page, at: int, payload: int) -> None:
    flow, following = page.u32(at), page.u8(at + 6)
    page.say("(")
    if flow & 0x0FF00000:
        page.say(f"class 0x{flow >> 20 & 0xFF:02x}, ")
    if flow & 0x000FFFFF:
        page.say(f"flowlabel 0x{flow & 0x000FFFFF:05x}, ")
    name = IP_PROTOCOLS.get(following, "unknown")
    page.say(f"hlim {page.u8(at + 7)}, next-header {name} ({following}) payload length: {payload}) ")


def _print_chain(page: Page, at: int, rest: int, payload: int) -> None:
    """Walk through the extension headers up to the payload."""
    first = following = page.u8(at + 6)
    place, advance, previous = at, HEADER_LENGTH, 255
    fragmented = extended = hopped = False
    while place < page.end and advance > 0:
        if rest < advance:
            return page.truncated()
        place += advance
        rest -= advance
        if place == at + HEADER_LENGTH and following not in WITH_PORTS:
            page.say(f"{page.ip6(at + 8)} > {page.ip6(at + 24)}: ")
        if following == HOP_BY_HOP:
            if complaint := _misplaced(hopped, previous):
                page.say(complaint)
                return page.invalid()
            advance = print_hop_by_hop(page, place)
            if payload == 0:
                page.say("[No valid Jumbo Payload Hop-by-Hop option found]")
                return page.invalid()
            hopped = True
        elif following == DESTINATION:
            advance = print_destination(page, place)
        elif following == FRAGMENT:
            advance = print_fragment(page, place, at, payload)
            if advance < 0 or page.end <= place + advance:
                return
            fragmented = True
        elif following == ROUTING:
            advance = print_routing(page, place)
        elif following in MOBILITY:
            # Its messages are not read here.
            return page.say(f"mobility: type-#{page.u8(place + 2)} len={page.u8(place + 1)}")
        else:
            if payload == 0:
                if extended:
                    return page.truncated()
                page.reach(at + HEADER_LENGTH)
                rest = 0
            carrier = Carrier(6, at, first, fragmented, page.u8(at + 7))
            return print_transport(page, place, rest, carrier, following)
        if advance < 0:
            return
        extended = True
        previous, following = following, page.u8(place)
        page.protocol = "ip6"


def _misplaced(hopped: bool, previous: int) -> str:
    if hopped:
        return "[The Hop-by-Hop Options header was already found]"
    return "[The Hop-by-Hop Options header don't follow the IPv6 header]" if previous != 255 else ""
