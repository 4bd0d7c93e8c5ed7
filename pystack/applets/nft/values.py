"""A word becomes a value of a kind.

Linux: nftables src/datatype.c symbol_parse()
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

from pystack.applets.iputils import parse_aton
from pystack.applets.nft import times, types
from pystack.applets.nft.surroundings import Surroundings
from pystack.applets.nft.types import DataType
from pystack.applets.nft.unreadable import Unreadable
from pystack.wire import ipv6

_NUMBER: Final = re.compile(r"0[xX][0-9a-fA-F]+|0[bB][01]+|0[0-7]*|[1-9][0-9]*")
_LINK_PART: Final = re.compile(r"[ \t]*[+-]?(?:0[xX])?[0-9a-fA-F]+")  # as strtoul() reads it
_U32: Final = 0xFFFFFFFF
_LABEL_BITS: Final = 128
# Words of the grammar that are protocols, whatever /etc/protocols calls them.
_PROTOCOL_KEYWORDS: Final = {
    "icmp": 1,
    "igmp": 2,
    "tcp": 6,
    "udp": 17,
    "dccp": 33,
    "esp": 50,
    "ah": 51,
    "icmpv6": 58,
    "comp": 108,
    "sctp": 132,
    "udplite": 136,
}
_TC_ROOT: Final = 0xFFFFFFFF


def parse(kind: DataType, text: str, around: Surroundings) -> bytes | Unreadable:
    """The octets of a word, big-endian; more of them than the kind has if the number is too large for it."""
    at: DataType | None = kind
    while at is not None:
        reader = _READERS.get(at)
        if reader is not None:
            return _octets(reader(text, around), kind)
        words = around.words(at)
        if text in words:
            return _octets(words[text], kind)
        at = at.base
    return Unreadable(f"Can't parse symbolic {kind.description} expressions")


def number(text: str) -> int | None:
    """A number as C reads it: decimal, 0x…, 0b…, octal with a zero in front."""
    if not _NUMBER.fullmatch(text):
        return None
    if text[:2].lower() in ("0x", "0b"):
        return int(text, 0)
    return int(text, 8) if text.startswith("0") else int(text)


def _octets(value: int | bytes | Unreadable | None, kind: DataType) -> bytes | Unreadable:
    if value is None:
        return Unreadable(f"Could not parse {kind.description}")
    if isinstance(value, int):
        return value.to_bytes(max(kind.octets, (value.bit_length() + 7) // 8, 1))
    return value


# --- readers: a number, octets, an error of their own, or None: the error that all kinds have ---------------


def _integer(text: str, around: Surroundings) -> int | None:
    return number(text)


def _string(text: str, around: Surroundings) -> bytes:
    return text.encode("latin-1")  # each character is an octet


def _link_address(text: str, around: Surroundings) -> bytes | Unreadable:
    """Linux: nftables src/datatype.c lladdr_type_parse()"""
    parts = _LINK_PART.findall(text)  # nft takes any sign between them
    if not re.fullmatch(rf"({_LINK_PART.pattern})(.({_LINK_PART.pattern}))*", text):
        return Unreadable("Invalid LL address")
    octets = [int(part, 16) for part in parts]
    return bytes(octets) if max(octets) <= 0xFF else Unreadable("Invalid LL address")


def _ipv4(text: str, around: Surroundings) -> bytes | Unreadable:
    value = parse_aton(text)
    found = [value] if value is not None else around.names.addresses.get(text.lower(), [])
    return _host(found, 4, text, is_other_family=ipv6.parse_address(text) is not None)


def _ipv6(text: str, around: Surroundings) -> bytes | Unreadable:
    value = ipv6.parse_address(text)
    found = [value] if value is not None else around.names.addresses6.get(text.lower(), [])
    return _host(found, 16, text, is_other_family=parse_aton(text) is not None)


def _host(addresses: list[int], octets: int, text: str, *, is_other_family: bool) -> bytes | Unreadable:
    """Linux differs: no name service is asked, only /etc/hosts, as if there were no server."""
    if len(addresses) == 1:
        return addresses[0].to_bytes(octets)
    if addresses:
        return Unreadable("Hostname resolves to multiple addresses")
    if is_other_family:
        why = "Address family for hostname not supported"
    elif re.fullmatch(r"[0-9.:]*", text) or "/" in text:  # no name can be that
        why = "Name or service not known"
    else:
        why = "Temporary failure in name resolution"
    return Unreadable(f"Could not resolve hostname: {why}")


def _protocol(text: str, around: Surroundings) -> int | Unreadable:
    value = number(text)
    if value is not None:
        return value if value <= 0xFF else Unreadable("Protocol out of range")
    known = _PROTOCOL_KEYWORDS.get(text, around.names.protocols.get(text))
    return known if known is not None else Unreadable("Could not resolve protocol name")


def _service(text: str, around: Surroundings) -> int | Unreadable:
    value = number(text)
    if value is not None:
        return value if value <= 0xFFFF else Unreadable("Service out of range")
    if text.isdecimal() and int(text) <= 0xFFFF:
        return int(text)
    for protocol in ("tcp", "udp"):
        port = around.names.ports.get((protocol, text))
        if port is not None:
            return port
    return Unreadable("Could not resolve service: Servname not supported for ai_socktype")


def _device(text: str, around: Surroundings) -> int | Unreadable:
    if text in around.devices:
        return around.devices[text]
    if text.isdecimal() and int(text) <= 0x7FFFFFFF:
        return int(text)
    return Unreadable("Interface does not exist")


def _user(text: str, around: Surroundings) -> int | Unreadable:
    value = int(text) if text.isdecimal() else None
    return _identity(around.names.users.get(text), value, "User")


def _group(text: str, around: Surroundings) -> int | Unreadable:
    return _identity(around.names.groups.get(text), number(text), "Group")


def _identity(known: int | None, value: int | None, what: str) -> int | Unreadable:
    if known is not None:
        return known
    if value is None:
        return Unreadable(f"{what} does not exist")
    return value if value <= _U32 else Unreadable("Value too large")


def _class_id(text: str, around: Surroundings) -> int:
    """`1:10` in hexadecimal; like Linux's, it takes of anything else what looks like a number."""
    if text in ("root", "none"):
        return _TC_ROOT if text == "root" else 0
    major, colon, minor = text.partition(":")
    if colon:
        return (_leading(major, 16) << 16 | _leading(minor, 16)) & _U32
    return _leading(text, 0) & _U32


