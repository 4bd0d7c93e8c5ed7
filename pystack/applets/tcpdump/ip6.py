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
EXTENSIONS: Final = (HOP_BY_HOP, DESTINATION, FRAGMENT, ROUTING)


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
    seen: list[int] = []
    place, advance = at, HEADER_LENGTH
    while place < page.end and advance > 0:
        if rest < advance:
            return page.truncated()
        place += advance
        rest -= advance
        if place == at + HEADER_LENGTH and following not in WITH_PORTS:
            page.say(f"{page.ip6(at + 8)} > {page.ip6(at + 24)}: ")
        if following in MOBILITY:  # its messages are not read here
            return page.say(f"mobility: type-#{page.u8(place + 2)} len={page.u8(place + 1)}")
        if following not in EXTENSIONS:
            if payload == 0:
                if seen:
                    return page.truncated()
                page.reach(at + HEADER_LENGTH)
                rest = 0
            carrier = Carrier(6, at, first, FRAGMENT in seen, page.u8(at + 7))
            return print_transport(page, place, rest, carrier, following)
        if following == HOP_BY_HOP and (complaint := _misplaced(seen)):
            page.say(complaint)
            return page.invalid()
        advance = _print_extension(page, following, place, at, payload)
        if advance < 0:
            return
        seen.append(following)
        following = page.u8(place)
        page.protocol = "ip6"


def _print_extension(page: Page, kind: int, place: int, at: int, payload: int) -> int:
    """The header's length; negative if the line ends here."""
    if kind == DESTINATION:
        return print_destination(page, place)
    if kind == ROUTING:
        return print_routing(page, place)
    if kind == FRAGMENT:
        advance = print_fragment(page, place, at, payload)
        return -1 if page.end <= place + advance else advance
    advance = print_hop_by_hop(page, place)
    if payload == 0:
        page.say("[No valid Jumbo Payload Hop-by-Hop option found]")
        page.invalid()
        return -1
    return advance


def _misplaced(seen: list[int]) -> str:
    """A hop-by-hop header comes first or not at all."""
    if HOP_BY_HOP in seen:
        return "[The Hop-by-Hop Options header was already found]"
    return "[The Hop-by-Hop Options header don't follow the IPv6 header]" if seen else ""
