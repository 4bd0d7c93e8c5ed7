"""What RFC 4884 hangs on an ICMP error behind the packet it quotes: MPLS labels and the like."""

from __future__ import annotations

from typing import Final

from pystack.applets.tcpdump.dump import unknown_data
from pystack.applets.tcpdump.page import Page, residue, unsigned

# The quoted packet has room for 128 octets behind the ICMP header, then the extensions begin.
START: Final = 8 + 128
MPLS: Final = 1
CLASSES: Final = {MPLS: "MPLS Stack Entry", 2: "Interface Identification"}
OBJECT_HEADER: Final = 4


def print_extensions(page: Page, at: int, length: int) -> None:
    """tcpdump: print-icmp.c icmp_print(), its end"""
    size = length - START
    if size <= 0:
        return
    if not page.has(at, START + 5):
        return page.truncated()
    start = at + START
    if page.u8(at + 5) == 0 and page.has(start, size) and residue(page.octets(start, size)):
        return
    version = page.u8(start) >> 4
    page.say(f"\n\tICMP Multi-Part extension v{version}")
    if version != 2:
        return page.say(" packet not supported")
    if page.has(start, size):
        verdict = "in" if residue(page.octets(start, size)) else ""
        page.say(f", checksum 0x{page.u16(start + 2):04x} ({verdict}correct), length {size}")
    _print_objects(page, start + 4, unsigned(size - 4))


def _print_objects(page: Page, at: int, rest: int) -> None:
    while rest > OBJECT_HEADER:
        if not page.has(at, OBJECT_HEADER):
            return page.truncated()
        size, class_, kind = page.u16(at), page.u8(at + 2), page.u8(at + 3)
        name = CLASSES.get(class_, "unknown")
        page.say(f"\n\t  {name} Object ({class_}), Class-Type: {kind}, length {size}")
        rest -= OBJECT_HEADER
        if class_ == 0 or size < OBJECT_HEADER:
            return
        at += OBJECT_HEADER
        size -= OBJECT_HEADER
        if class_ == MPLS and kind == 1:
            _print_label(page, page.u32(at))
        else:
            unknown_data(page, at, "\n\t    ", size)
        if rest < size:
            return
        rest -= size
        at += size


def _print_label(page: Page, entry: int) -> None:
    bottom = ", [S]" if entry & 0x100 else ""
    page.say(f"\n\t    label {entry >> 12}, tc {entry >> 9 & 7}{bottom}, ttl {entry & 0xFF}")
