"""IGMP: who wants which multicast group."""

from __future__ import annotations

from typing import Final

from pystack.applets.tcpdump.group_records import IGMP
from pystack.applets.tcpdump.page import Carrier, Page, residue

QUERY, REPORT_V1, DVMRP, PIM_V1, REPORT_V2, LEAVE = 0x11, 0x12, 0x13, 0x14, 0x16, 0x17
MTRACE_RESPONSE, MTRACE, REPORT_V3 = 0x1E, 0x1F, 0x22
UNITS: Final = ((31_536_000, "y"), (604_800, "w"), (86_400, "d"), (3600, "h"), (60, "m"), (1, "s"))
USUAL_RESPONSE_TIME: Final = 100


def print_igmp(page: Page, at: int, length: int, carrier: Carrier) -> None:
    """tcpdump: print-igmp.c igmp_print()"""
    if carrier.version != 4:
        page.say("[IGMP requires IPv4]")
        return page.invalid()
    page.protocol = "igmp"
    if page.look.q:
        return page.say("igmp")
    _print_message(page, at, length)
    if page.look.v and length >= 4 and page.has(at, length) and residue(page.octets(at, length)):
        page.say(f" bad igmp cksum {page.u16(at + 2):x}!")


def _print_message(page: Page, at: int, length: int) -> None:
    type_ = page.u8(at)
    if type_ == QUERY:
        page.say("igmp query")
        _print_query_v3(page, at, length) if length >= 12 else _print_query(page, at, length)
    elif type_ == REPORT_V1:
        page.say(f"igmp v1 report {page.ip(at + 4)}")
        page.say(f" [len {length}]" if length != 8 else "")
    elif type_ == REPORT_V2:
        page.say(f"igmp v2 report {page.ip(at + 4)}")
    elif type_ == REPORT_V3:
        page.say("igmp v3 report")
        _print_report_v3(page, at, length)
    elif type_ == LEAVE:
        page.say(f"igmp leave {page.ip(at + 4)}")
    elif type_ in (DVMRP, PIM_V1):  # routing protocols whose messages are not read here
        page.say("igmp dvmrp" if type_ == DVMRP else "igmp pimv1")
    elif type_ in (MTRACE, MTRACE_RESPONSE):
        _print_mtrace(page, at, length, "mtrace" if type_ == MTRACE else "mresp")
    else:
        page.say(f"igmp-{type_}")


def _print_query(page: Page, at: int, length: int) -> None:
    response_time = page.u8(at + 1)
    if not response_time:
        page.say(" v1")
    elif response_time == USUAL_RESPONSE_TIME:
        page.say(" v2")
    else:
        page.say(f" v2 [max resp time {response_time}]")
    if page.u32(at + 4):
        page.say(f" [gaddr {page.ip(at + 4)}]")
    if length != 8:
        page.say(f" [len {length}]")


def _print_query_v3(page: Page, at: int, length: int) -> None:
    page.say(" v3")
    if length & 3:
        return page.say(f" [invalid len {length}]")
    code = page.u8(at + 1)
    tenths = code if code < 128 else (code & 15 | 16) << ((code >> 4 & 7) + 3)
    if code != USUAL_RESPONSE_TIME:
        text = f"{tenths * 0.1:.1f}s" if tenths < 600 else _duration(tenths // 10)
        page.say(f" [max resp time {text}]")
    if page.u32(at + 4) == 0:
        return
    page.say(f" [gaddr {page.ip(at + 4)}")
    sources = page.u16(at + 10)
    if sources:
        if length < 12 + sources * 4:
            page.say(" [invalid number of sources]")
        elif page.look.v > 1:
            IGMP.print_sources(page, at + 12, sources)
        else:
            page.say(f", {sources} source(s)")
    page.say("]")


def _print_report_v3(page: Page, at: int, length: int) -> None:
    if length < 16 or length & 3:
        return page.say(f" [invalid len {length}]")
    groups = page.u16(at + 6)
    page.say(f", {groups} group record(s)")
    if not page.look.v:
        return
    IGMP.print_records(page, at, length, groups)


def _print_mtrace(page: Page, at: int, length: int, name: str) -> None:
    if length < 24:
        return page.say(f" [invalid len {length}]")
    source, destination, response = (page.ip(at + offset) for offset in (8, 12, 16))
    page.say(f"{name} {page.u24(at + 21)}: {source} to {destination} reply-to {response}")
    if page.u32(at + 16) >> 28 == 14:
        page.say(f" with-ttl {page.u8(at + 20)}")


def _duration(seconds: int) -> str:
    """`1h2m`. tcpdump: util-print.c unsigned_relts_print()"""
    if not seconds:
        return "0s"
    text = ""
    for unit, letter in UNITS:
        if seconds >= unit:
            text += f"{seconds // unit}{letter}"
            seconds %= unit
    return text
