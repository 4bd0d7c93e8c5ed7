"""What `ping -R` and `ping -T` say of the options that an answer brought. Linux: ping/ping.c pr_options()"""

from __future__ import annotations

from typing import Final

from pystack.wire.ip_options import (
    IPOPT_END,
    IPOPT_LSRR,
    IPOPT_NOOP,
    IPOPT_RR,
    IPOPT_SSRR,
    IPOPT_TIMESTAMP,
    TS_AND_ADDRESS,
    TS_ONLY,
)
from pystack.wire.ipv4 import address_text

OPTIONS_LENGTH: Final = 40  # that ping reckons with, whatever it asks for
TIMESTAMP_TYPES: Final = {"tsonly": TS_ONLY, "tsandaddr": TS_AND_ADDRESS}

_FIRST_SLOT: Final = 4
_NO_STANDARD_TIME: Final = 0x80000000

RECORD_ROUTE: Final = bytes((IPOPT_NOOP, IPOPT_RR, 39, _FIRST_SLOT)) + bytes(36)


def timestamps(kind: int) -> bytes:
    """The option that asks for times, or for times and addresses."""
    length = OPTIONS_LENGTH if kind == TS_ONLY else 36
    return bytes((IPOPT_TIMESTAMP, length, 5, kind)) + bytes(length - 4)


class RouteText:
    """Remembers the last route, so as to say only that it is the same."""

    def __init__(self, *, flood: bool) -> None:
        self._flood = flood
        self._route = b""

    def text(self, options: bytes) -> str:
        """Lines that go behind an answer's own."""
        said, at = "", 0
        while at < len(options) and options[at] != IPOPT_END:
            if options[at] == IPOPT_NOOP:
                said += "\nNOP"
                at += 1
                continue
            length = options[at + 1] if at + 1 < len(options) else 0
            if length < 2 or at + length > len(options):
                break
            said += self._option(options[at : at + length])
            at += length
        return said

    def _option(self, option: bytes) -> str:
        kind = option[0]
        if kind == IPOPT_RR:
            return self._recorded(option)
        if kind == IPOPT_TIMESTAMP:
            return _times(option)
        if kind in (IPOPT_LSRR, IPOPT_SSRR):
            hops = _addresses(option[3:]) if len(option) > _FIRST_SLOT else ""
            return f"\n{'S' if kind == IPOPT_SSRR else 'L'}SRR: {hops}"
        return f"\nunknown option {kind:x}"

    def _recorded(self, option: bytes) -> str:
        if len(option) < 3:
            return ""
        filled = min(option[2], len(option)) - _FIRST_SLOT
        if filled <= 0:
            return ""
        route = option[2 : 2 + filled]
        if route == self._route and not self._flood:
            return "\t(same route)"
        self._route = route
        slots = (filled + 3) // 4  # the pointer of a full one is cut to the length
        return f"\nRR: {_addresses(option[3 : 3 + 4 * slots])}"


def _addresses(octets: bytes) -> str:
    slots = (octets[at : at + 4].ljust(4, b"\0") for at in range(0, len(octets), 4))
    return "".join(f"\t{address_text(int.from_bytes(slot, 'big'))}\n" for slot in slots)


def _times(option: bytes) -> str:
    """Times are told as they are the first time, then as what passed since the one before."""
    if len(option) < 4:
        return ""
    left, flags, octets = min(option[2], len(option)) - 5, option[3], option[4:]
    if left <= 0:
        return ""
    said, at, before = "\nTS: ", 0, {False: 0, True: 0}
    while left > 0 and at < len(octets):
        if flags & 15 != TS_ONLY:
            said += f"\t{address_text(int.from_bytes(octets[at : at + 4], 'big'))}"
            at, left = at + 4, left - 4
            if left <= 0:
                break
        stamp = int.from_bytes(octets[at : at + 4], "big")
        is_odd = bool(stamp & _NO_STANDARD_TIME)
        moment = stamp & ~_NO_STANDARD_TIME
        told = f"{moment - before[is_odd]}" if before[is_odd] else f"{moment} absolute"
        said += f"\t{told}{' not-standard' if is_odd else ''}\n"
        before[is_odd] = moment
        at, left = at + 4, left - 4
    return said + (f"Unrecorded hops: {flags >> 4}\n" if flags >> 4 else "")
