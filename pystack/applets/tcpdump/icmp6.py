"""ICMPv6: echoes, errors, neighbour discovery, multicast listeners.

Linux differs: node information, router renumbering, RPL and Mobile IPv6 messages are shown by name only.
"""

from __future__ import annotations

from typing import Final

from pystack.applets.tcpdump.dump import unknown_data
from pystack.applets.tcpdump.icmp6_discovery import ADVERTISED, print_discovery
from pystack.applets.tcpdump.icmp6_multicast import print_listener, print_query_v2, print_report_v2
from pystack.applets.tcpdump.page import Carrier, Page, residue, should_be
from pystack.applets.tcpdump.pseudo_header import pseudo_header
from pystack.wire.ipv4 import IPPROTO_TCP, IPPROTO_UDP

IPPROTO_ICMPV6: Final = 58
HEADER_LENGTH: Final = 8
UNREACHABLE, TOO_BIG, TIME_EXCEEDED, PARAMETER_PROBLEM, ECHO, ECHO_REPLY = 1, 2, 3, 4, 128, 129
QUERY, REPORT, DONE, REPORT_V2 = 130, 131, 132, 143
NAMES: Final = {
    UNREACHABLE: "destination unreachable",
    TOO_BIG: "packet too big",
    TIME_EXCEEDED: "time exceeded in-transit",
    PARAMETER_PROBLEM: "parameter problem",
    ECHO: "echo request",
    ECHO_REPLY: "echo reply",
    QUERY: "multicast listener query",
    REPORT: "multicast listener report",
    DONE: "multicast listener done",
    133: "router solicitation",
    134: "router advertisement",
    135: "neighbor solicitation",
    136: "neighbor advertisement",
    137: "redirect",
    138: "router renumbering",
    139: "node information query",
    140: "node information reply",
    141: "inverse neighbor solicitation",
    142: "inverse neighbor advertisement",
    REPORT_V2: "multicast listener report v2",
    144: "ha discovery request",
    145: "ha discovery reply",
    146: "mobile router solicitation",
    147: "mobile router advertisement",
    155: "RPL",
    200: "mtrace response",
    201: "mtrace message",
}
UNREACHABLES: Final = {
    0: "unreachable route",
    1: " unreachable prohibited",
    2: "beyond scope",
    3: "unreachable address",
    4: "unreachable port",
}
PROBLEMS: Final = ("erroneous", "next header", "option", "incomplete header chain")
WITHOUT_BODY: Final = frozenset({138, 139, 140, 141, 142, 144, 145, 146, 147, 155})


def print_icmp6(page: Page, at: int, length: int, carrier: Carrier) -> None:
    """tcpdump: print-icmp6.c icmp6_print()"""
    if carrier.version != 6:
        page.say("[ICMPv6 requires IPv6]")
        return page.invalid()
    page.protocol = "icmp6"
    if length == 0:
        page.say("ICMP6, length 0")
        return page.invalid()
    if page.look.v and not carrier.fragmented and page.has(at, length):
        check = page.u16(at + 2)
        wrong_by = residue(pseudo_header(page, carrier, length, IPPROTO_ICMPV6), page.octets(at, length))
        if wrong_by:
            page.say(f"[bad icmp6 cksum 0x{check:04x} -> 0x{should_be(check, wrong_by):04x}!] ")
        else:
            page.say("[icmp6 sum ok] ")
    type_ = page.u8(at)
    page.say(f"ICMP6, {NAMES.get(type_, f'unknown icmp6 type ({type_})')}")
    if page.look.v and type_ in ADVERTISED:
        page.say(f", length {length}")
    if _print_body(page, at, length, type_, page.u8(at + 1)) and not page.look.v:
        page.say(f", length {length}")


def _print_body(page: Page, at: int, length: int, type_: int, code: int) -> bool:
    """False if the line is complete."""
    if type_ == UNREACHABLE:
        return _print_unreachable(page, at, length, code)
    if type_ == TOO_BIG:
        page.say(f", mtu {page.u32(at + 4)}")
    elif type_ == TIME_EXCEEDED:
        _print_time_exceeded(page, at, code)
    elif type_ == PARAMETER_PROBLEM:
        if not page.has(at + HEADER_LENGTH + 24, 16):
            page.truncated()
            return False
        known = code < len(PROBLEMS)
        page.say(f", {PROBLEMS[code]} - octet {page.u32(at + 4)}" if known else f", code-#{code}")
    elif type_ in (ECHO, ECHO_REPLY):
        page.say(f", id {page.u16(at + 4)}, seq {page.u16(at + 6)}")
    elif type_ in (QUERY, REPORT, DONE, REPORT_V2):
        _print_multicast(page, at, length, type_)
    elif type_ in ADVERTISED:
        return print_discovery(page, at, length, type_)
    elif type_ not in WITHOUT_BODY:
        page.say(f", length {length}")
        if page.look.v <= 1:
            unknown_data(page, at, "\n\t", length)
        return False
    return True


def _print_multicast(page: Page, at: int, length: int, type_: int) -> None:
    if type_ == REPORT_V2:
        print_report_v2(page, at, length)
    elif type_ != QUERY or length == 24:
        print_listener(page, at)
    elif length >= 28:
        page.say(" v2")
        print_query_v2(page, at, length)
    else:
        page.say(f" unknown-version (len {length}) ")


def _print_time_exceeded(page: Page, at: int, code: int) -> None:
    if code == 0:
        page.say(f" for {page.ip6(at + HEADER_LENGTH + 24)}")
    else:
        page.say(" (reassembly)" if code == 1 else f", unknown code ({code})")


def _print_unreachable(page: Page, at: int, length: int, code: int) -> bool:
    page.say(f", {UNREACHABLES.get(code, f'unknown unreach code ({code})')}")
    quote = at + HEADER_LENGTH
    if code in (0, 1, 3):
        page.say(f" {page.ip6(quote + 24)}")
    elif code == 2:
        page.say(f" {page.ip6(quote + 24)}, source address {page.ip6(quote + 8)}")
    elif code == 4:
        found = _upper_layer(page, quote)
        if found is None:
            page.truncated()
            return False
        protocol, port = found[0], page.u16(found[1] + 2)
        if protocol == IPPROTO_TCP:
            page.say(f", {page.ip6(quote + 24)} tcp port {page.tcp_port(port)}")
        else:
            page.say(f", {page.ip6(quote + 24)} udp port {page.udp_port(port)}")
    elif page.look.v <= 1:
        unknown_data(page, at, "\n\t", length)
        return False
    return True


def _upper_layer(page: Page, at: int) -> tuple[int, int] | None:
    """Which of TCP and UDP a quoted packet carries, and where. tcpdump: print-icmp6.c get_upperlayer()"""
    if not page.has(at + 6, 1):
        return None
    kind, size = page.u8(at + 6), 40
    while at < page.end:
        at += size
        if kind in (IPPROTO_TCP, IPPROTO_UDP):
            return (kind, at) if page.has(at + 2, 2) else None
        if kind in (0, 43, 60) and page.has(at + 1, 1):
            kind, size = page.u8(at), (page.u8(at + 1) + 1) * 8
        elif kind == 44 and page.has(at + 2, 2) and not page.u16(at + 2) & 0xFFF8:
            kind, size = page.u8(at), 8
        elif kind == 51 and page.has(at + 1, 1):
            kind, size = page.u8(at), (page.u8(at + 1) + 2) * 4
        else:
            return None
    return None