def _leading(text: str, base: int) -> int:
    """strtoull(3): the number at the beginning."""
    if base == 16:
        found = re.match(r"(?:0[xX])?[0-9a-fA-F]+", text)
        return int(found[0], 16) if found else 0
    found = _NUMBER.match(text)
    return number(found[0]) or 0 if found else 0


def _label(text: str, around: Surroundings) -> int | Unreadable:
    bit = around.words(types.CT_LABEL).get(text, number(text))
    if bit is None:
        return Unreadable(f'/etc/connlabel.conf: could not parse conntrack label "{text}"')
    if bit >= _LABEL_BITS:
        return Unreadable(f"{text}: bit {bit} out of range ({_LABEL_BITS} max)")
    return 1 << bit


def _time(text: str, around: Surroundings) -> int | Unreadable:
    value = times.parse_duration(text)
    if isinstance(value, int) and value > _U32:
        return Unreadable("value too large")
    return value


def _date(text: str, around: Surroundings) -> int | Unreadable:
    return times.parse_date(text, around.utc_offset)


def _hour(text: str, around: Surroundings) -> int | Unreadable:
    return times.parse_hour(text, around.utc_offset)


def _cgroup(text: str, around: Surroundings) -> Unreadable:
    """Nobody has control groups here."""
    return Unreadable("cgroupv2 path fails: No such file or directory")


_Reader = Callable[[str, Surroundings], int | bytes | Unreadable | None]
_READERS: Final[Mapping[DataType, _Reader]] = {
    types.INTEGER: _integer,
    types.STRING: _string,
    types.LL_ADDR: _link_address,
    types.IPV4_ADDR: _ipv4,
    types.IPV6_ADDR: _ipv6,
    types.INET_PROTO: _protocol,
    types.INET_SERVICE: _service,
    types.IFACE_INDEX: _device,
    types.UID: _user,
    types.GID: _group,
    types.CLASSID: _class_id,
    types.CT_LABEL: _label,
    types.TIME: _time,
    types.DATE: _date,
    types.HOUR: _hour,
    types.CGROUPV2: _cgroup,
}
