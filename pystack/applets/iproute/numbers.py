"""Numbers and addresses on the command line, with iproute2's own notion of what is one."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from pystack.applets.iproute.words import ToolExit
from pystack.errors import NotModelled

_NUMBER: Final = re.compile(r"\s*([+-]?)(?:0[xX]([0-9a-fA-F]+)|(0[0-7]*)|([1-9][0-9]*))")
_QUARTER: Final = r"(0|[1-9][0-9]?|1[0-9][0-9]|2[0-4][0-9]|25[0-5])"
_DOTTED_QUAD: Final = re.compile(r"\.".join([_QUARTER] * 4))  # as nearly all of them are written
_OCTET: Final = re.compile(r"\s*[+-]?(?:0[xX])?([0-9a-fA-F]+)")
_MAC: Final = re.compile(r":".join([r"([0-9a-fA-F]{1,2})"] * 6))


def _prefix_number(text: str) -> tuple[int, str] | None:
    """The number that a text begins with, and what follows it. Linux: strtol(, , 0)"""
    found = _NUMBER.match(text)
    if found is None:
        return None
    sign, hexadecimal, octal, decimal = found.groups()
    value = int(hexadecimal, 16) if hexadecimal else int(octal, 8) if octal else int(decimal)
    return (-value if sign == "-" else value), text[found.end() :]


def integer(text: str, low: int = -(1 << 31), high: int = (1 << 31) - 1) -> int | None:
    """A whole number in C's notation; None if it is none or out of range. Linux: get_integer(), get_u32()"""
    found = _prefix_number(text)
    if found is None or found[1] or not low <= found[0] <= high:
        return None
    return found[0]


def unsigned(text: str, bits: int = 32) -> int | None:
    """Linux: get_unsigned(), get_u8(), get_u16()"""
    return integer(text, 0, (1 << bits) - 1)


def leading_integer(text: str) -> int:
    """Linux: atoi()"""
    found = re.match(r"\s*[+-]?[0-9]+", text)
    return int(found.group()) if found else 0


def hardware_address(text: str) -> bytes:
    """Octets between colons, of any number. Linux: iproute2 lib/ll_addr.c ll_addr_a2n()"""
    if "." in text:
        address = ipv4(text)
        if address is None:
            raise ToolExit(1, f'"{text}" is invalid lladdr.\n')
        return address.to_bytes(4, "big")
    octets = []
    for part in text.split(":")[:32]:
        found = _OCTET.match(part)
        value = int(found.group(1), 16) if found else -1
        if not 0 <= value <= 255:
            raise ToolExit(1, f'"{part}" is invalid lladdr.\n')
        octets.append(value)
    return bytes(octets)


def ethernet_address(text: str) -> bytes | None:
    """Six octets between colons; more text may follow. Linux: sscanf(, "%hhx:%hhx:…")"""
    found = _MAC.match(text)
    return bytes(int(octet, 16) for octet in found.groups()) if found else None


def format_mac(address: bytes) -> str:
    """Linux: iproute2 lib/ll_addr.c ll_addr_n2a()"""
    return ":".join(f"{octet:02x}" for octet in address)


def ipv4(text: str) -> int | None:
    """One to four numbers; `10.8` is 10.8.0.0. Linux: iproute2 lib/utils.c get_addr_ipv4()"""
    plain = _DOTTED_QUAD.fullmatch(text)
    if plain is not None:
        first, second, third, fourth = map(int, plain.groups())
        return first << 24 | second << 16 | third << 8 | fourth
    octets = [0, 0, 0, 0]
    for index in range(4):
        found = _prefix_number(text)
        if found is None or not 0 <= found[0] <= 255:
            return None
        octets[index], text = found
        if not text:
            return int.from_bytes(bytes(octets), "big")
        if index == 3 or text[0] != ".":
            return None
        text = text[1:]
    return None


def format_ipv4(address: int) -> str:
    """Dotted quad."""
    return f"{address >> 24}.{address >> 16 & 255}.{address >> 8 & 255}.{address & 255}"


@dataclass(frozen=True, slots=True)
class Prefix:
    """An address with its length; `any` and `default` have none of their own, nor a family."""

    address: int = 0
    length: int = 0
    length_given: bool = False
    is_any: bool = False
    family: str = "inet"

    @property
    def has_octets(self) -> bool:
        """Whether iproute2 sends octets for it, rather than an attribute that is empty."""
        return not self.is_any or (self.length_given and self.family == "inet")

    def holds(self, address: int) -> bool:
        """Linux: iproute2 lib/utils.c inet_addr_match()"""
        return self.length == 0 or not (address ^ self.address) >> (32 - self.length)


def _family_words(family: str) -> str:
    return family if family else "any valid"


def _refuse_inet6(text: str, family: str) -> None:
    if ":" in text and family in ("", "inet6"):
        raise NotModelled(f"IPv6 address {text}", ("IPv4",))


def _any(text: str, family: str) -> Prefix | None:
    if text not in ("default", "all", "any"):
        return None
    if family == "inet6":
        raise NotModelled("family inet6", ("inet",))
    return Prefix(is_any=True, length_given=text == "default", family=family)


def address(text: str, family: str = "") -> Prefix:
    """An address that must be one. Linux: iproute2 lib/utils.c get_addr()"""
    found = _any(text, family)
    if found is not None:
        return found
    value = ipv4(text)
    if value is None or family not in ("", "inet"):
        _refuse_inet6(text, family)
        raise ToolExit(1, f'Error: {_family_words(family)} address is expected rather than "{text}".\n')
    return Prefix(value, 32)


def prefix_or_none(text: str, family: str = "") -> Prefix | None:
    """Linux: iproute2 lib/utils.c get_prefix_1()"""
    found = _any(text, family)
    if found is not None:
        return found
    head, slash, tail = text.partition("/")
    value = ipv4(head)
    if value is None:
        return None
    if not slash:
        return Prefix(value, 32)
    length = unsigned(tail)
    if length is None:
        mask = ipv4(tail)
        host = 0 if mask is None else mask ^ 0xFFFFFFFF
        if mask is None or host & (host + 1):
            return None
        length = 32 - host.bit_length()
    return Prefix(value, length, True) if length <= 32 else None


def prefix(text: str, family: str = "") -> Prefix:
    """A prefix that must be one. Linux: iproute2 lib/utils.c get_prefix()"""
    if family == "link":
        raise ToolExit(1, f'Error: "{text}" may be inet prefix, but it is not allowed in this context.\n')
    found = prefix_or_none(text, family)
    if found is None or family not in ("", "inet"):
        _refuse_inet6(text, family)
        raise ToolExit(1, f'Error: {_family_words(family)} prefix is expected rather than "{text}".\n')
    return found
