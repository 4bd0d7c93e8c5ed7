"""What UDP, TCP and ICMPv6 checksums cover besides the payload."""

from __future__ import annotations

from typing import Final

from pystack.applets.tcpdump.page import Carrier, Page
from pystack.wire.ipv4 import HEADER_LENGTH

EOL, NOP, LSRR, SSRR = 0, 1, 131, 137

HOP_BY_HOP, ROUTING, FRAGMENT, DESTINATION = 0, 43, 44, 60
MOBILITY: Final = (62, 135)
IP6_HEADER_LENGTH: Final = 40


def pseudo_header(page: Page, carrier: Carrier, length: int, protocol: int) -> bytes:
    """Raises Cut."""
    if carrier.version == 4:
        source = page.octets(carrier.at + 12, 4)
        return (
            source
            + _final_destination(page, carrier.at)
            + bytes((0, protocol))
            + (length & 0xFFFF).to_bytes(2, "big")
        )
    source = page.octets(carrier.at + 8, 16)
    return (
        source + _final_destination_6(page, carrier) + length.to_bytes(4, "big") + bytes((0, 0, 0, protocol))
    )


def _final_destination(page: Page, at: int) -> bytes:
    """Behind a source route it is the last hop of the route. tcpdump: print-ip.c ip_finddst()"""
    destination = page.octets(at + 16, 4)
    end = at + (page.u8(at) & 15) * 4
    place = at + HEADER_LENGTH
    while place < end:
        code = page.u8(place)
        if code == EOL:
            break
        size = 1 if code == NOP else page.u8(place + 1)
        if (code != NOP and size < 2) or place + size > end or not page.has(place, size):
            break
        if code in (SSRR, LSRR) and size >= 7:
            return page.octets(place + size - 4, 4)
        place += size
    return destination


def _final_destination_6(page: Page, carrier: Carrier) -> bytes:
    """tcpdump: print-ip6.c ip6_finddst()"""
    destination = page.octets(carrier.at + 24, 16)
    kind, place = carrier.protocol, carrier.at + IP6_HEADER_LENGTH
    while place < page.end:
        if kind in (HOP_BY_HOP, DESTINATION, *MOBILITY):
            kind, place = page.u8(place), place + (page.u8(place + 1) + 1) * 8
        elif kind == FRAGMENT:
            kind, place = page.u8(place), place + 8
        elif kind == ROUTING:
            return _last_of_route(page, place, destination)
        else:
            break
    return destination


def _last_of_route(page: Page, at: int, destination: bytes) -> bytes:
    size, kind = page.u8(at + 1), page.u8(at + 2)
    if size % 2 or not size:
        return destination
    if kind in (0, 2) and page.has(at + 8, size * 8):
        return page.octets(at + 8 + (size // 2 - 1) * 16, 16)
    if kind == 4 and page.has(at + 8, 16):
        return page.octets(at + 8, 16)
    return destination
