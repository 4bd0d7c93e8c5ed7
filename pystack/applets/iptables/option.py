"""Options of matches and targets: what they take, and how what was given is printed again.

Linux: libxtables/xtoptions.c
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final

from pystack.applets.iptables.family import IPV4, IPV6, Family
from pystack.applets.iptables.refused import BadOption, Refused
from pystack.applets.iputils import parse_aton
from pystack.applets.tcpdump.names import Names
from pystack.netfilter.ipset import IpSet

U8: Final = 0xFF
U16: Final = 0xFFFF
U32: Final = 0xFFFFFFFF
U64: Final = 0xFFFFFFFFFFFFFFFF


@dataclass(frozen=True, slots=True)
class Where:
    """For error texts and names: whose option is parsed, what is known by name, and what -p said."""

    extension: str
    option: str
    names: Names
    protocol: str = ""
    family: Family = IPV4
    protocol_number: int = 0
    protocol_inverted: bool = False
    given: Collection[str] = ()  # what was given to this extension before
    warn: Callable[[str], None] = lambda text: None
    find_set: Callable[[str], IpSet | None] = lambda name: None


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
    check: Callable[[Where], None] | None = None  # before it is read
    told_as: str = ""  # what errors call it, where that is not its name
    twice: str = ""  # what is said of a second one, where that is not the usual text


@dataclass(slots=True)
class Given:
    """What a user gave."""

    value: Any
    inverted: bool = False
    lost: bool = False  # nft's tables keep nothing of it
    turned: bool = False  # `! 0:80`, of which nft's tables keep what is above


Values = Mapping[str, Given]


# --- arguments ----------------------------------------------------------------------------------------------


def number(text: str, high: int, low: int = 0) -> int | None:
    """A number inside bounds, and nothing behind it. Linux: xtables_strtoui()"""
    value, rest = prefix(text, high, low)
    return None if rest else value


def prefix(text: str, high: int, low: int = 0) -> tuple[int | None, str]:
    """The number with which a text begins, None if it is none inside the bounds, and what follows it.

    Linux: xtables_strtoul()
    """
    found = _NUMBER.match(text)
    if found is None:
        return None, text
    digits = found[1].lower()
    base = 16 if digits.startswith("0x") else 8 if digits.startswith("0") else 10
    value = int(digits, base)
    return (value if low <= value <= high else None), text[found.end() :]


_NUMBER: Final = re.compile(r"\s*\+?(0[xX][0-9a-fA-F]+|0[0-7]*|[1-9][0-9]*)")


def strtoul(text: str) -> int | None:
    """A number of any size, and nothing behind it."""
    return number(text, 2**64 - 1)


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
        values: list[int] = []
        rest: str | None = text
        while rest is not None:
            if len(values) == 2:
                raise BadOption(
                    f'{where.extension}: Too many components for option "--{where.option}" (max: 2)'
                )
            value, rest = _bound(rest, high * len(values), high, where)
            values.append(value)
        return values[0], values[-1]

    return parse


def _bound(text: str, missing: int, high: int, where: Where) -> tuple[int, str | None]:
    """One end of a range, and what stands behind the colon; None if there is no colon."""
    if not text or text[0] == ":":
        return missing, text[1:] if text else None
    value, rest = prefix(text, high)
    if value is None:
        bad = f'{where.extension}: bad value for option "--{where.option}" near "{text}"'
        raise BadOption(f"{bad}, or out of range (0-{high}).")
    if rest and rest[0] != ":":
        raise BadOption(
            f'{where.extension}: Argument to "--{where.option}" has unexpected characters near "{rest}".'
        )
    return value, rest[1:] if rest else None


def prefix_length(text: str, where: Where) -> int:
    """Of a network: a number or a mask. Linux: xtopt_parse_plen()"""
    bits = where.family.bits
    length = number(text, bits)
    mask = _numeric(text, where) if length is None else None
    if mask is not None:
        length = where.family.prefix_length(mask)
        length = _NO_LENGTH if length is None else length
    if length is None:
        bad = f'{where.extension}: bad value for option "--{where.option}", '
        raise BadOption(f"{bad}neither a valid network mask nor valid CIDR (0-{bits}).")
    return length


_NO_LENGTH: Final = 255  # of a mask with holes


def show_range(value: tuple[int, int]) -> str:
    """One number, or two."""
    low, high = value
    return str(low) if low == high else f"{low}:{high}"


def markmask(text: str, where: Where) -> tuple[int, int]:
    """`VALUE[/MASK]`. Linux: xtables_parse_mark_mask()"""
    value, rest = prefix(text, U32)
    mask: int | None = U32
    if value is not None and rest.startswith("/"):
        mask, rest = prefix(rest[1:], U32)
    if value is None or mask is None:
        raise BadOption(
            f'{where.extension}: bad integer value for option "--{where.option}", or out of range.'
        )
    if rest:
        raise BadOption(f'{where.extension}: trailing garbage after value for option "--{where.option}".')
    return value, mask


def show_mark(value: tuple[int, int]) -> str:
    """The mask only where it says something."""
    mark, mask = value
    return f"{mark:#x}" if mask == U32 else f"{mark:#x}/{mask:#x}"


def text_cut(length: int) -> Parse:
    """A string of which so much is kept. Linux: xtopt_parse_string()"""
    return lambda text, where: text[:length]


def is_file_name(text: str) -> bool:
    """Whether /proc can have a file of this name. Linux: net/netfilter/x_tables.c xt_check_proc_name()"""
    return text not in ("", ".", "..") and "/" not in text


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


def port(text: str, where: Where) -> int:
    """A number or a service of any protocol. Linux: xtables_getportbyname(), glibc's getaddrinfo()"""
    if _DECIMAL.fullmatch(text) and (numeric := min(int(text), 2**64 - 1) & U32) <= _LARGEST_INT:
        return numeric & U16
    for protocol in ("tcp", "udp", "dccp", "udplite", "sctp"):
        if (value := where.names.ports.get((protocol, text))) is not None:
            return value
    raise BadOption(f'Port "{text}" does not resolve to anything.')


