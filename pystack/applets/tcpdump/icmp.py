"""ICMP for IPv4: echoes, errors with the packet they quote, and the rest."""

from __future__ import annotations

from typing import Final

from pystack.applets.tcpdump.icmp_extensions import print_extensions
from pystack.applets.tcpdump.page import Carrier, Page, residue, should_be
from pystack.wire.ethernet import ETH_P_IP
from pystack.wire.ipv4 import IPPROTO_TCP, IPPROTO_UDP

HEADER_LENGTH: Final = 8
ECHO_REPLY, UNREACHABLE, SOURCE_QUENCH, REDIRECT, ECHO, ADVERTISEMENT = 0, 3, 4, 5, 8, 9
TIME_EXCEEDED, PARAMETER_PROBLEM, TIMESTAMP, TIMESTAMP_REPLY, MASK_REPLY = 11, 12, 13, 14, 18
ERRORS: Final = (UNREACHABLE, SOURCE_QUENCH, REDIRECT, TIME_EXCEEDED, PARAMETER_PROBLEM)
PORT_UNREACHABLE: Final = 3
NEED_FRAGMENT: Final = 4

PLAIN: Final = {
    SOURCE_QUENCH: "source quench",
    10: "router solicitation",
    15: "information request",
    16: "information reply",
    17: "address mask request",
}
# By code; {dst} is the destination of the packet that failed.
UNREACHABLES: Final = {
    0: "net {dst} unreachable",
    1: "host {dst} unreachable",
    5: "{dst} unreachable - source route failed",
    6: "net {dst} unreachable - unknown",
    7: "host {dst} unreachable - unknown",
    8: "{dst} unreachable - source host isolated",
    9: "net {dst} unreachable - admin prohibited",
    10: "host {dst} unreachable - admin prohibited",
    11: "net {dst} unreachable - tos prohibited",
    12: "host {dst} unreachable - tos prohibited",
    13: "host {dst} unreachable - admin prohibited filter",
    14: "host {dst} unreachable - host precedence violation",
    15: "host {dst} unreachable - precedence cutoff",
}
REDIRECTS: Final = {
    0: "redirect {dst} to net {gw}",
    1: "redirect {dst} to host {gw}",
    2: "redirect-tos {dst} to net {gw}",
    3: "redirect-tos {dst} to host {gw}",
}
TIMES: Final = {0: "time exceeded in-transit", 1: "ip reassembly time exceeded"}


def print_icmp(page: Page, at: int, length: int, carrier: Carrier) -> None:
    """tcpdump: print-icmp.c icmp_print()"""
    if carrier.version != 4:
        page.say("[ICMP requires IPv4]")
        return page.invalid()
    page.protocol = "icmp"
    type_ = page.u8(at)
    try:
        page.say(f"ICMP {_message(page, at, type_, page.u8(at + 1))}, length {length}")
    except Unfinished:
        return page.truncated()
    if not page.look.v:
        return
    if not carrier.fragmented and page.has(at, length):
        wrong_by = residue(page.octets(at, length))
        if wrong_by:
            check = page.u16(at + 2)
            page.say(f" (wrong icmp cksum {check:x} (->{should_be(check, wrong_by):x})!)")
    if type_ in ERRORS:
        page.say("\n\t")
        quoted = page.u16(at + HEADER_LENGTH + 2)
        before = page.reach(at + HEADER_LENGTH + quoted)
        page.protocols.network[ETH_P_IP](page, at + HEADER_LENGTH, quoted)
        page.end = before
    page.protocol = "icmp"
    if type_ in (UNREACHABLE, TIME_EXCEEDED, PARAMETER_PROBLEM):
        print_extensions(page, at, length)


class Unfinished(Exception):
    """The message is cut off, which ends its own text but not that of the packet around it."""


def _check(page: Page, at: int, length: int) -> None:
    if not page.has(at, length):
        raise Unfinished


