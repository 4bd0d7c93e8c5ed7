"""The options of TCP headers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pystack.applets.tcpdump.page import Cut, Page, unsigned
from pystack.wire.tcp import HEADER_LENGTH

EOL, NOP, MSS, WINDOW_SCALE, SACK_PERMITTED, SACK, ECHO, ECHO_REPLY, TIMESTAMP = 0, 1, 2, 3, 4, 5, 6, 7, 8
CC, CC_NEW, CC_ECHO, SIGNATURE, SCPS, USER_TIMEOUT, AUTHENTICATION, MPTCP = 11, 12, 13, 19, 20, 28, 29, 30
FAST_OPEN, EXPERIMENT = 34, 254
FAST_OPEN_MAGIC: Final = 0xF989

NAMES: Final = {
    EOL: "eol",
    NOP: "nop",
    MSS: "mss",
    WINDOW_SCALE: "wscale",
    SACK_PERMITTED: "sackOK",
    SACK: "sack",
    ECHO: "echo",
    ECHO_REPLY: "echoreply",
    TIMESTAMP: "TS",
    CC: "cc",
    CC_NEW: "ccnew",
    CC_ECHO: "",
    SIGNATURE: "md5",
    SCPS: "scps",
    USER_TIMEOUT: "uto",
    AUTHENTICATION: "tcp-ao",
    MPTCP: "mptcp",
    FAST_OPEN: "tfo",
    EXPERIMENT: "exp",
}


class Bad(Exception):
    """The option is not what its length says."""


class Body:
    """The octets of one option behind its type and length, guarded on both sides."""

    __slots__ = ("at", "page", "room")

    def __init__(self, page: Page, at: int, room: int) -> None:
        self.page = page
        self.at = at
        self.room = room  # octets of all options that are left

    def check(self, length: int) -> None:
        """Raises Bad where the header ends before, Cut where the capture does."""
        if length > self.room:
            raise Bad
        self.page.need(self.at, length)

    def u8(self, offset: int) -> int:
        """Raises Bad, Cut."""
        self.check(offset + 1)
        return self.page.u8(self.at + offset)

    def u16(self, offset: int) -> int:
        """Raises Bad, Cut."""
        self.check(offset + 2)
        return self.page.u16(self.at + offset)

    def u32(self, offset: int) -> int:
        """Raises Bad, Cut."""
        self.check(offset + 4)
        return self.page.u32(self.at + offset)

    def hex(self, start: int, end: int) -> None:
        """Say these octets one by one: what is there is shown even if the rest is not."""
        for offset in range(start, end):
            self.page.say(f"{self.u8(offset):02x}")


def print_options(page: Page, at: int, hlen: int, sack_base: int) -> bool:
    """False if the line ends here: an option is bad or cut off.

    tcpdump: print-tcp.c tcp_print(), its middle
    """
    rest = hlen - HEADER_LENGTH
    page.say(", options [")
    separator = ""
    while rest > 0:
        page.say(separator)
        kind = page.u8(at)
        size = 1 if kind in (EOL, NOP) else page.u8(at + 1)
        head = 1 if kind in (EOL, NOP) else 2
        if size < head or size > rest:
            return _end_badly(page, separator)
        at += head
        rest -= head
        page.say(NAMES.get(kind, f"unknown-{kind}"))
        try:
            used = _print_option(kind, size, Body(page, at, rest), sack_base)
        except Bad:
            return _end_badly(page, separator)
        except Cut:
            page.truncated()
            page.say(">" if separator else "")
            return False
        at += used
        rest -= used
        if used + head != size:
            page.say(f"[len {size}]")
        separator = ","
        if kind == EOL:
            break
    page.say("]")
    return True


def _end_badly(page: Page, separator: str) -> bool:
    page.say("[bad opt]]" if separator else "[bad opt]")
    return False


def _print_option(kind: int, size: int, body: Body, sack_base: int) -> int:
    """Say an option; the octets it takes by its kind, whatever its length says. Raises Bad, Cut."""
    if kind in (EOL, NOP, SACK_PERMITTED):
        return 0
    if kind == SACK:
        return _print_sack(size - 2, body, sack_base)
    if kind in _FIXED:
        length, text = _FIXED[kind]
        body.check(length)
        body.page.say(text(body))
        return length
    data = size - 2
    if kind == AUTHENTICATION:
        _print_authentication(data, body)
    elif kind == FAST_OPEN:
        body.check(data)
        body.page.say(" ")
        _print_fast_open(0, data, body)
    elif kind == EXPERIMENT:
        _print_experiment(data, body)
    else:  # MPTCP too: its subtypes are not read here
        body.page.say(" 0x" if data else "")
        body.hex(0, data)
    return data


def _print_sack(data: int, body: Body, base: int) -> int:
    page = body.page
    if data % 8:
        page.say(" invalid sack")
        return data
    page.say(f" {data // 8} ")
    for offset in range(0, data, 8):
        start, end = body.u32(offset), body.u32(offset + 4)
        page.say(f"{{{unsigned(start - base)}:{unsigned(end - base)}}}")
    return data


def _print_authentication(data: int, body: Body) -> None:
    page = body.page
    if data < 2:
        return page.invalid()
    page.say(f" keyid {body.u8(0)}")
    page.say(f" rnextkeyid {body.u8(1)}")
    if data > 2:
        page.say(" mac 0x")
        body.hex(2, data)


def _print_fast_open(start: int, end: int, body: Body) -> None:
    length = end - start
    if length == 0:
        return body.page.say(" cookiereq")
    if length % 2 or not 4 <= length <= 16:
        return body.page.invalid()
    body.page.say(" cookie ")
    body.hex(start, end)


def _print_experiment(data: int, body: Body) -> None:
    body.check(data)
    if data < 2:
        raise Bad
    magic = body.u16(0)
    body.page.say("-")
    if magic != FAST_OPEN_MAGIC:
        return body.page.say(f"{magic:04x}")
    body.page.say("tfo")
    _print_fast_open(2, data, body)


def _signature(body: Body) -> str:
    """MD5 signatures could only be checked with the secret that -M gives, which is not taken here."""
    digest = "".join(f"{body.u8(offset):02x}" for offset in range(16))
    return f" shared secret not supplied with -M, can't check - {digest}"


def _user_timeout(body: Body) -> str:
    value = body.u16(0)
    return f" 0x{value:x} {(value >> 1) * (60 if value & 1 else 1)}"


_FIXED: Final[dict[int, tuple[int, Callable[[Body], str]]]] = {
    MSS: (2, lambda body: f" {body.u16(0)}"),
    WINDOW_SCALE: (1, lambda body: f" {body.u8(0)}"),
    ECHO: (4, lambda body: f" {body.u32(0)}"),
    ECHO_REPLY: (4, lambda body: f" {body.u32(0)}"),
    CC: (4, lambda body: f" {body.u32(0)}"),
    CC_NEW: (4, lambda body: f" {body.u32(0)}"),
    CC_ECHO: (4, lambda body: f" {body.u32(0)}"),
    TIMESTAMP: (8, lambda body: f" val {body.u32(0)} ecr {body.u32(4)}"),
    SIGNATURE: (16, _signature),
    SCPS: (2, lambda body: f" cap {body.u8(0):02x} id {body.u8(1)}"),
    USER_TIMEOUT: (2, _user_timeout),
}