def host(text: str, where: Where) -> int:
    """An address in any notation, or a known name. Linux: xtopt_parse_host()"""
    known = where.family.addresses_of(where.names, text)
    found = known[0] if known else _numeric(text, where)
    if found is None:
        raise BadOption(f"getaddrinfo: {_no_host(text, where)}")
    return found


def _numeric(text: str, where: Where) -> int | None:
    return parse_aton(text) if where.family is IPV4 else where.family.parse_address(text)


def _no_host(text: str, where: Where) -> str:
    """What is looked up may only be unreachable, what can be no name is none."""
    if (IPV6.parse_address(text) if where.family is IPV4 else parse_aton(text)) is not None:
        return _OTHER_FAMILY
    is_name = text == "." or (_HOST_NAME.fullmatch(text) and not set(text) <= set("0123456789."))
    return _NO_RESOLVER if is_name else _NO_NAME


_OTHER_FAMILY: Final = "Address family for hostname not supported"
_HOST_NAME: Final = re.compile(r"\w[\w-]{0,62}(\.[\w-]{1,63})*\.?", re.ASCII)
_NO_NAME: Final = "Name or service not known"
_NO_RESOLVER: Final = "Temporary failure in name resolution"


_DECIMAL: Final = re.compile(r"\s*[-+]?[0-9]+")
_LARGEST_INT: Final = U32 >> 1


def port_of(protocol: str, text: str, where: Where) -> int:
    """A number or a service of one protocol. Linux: xtables_parse_port()"""
    value = number(text, U16)
    if value is None:
        value = where.names.ports.get((protocol, text))
    if value is None:
        raise Refused(f"invalid port/service `{text}' specified")
    return value


def ports_of(protocol: str) -> Parse:
    """`LOW:HIGH` of one protocol. Linux: libxt_tcp.c parse_tcp_ports()"""

    def parse(text: str, where: Where) -> tuple[int, int]:
        low_text, colon, high_text = text.partition(":")
        if not colon:
            value = port_of(protocol, text, where)
            return value, value
        low = port_of(protocol, low_text, where) if low_text else 0
        high = port_of(protocol, high_text, where) if high_text else U16
        if low > high:
            raise Refused("invalid portrange (min > max)")
        return low, high

    return parse


def ports(text: str, where: Where) -> tuple[int, int]:
    """`LOW:HIGH`. Linux: xtopt_parse_mport()"""
    values = (0, U16)
    for number, part in enumerate(parts := text.split(":")):
        if number == 2:
            raise BadOption(f'{where.extension}: Too many components for option "--{where.option}" (max: 2)')
        if part:
            values = (port(part, where), values[1]) if not number else (values[0], port(part, where))
    return values if len(parts) == 2 else (values[0], values[0])