def _message(page: Page, at: int, type_: int, code: int) -> str:
    """Everything between `ICMP` and the length. Raises Cut, Unfinished."""
    if type_ in (ECHO, ECHO_REPLY):
        word = "request" if type_ == ECHO else "reply"
        return f"echo {word}, id {page.u16(at + 4)}, seq {page.u16(at + 6)}"
    if type_ == UNREACHABLE:
        return _unreachable(page, at, code)
    if type_ == REDIRECT:
        destination, gateway = page.ip(at + HEADER_LENGTH + 16), page.ip(at + 4)
        text = REDIRECTS.get(code, "redirect-#{code} {dst} to {gw}")
        return text.format(dst=destination, gw=gateway, code=code)
    if type_ == TIME_EXCEEDED:
        _check(page, at + HEADER_LENGTH + 16, 4)
        return TIMES.get(code, f"time exceeded-#{code}")
    if type_ == PARAMETER_PROBLEM:
        where = f"code {code}" if code else f"octet {page.u8(at + 4)}"
        return f"parameter problem - {where}"
    return _information(page, at, type_)


def _information(page: Page, at: int, type_: int) -> str:
    if type_ == ADVERTISEMENT:
        return _advertisement(page, at)
    if type_ == MASK_REPLY:
        return f"address mask is 0x{page.u32(at + 8):08x}"
    if type_ == TIMESTAMP:
        return f"time stamp query id {page.u16(at + 4)} seq {page.u16(at + 6)}"
    if type_ == TIMESTAMP_REPLY:
        _check(page, at + 16, 4)
        times = [_time_of_day(page.u32(at + offset)) for offset in (8, 12, 16)]
        return (
            f"time stamp reply id {page.u16(at + 4)} seq {page.u16(at + 6)}: "
            f"org {times[0]}, recv {times[1]}, xmit {times[2]}"
        )
    return PLAIN.get(type_, f"type-#{type_}")


def _unreachable(page: Page, at: int, code: int) -> str:
    quote = at + HEADER_LENGTH
    if code == PORT_UNREACHABLE:
        _check(page, quote + 9, 1)
        protocol = page.u8(quote + 9)
        port = page.u16(quote + (page.u8(quote) & 15) * 4 + 2)
        destination = page.ip(quote + 16)
        if protocol == IPPROTO_TCP:
            return f"{destination} tcp port {page.tcp_port(port)} unreachable"
        if protocol == IPPROTO_UDP:
            return f"{destination} udp port {page.udp_port(port)} unreachable"
        return f"{destination} protocol {protocol} port {port} unreachable"
    destination = page.ip(quote + 16)
    if code == 2:
        return f"{destination} protocol {page.u8(quote + 9)} unreachable"
    if code == NEED_FRAGMENT:
        mtu = page.u16(at + 6)
        return f"{destination} unreachable - need to frag{f' (mtu {mtu})' if mtu else ''}"
    return UNREACHABLES.get(code, "{dst} unreachable - #{code}").format(dst=destination, code=code)


def _advertisement(page: Page, at: int) -> str:
    _check(page, at + 4, 4)
    count, size, lifetime = page.u8(at + 4), page.u8(at + 5), page.u16(at + 6)
    text = f"router advertisement lifetime {_duration(lifetime)} {count}:"
    if size != 2:
        return f"{text} [size {size}]"
    for number in range(count):
        entry = at + HEADER_LENGTH + number * 8
        _check(page, entry, 8)
        text += f" {{{page.ip(entry)} {page.u32(entry + 4)}}}"
        if len(text) > ROOM:  # tcpdump keeps no more than its buffer holds
            return text[:ROOM]
    return text


ROOM: Final = 1025 + 100 - 1


def _duration(seconds: int) -> str:
    if seconds < 60:
        return str(seconds)
    if seconds < 3600:
        return f"{seconds // 60}:{seconds % 60:02d}"
    return f"{seconds // 3600}:{seconds % 3600 // 60:02d}:{seconds % 60:02d}"


def _time_of_day(milli: int) -> str:
    seconds = milli // 1000
    return f"{seconds // 3600:02d}:{seconds // 60 % 60:02d}:{seconds % 60:02d}.{milli % 1000:03d}"
