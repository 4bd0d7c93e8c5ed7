"""Neighbour discovery for IPv6: routers, neighbours, redirects, and their options."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pystack.applets.tcpdump.dump import unknown_data
from pystack.applets.tcpdump.page import Page, flags_text, ip6_text

ROUTER_SOLICIT, ROUTER_ADVERT, SOLICIT, ADVERT, REDIRECT = 133, 134, 135, 136, 137
ADVERTISED: Final = (ROUTER_SOLICIT, ROUTER_ADVERT, SOLICIT, ADVERT, REDIRECT)
HEADERS: Final = {ROUTER_SOLICIT: 8, ROUTER_ADVERT: 16, SOLICIT: 24, ADVERT: 24, REDIRECT: 40}

ROUTER_FLAGS: Final = {0x80: "managed", 0x40: "other stateful", 0x20: "home agent", 0x02: "ipv6 only"}
NEIGHBOUR_FLAGS: Final = {0x80000000: "router", 0x40000000: "solicited", 0x20000000: "override"}
PREFIX_FLAGS: Final = {0x80: "onlink", 0x40: "auto", 0x20: "router"}
PREFERENCES: Final = ("medium", "high", "rsv", "low")
FOREVER: Final = 0xFFFFFFFF

OPTIONS: Final = {
    1: "source link-address",
    2: "destination link-address",
    3: "prefix info",
    4: "redirected header",
    5: "mtu",
    7: "advertisement interval",
    8: "homeagent information",
    24: "route info",
    25: "rdnss",
    31: "dnssl",
}


def print_discovery(page: Page, at: int, length: int, type_: int) -> bool:
    """False if the line ends here. tcpdump: print-icmp6.c icmp6_print(), its ND_ cases"""
    if type_ == SOLICIT:
        page.say(f", who has {page.ip6(at + 8)}")
    elif type_ == ADVERT:
        page.say(f", tgt is {page.ip6(at + 8)}")
    elif type_ == REDIRECT:
        page.say(f", {page.ip6(at + 24)} to {page.ip6(at + 8)}")
    if not page.look.v:
        return True
    if type_ == ROUTER_ADVERT:
        _print_router(page, at)
    elif type_ == ADVERT:
        page.say(f", Flags [{flags_text(NEIGHBOUR_FLAGS, page.u32(at + 4))}]")
    header = HEADERS[type_]
    if _print_options(page, at + header, length - header):
        return True
    page.truncated()
    return False


def _print_router(page: Page, at: int) -> None:
    flags = page.u8(at + 5)
    page.say(
        f"\n\thop limit {page.u8(at + 4)}, Flags [{flags_text(ROUTER_FLAGS, flags)}], "
        f"pref {_preference(flags)}, router lifetime {page.u16(at + 6)}s, "
        f"reachable time {page.u32(at + 8)}ms, retrans timer {page.u32(at + 12)}ms"
    )


def _print_options(page: Page, at: int, rest: int) -> bool:
    """False if they are cut off. tcpdump: print-icmp6.c icmp6_opt_print()"""
    start = at
    while at < page.end:
        if not page.has(at + 1, 1):
            return False
        if rest <= 0:
            return True
        kind, units = page.u8(at), page.u8(at + 1)
        size = units * 8
        if size == 0 or at + size > page.end:
            return False
        page.say(f"\n\t  {OPTIONS.get(kind, 'unknown')} option ({kind}), length {size} ({units}): ")
        if kind == 4:
            unknown_data(page, start, "\n\t    ", size)
        elif kind in _PRINTERS:
            if not _PRINTERS[kind](page, at, units):
                return False
        elif page.look.v <= 1:
            unknown_data(page, at + 2, "\n\t  ", size - 2)
            return True
        if page.look.v > 1:
            unknown_data(page, at + 2, "\n\t    ", size - 2)
        at += size
        rest -= size
    return True


def _link_address(page: Page, at: int, units: int) -> bool:
    page.say(page.octets(at + 2, units * 8 - 2).hex(":"))
    return True


def _prefix(page: Page, at: int, units: int) -> bool:
    bad = "badlen" if units != 4 else ""
    prefix, flags = f"{page.ip6(at + 16)}/{page.u8(at + 2)}{bad}", flags_text(PREFIX_FLAGS, page.u8(at + 3))
    page.say(f"{prefix}, Flags [{flags}], valid time {_lifetime(page.u32(at + 4))}")
    page.say(f", pref. time {_lifetime(page.u32(at + 8))}")
    return True


def _mtu(page: Page, at: int, units: int) -> bool:
    page.say(f" {page.u32(at + 4)}{'bad option length' if units != 1 else ''}")
    return True


def _name_servers(page: Page, at: int, units: int) -> bool:
    page.say(f" lifetime {page.u32(at + 4)}s,")
    for number in range((units - 1) // 2):
        page.say(f" addr: {page.ip6(at + 8 + number * 16)}")
    return True


def _search_list(page: Page, at: int, units: int) -> bool:
    page.say(f" lifetime {page.u32(at + 4)}s, domain(s):")
    place, end = at + 8, at + units * 8
    while place < end and page.u8(place):
        labels = []
        while size := page.u8(place):
            if size >= 64:  # no pointers in here
                return False
            labels.append(page.octets(place + 1, size).decode("latin-1"))
            place += size + 1
        place += 1
        page.say(f" {'.'.join(labels)}.")
    return True


def _interval(page: Page, at: int, units: int) -> bool:
    page.say(f" {page.u32(at + 4)}ms")
    return True


def _home_agent(page: Page, at: int, units: int) -> bool:
    page.say(f" preference {page.u16(at + 4)}, lifetime {page.u16(at + 6)}")
    return True


def _route(page: Page, at: int, units: int) -> bool:
    if not page.has(at + 4, 4) or units > 3:
        return False
    prefix = page.octets(at + 8, (units - 1) * 8).ljust(16, b"\0")
    page.say(f" {ip6_text(prefix)}/{page.u8(at + 2)}, pref={_preference(page.u8(at + 3))}")
    page.say(f", lifetime={_lifetime(page.u32(at + 4))}")
    return True


def _preference(flags: int) -> str:
    return PREFERENCES[flags >> 3 & 3]


def _lifetime(seconds: int) -> str:
    return "infinity" if seconds == FOREVER else f"{seconds}s"


_PRINTERS: Final[dict[int, Callable[[Page, int, int], bool]]] = {
    1: _link_address,
    2: _link_address,
    3: _prefix,
    5: _mtu,
    7: _interval,
    8: _home_agent,
    24: _route,
    25: _name_servers,
    31: _search_list,
}
