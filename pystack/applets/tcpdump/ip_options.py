"""The options of IPv4 headers, as -v shows them."""

from __future__ import annotations

from typing import Final

from pystack.applets.tcpdump.page import Cut, Page

EOL, NOP, RR, TIMESTAMP, SECURITY, LSRR, SSRR, ALERT, TRACEROUTE = 0, 1, 7, 68, 130, 131, 137, 148, 82
NAMES: Final = {
    EOL: "EOL",
    NOP: "NOP",
    TIMESTAMP: "timestamp",
    SECURITY: "security",
    RR: "RR",
    SSRR: "SSRR",
    LSRR: "LSRR",
    ALERT: "RA",
    TRACEROUTE: "traceroute",
}
TIMESTAMP_KINDS: Final = {0: "TSONLY", 1: "TS+ADDR", 3: "PRESPEC"}


def print_options(page: Page, at: int, length: int) -> bool:
    """False if the options were cut off. tcpdump: print-ip.c ip_optprint()"""
    separator = ""
    while length > 0:
        page.say(separator)
        separator = ","
        code = page.u8(at)
        page.say(NAMES.get(code, f"unknown {code}"))
        size = 1
        if code not in (EOL, NOP):
            size = page.u8(at + 1)
            if size < 2:
                page.say(f" [bad length {size}]")
                return True
        if size > length:
            page.say(f" [bad length {size}]")
            return True
        if not page.has(at, size):
            return False
        if code == EOL:
            return True
        try:
            _print_body(page, code, at, size)
        except Cut:
            return False
        at += size
        length -= size
    return True


def _print_body(page: Page, code: int, at: int, size: int) -> None:
    if code == TIMESTAMP:
        _print_timestamps(page, at, size)
    elif code in (RR, SSRR, LSRR):
        _print_route(page, at, size)
    elif code == ALERT:
        if size < 4:
            page.say(f" [bad length {size}]")
        elif value := page.u16(at + 2):
            page.say(f" value {value}")


def _print_route(page: Page, at: int, size: int) -> None:
    """tcpdump: print-ip.c ip_printroute()"""
    if size < 3:
        return page.say(f" [bad length {size}]")
    if (size + 1) & 3:
        page.say(f" [bad length {size}]")
    pointer = page.u8(at + 2) - 1
    if pointer < 3 or (pointer + 1) & 3 or pointer > size + 1:
        page.say(f" [bad ptr {page.u8(at + 2)}]")
    for place in range(3, size, 4):
        page.say(f" {page.ip(at + place)}{',' if pointer > place else ''}")


def _print_timestamps(page: Page, at: int, size: int) -> None:
    """tcpdump: print-ip.c ip_printts()"""
    if size < 4:
        return page.say(f"[bad length {size}]")
    kind, hops_missed = page.u8(at + 3) & 15, page.u8(at + 3) >> 4
    step = 4 if kind == 0 else 8
    page.say(" TS{")
    if (size - 4) & (step - 1):
        page.say(f"[bad length {size}]")
    pointer = page.u8(at + 2) - 1
    if pointer < 4 or (pointer - 4) & (step - 1) or pointer > size + 1:
        page.say(f"[bad ptr {page.u8(at + 2)}]")
    place = 0
    if kind not in TIMESTAMP_KINDS:
        page.say(f"[bad ts type {kind}]")
    else:
        page.say(TIMESTAMP_KINDS[kind])
        for place in range(4, size, step):
            mark = " ^ " if pointer == place else " "
            whose = page.ip(at + place) if step == 8 else ""
            page.say(f"{mark}{page.u32(at + place + step - 4)}@{whose}")
        place = (
            max(size - (size - 4) % step, 4) if (size - 4) % step == 0 else size - (size - 4) % step + step
        )
    page.say(" ^ " if pointer == place else "")
    page.say(f" [{hops_missed} hops not recorded]}} " if hops_missed else "}")
