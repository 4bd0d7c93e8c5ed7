"""IPv6 extension headers: hop-by-hop and destination options, routing, fragment.

Linux differs: jumbograms are not followed; no device here carries one.
"""

from __future__ import annotations

from typing import Final

from pystack.applets.tcpdump.page import Page

PAD1, PADN, ALERT, JUMBO, HOME_ADDRESS = 0, 1, 5, 0xC2, 0xC9
FRAGMENT_LENGTH: Final = 8
IP6_HEADER_LENGTH: Final = 40


def print_hop_by_hop(page: Page, at: int) -> int:
    """The header's length, negative if it is cut off. tcpdump: print-ip6opts.c hbhopt_process()"""
    page.protocol = "hbhopt"
    return _print_header(page, at, "HBH ", always=True)


def print_destination(page: Page, at: int) -> int:
    """tcpdump: print-ip6opts.c dstopt_process()"""
    page.protocol = "dstopt"
    return _print_header(page, at, "DSTOPT ", always=False)


def _print_header(page: Page, at: int, name: str, *, always: bool) -> int:
    size = (page.u8(at + 1) + 1) * 8
    page.need(at, size)
    page.say(name)
    if (always or page.look.v) and not _print_options(page, at + 2, size - 2):
        page.truncated()
        return -1
    return size


def _print_options(page: Page, at: int, length: int) -> bool:
    """Whether all options are whole. tcpdump: print-ip6opts.c ip6_opt_process()"""
    place = 0
    while place < length:
        kind = page.u8(at + place)
        if kind == PAD1:
            text, size, shortest = "(pad1)", 1, 1
        else:
            if place + 1 >= length:
                return False
            size = page.u8(at + place + 1) + 2
            shortest = {ALERT: 4, JUMBO: 6, HOME_ADDRESS: 18}.get(kind, 2)
            if place + size > length:
                return False
            complaint = _complaint(kind, size, shortest, length - place)
            if complaint:
                page.say(complaint)
                return False
            text = _option_text(page, kind, at + place, size)
        if page.look.v:
            page.say(text)
        place += size
    if page.look.v:
        page.say(" ")
    return True


def _complaint(kind: int, size: int, shortest: int, room: int) -> str:
    name = {ALERT: "rtalert", JUMBO: "jumbo", HOME_ADDRESS: "homeaddr"}.get(kind)
    if name is None:
        return ""
    if room < shortest:
        return f"({name}: trunc)"
    is_wrong = size < shortest if kind == HOME_ADDRESS else size != shortest
    return f"({name}: invalid len {size - 2})" if is_wrong else ""


def _option_text(page: Page, kind: int, at: int, size: int) -> str:
    if kind == PADN:
        return "(padn)"
    if kind == ALERT:
        return f"(rtalert: 0x{page.u16(at + 2):04x}) "
    if kind == JUMBO:
        return f"(jumbo: {page.u32(at + 2)} - payload len != 0) "
    if kind == HOME_ADDRESS:
        return f"(homeaddr: {page.ip6(at + 2)})"
    return f"(opt_type 0x{kind:02x}: len={size - 2})"


def print_fragment(page: Page, at: int, header: int, payload: int) -> int:
    """Negative if this is not the first fragment. tcpdump: print-frag6.c frag6_print()"""
    page.protocol = "frag6"
    offset = page.u16(at + 2) & 0xFFF8
    size = IP6_HEADER_LENGTH + payload - (at - header) - FRAGMENT_LENGTH
    ident = f"0x{page.u32(at + 4):08x}:" if page.look.v else ""
    page.say(f"frag ({ident}{offset}|{size & 0xFFFFFFFFFFFFFFFF})")
    if offset:
        return -1
    page.say(" ")
    return FRAGMENT_LENGTH


def print_routing(page: Page, at: int) -> int:
    """tcpdump: print-rt6.c rt6_print()"""
    page.protocol = "rt6"
    size, kind = page.u8(at + 1), page.u8(at + 2)
    deprecated = " [Deprecated]" if kind == 0 else ""
    page.say(f"RT6 (len={size}, type={kind}{deprecated}, segleft={page.u8(at + 3)}")
    if kind in (0, 2):
        reserved = page.u32(at + 4)
        page.say(f", rsv=0x{reserved:x}" if reserved or page.look.v else "")
    elif kind == 4:
        flags = page.u8(at + 5)
        page.say(f", last-entry={page.u8(at + 4)}")
        page.say(f", flags=0x{flags:x}" if flags or page.look.v else "")
        page.say(f", tag={page.u16(at + 6):x}")
    else:
        page.say(" (unknown type)")
        page.invalid()
        return -1
    if size % 2:
        page.say(f" (invalid length {size})")
        page.invalid()
        return -1
    for number in range(size // 2):
        page.say(f", [{number}]{page.ip6(at + 8 + number * 16)}")
    page.say(") ")
    return (size + 1) * 8
