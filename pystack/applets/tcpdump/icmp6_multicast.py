"""MLD: what IGMP is for IPv6."""

from __future__ import annotations

from pystack.applets.tcpdump.group_records import MLD
from pystack.applets.tcpdump.page import Page


def print_listener(page: Page, at: int) -> None:
    """tcpdump: print-icmp6.c mld6_print()"""
    if page.has(at, 24):
        page.say(f"max resp delay: {page.u16(at + 4)} addr: {page.ip6(at + 8)}")


def print_report_v2(page: Page, at: int, length: int) -> None:
    """tcpdump: print-icmp6.c mldv2_report_print()"""
    if length < 8:
        return page.say(f" [invalid len {length}]")
    groups = page.u16(at + 6)
    page.say(f", {groups} group record(s)")
    if not page.look.v:
        return
    MLD.print_records(page, at, length, groups)


def print_query_v2(page: Page, at: int, length: int) -> None:
    """tcpdump: print-icmp6.c mldv2_query_print()"""
    code = page.u16(at + 4)
    delay = code if code < 0x8000 else (code & 0x0FFF | 0x1000) << ((code >> 12 & 7) + 3)
    if page.look.v:
        page.say(f" [max resp delay={delay}]")
    page.say(f" [gaddr {page.ip6(at + 8)}")
    if page.look.v:
        flags, interval = page.u8(at + 24), page.u8(at + 25)
        page.say(" sflag" if flags & 8 else "")
        page.say(f" robustness={flags & 7}" if flags & 7 else "")
        if interval >= 128:
            interval = (interval & 15 | 16) << ((interval >> 4 & 7) + 3)
        page.say(f" qqi={interval}")
    sources = page.u16(at + 26)
    if sources:
        if length < 28 + sources * 16:
            page.say(" [invalid number of sources]")
        elif page.look.v > 1:
            MLD.print_sources(page, at + 28, sources)
        else:
            page.say(f", {sources} source(s)")
    page.say("]")
