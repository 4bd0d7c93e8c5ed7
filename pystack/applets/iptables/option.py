"""Options of matches and targets: what they take, and how what was given is printed again.

Linux: libxtables/xtoptions.c
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pystack.applets.iptables.family import IPV4, Family
from pystack.applets.iptables.refused import BadOption, Refused
from pystack.applets.tcpdump.names import Names

U8: Final = 0xFF
U16: Final = 0xFFFF
U32: Final = 0xFFFFFFFF


@dataclass(frozen=True, slots=True)
class Where:
    """For error texts and names: whose option is parsed, what is known by name, and what -p said."""

    extension: str
    option: str
    names: Names
    protocol: str = ""
    family: Family = IPV4


Parse = Callable[[str, Where], Any]


@dataclass(frozen=True, slots=True)
class Option:
    """One of an extension's. Without `parse` it takes no argument."""

    name: str
    parse: Parse | None = None
    show: Callable[[Any], str] = str  # in the saved form
    required: bool = False
    invert: bool = False
    excludes: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    many: bool = False
    aliases: tuple[str, ...] = ()  # other names for the same: `--source-port` is `--sport`
    more: Callable[[Any, str | None, Where], Any] | None = None  # takes one word more


@dataclass(slots=True)
class Given:
    """What a user gave."""

    value: Any
    inverted: bool = False


Values = Mapping[str, Given]


def is_inverted(values: Values, name: str) -> bool:
    """Whether an option was given with a `!`."""
    return name in values and values[name].inverted


# --- arguments ----------------------------------------------------------------------------------------------


def number(text: str, high: int, low: int = 0) -> int | None:
    """A number as strtoul() with base 0 takes it, inside bounds. Linux: xtables_strtoui()"""
    value = strtoul(text)
    return value if value is not None and low <= value <= high else None


def strtoul(text: str) -> int | None:
    """Decimal, hexadecimal, octal; nothing may follow."""
    digits = text.lower()
    base = 10
    if digits.startswith("0x") and len(digits) > 2:
        base, digits = 16, digits[2:]
    elif digits.startswith("0") and len(digits) > 1:
        base, digits = 8, digits[1:]
    if not digits or not digits.isascii() or not digits.isalnum():
        return None
    try:
        return int(digits, base)
    except ValueError:
        return None


def uint(high: int, low: int = 0) -> Parse:
    """A number. Linux: xtopt_parse_int()"""

    def parse(text: str, where: Where) -> int:
        value = number(text, high, low)
        if value is None:
            raise BadOption(
                f'{where.extension}: bad value for option "--{where.option}", or out of range ({low}-{high}).'
            )
        return value

    return parse


def uint_range(high: int) -> Parse:
    """`LOW:HIGH`, either may be missing. Linux: xtopt_parse_mint()"""

    def parse(text: str, where: Where) -> tuple[int, int]:
        low, colon, up = text.partition(":")
        first = 0 if colon and not low else number(low, high)
        last = first if not colon else high if not up else number(up, high)
        if first is None or last is None:
            near = text if first is None else up
            bad = f'{where.extension}: bad value for option "--{where.option}" near "{near}"'
            raise BadOption(f"{bad}, or out of range (0-{high}).")
        return first, last

    return parse


def show_range(value: tuple[int, int]) -> str:
    """One number, or two."""
    low, high = value
    return str(low) if low == high else f"{low}:{high}"


def markmask(text: str, where: Where) -> tuple[int, int]:
    """`VALUE[/MASK]`. Linux: xtopt_parse_markmask()"""
    value, slash, mask = text.partition("/")
    numbers = number(value, U32), number(mask, U32) if slash else U32
    if None in numbers:
        raise BadOption(
            f'{where.extension}: bad integer value for option "--{where.option}", or out of range.'
        )
    return numbers[0] or 0, numbers[1] or 0


def show_mark(value: tuple[int, int]) -> str:
    """The mask only where it says something."""
    mark, mask = value
    return f"{mark:#x}" if mask == U32 else f"{mark:#x}/{mask:#x}"


def text_up_to(length: int) -> Parse:
    """A string. Linux: xtopt_parse_string()"""

    def parse(text: str, where: Where) -> str:
        if len(text) > length:
            raise Refused(f"Argument must be not longer than {length} characters")
        return text

    return parse


_PLAIN: Final = frozenset("_-0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ")


def quoted(text: str) -> str:
    """Linux: xtables_save_string()"""
    if set(text) <= _PLAIN and text:
        return text
    escaped = "".join(f"\\{sign}" if sign in "\"\\'" else sign for sign in text)
    return f'"{escaped}"'


def mac(text: str, where: Where) -> bytes:
    """Linux: xtopt_parse_ethermac()"""
    parts = text.split(":")
    octets = [int(part, 16) if _is_hex(part) else 256 for part in parts]
    if len(parts) != 6 or max(octets) > U8:
        raise Refused("Invalid MAC address specified.")
    return bytes(octets)


def _is_hex(text: str) -> bool:
    return bool(text) and all(sign in "0123456789abcdefABCDEF" for sign in text)


def port(text: str, where: Where, protocol: str = "") -> int:
    """A number or a service. Linux: xtopt_parse_port()"""
    value = number(text, U16)
    if value is None:
        value = where.names.ports.get((protocol or where.protocol, text))
    if value is None:
        raise BadOption(f'Port "{text}" does not resolve to anything.')
    return value


def ports(text: str, where: Where) -> tuple[int, int]:
    """`LOW:HIGH`. Linux: xtopt_parse_mport()"""
    low, colon, high = text.partition(":")
    if not colon:
        value = port(low, where)
        return value, value
    return (port(low, where) if low else 0), (port(high, where) if high else U16)
