"""A value becomes the word that nft prints for it.

Linux: nftables src/datatype.c datatype_print()
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from pystack.applets.nft import times, types
from pystack.applets.nft.style import Style
from pystack.applets.nft.surroundings import Surroundings
from pystack.applets.nft.types import DataType
from pystack.wire import ipv4, ipv6
from pystack.wire.ethernet import mac_text

_TC_ROOT: Final = 0xFFFFFFFF
# Words for these come out of files or mean something else elsewhere, so they are quoted.
_QUOTED: Final = frozenset((types.MARK, types.DEVGROUP, types.REALM, types.DAY))


def show(octets: bytes, kind: DataType, around: Surroundings, style: Style) -> str:
    """The text of a value."""
    at: DataType | None = kind
    while at is not None:
        shower = _SHOWERS.get(at)
        if shower is not None:
            return shower(octets, kind, around, style)
        words = around.words(at)
        if words or at in _QUOTED:
            return _word(octets, kind, words, style, is_quoted=at in _QUOTED)
        at = at.base
    return _number(octets, kind, around, style)


def _word(octets: bytes, kind: DataType, words: Mapping[str, int], style: Style, *, is_quoted: bool) -> str:
    value = int.from_bytes(octets)
    word = None if style.numeric_symbol else next((word for word, at in words.items() if at == value), None)
    if word is None:
        return number_text(value, kind)
    return f'"{word}"' if is_quoted else word


def number_text(value: int, kind: DataType) -> str:
    """A number in the form that its kind has, or the kind that it is built on."""
    at: DataType | None = kind
    while at is not None:
        if at.hex_digits >= 0:
            return f"0x{value:0{at.hex_digits}x}"
        at = at.base
    return str(value)


# --- kinds with a text of their own -------------------------------------------------------------------------


def _number(octets: bytes, kind: DataType, around: Surroundings, style: Style) -> str:
    return number_text(int.from_bytes(octets), kind)


def _string(octets: bytes, kind: DataType, around: Surroundings, style: Style) -> str:
    return f'"{octets.decode(errors="surrogateescape")}"'


def _link_address(octets: bytes, kind: DataType, around: Surroundings, style: Style) -> str:
    return mac_text(octets)


def _ipv4(octets: bytes, kind: DataType, around: Surroundings, style: Style) -> str:
    value = int.from_bytes(octets)
    host = around.names.hosts.get(value) if style.host_names else None
    return host or ipv4.address_text(value)


def _ipv6(octets: bytes, kind: DataType, around: Surroundings, style: Style) -> str:
    value = int.from_bytes(octets)
    host = around.names.hosts6.get(value) if style.host_names else None
    return host or ipv6.address_text(value)


def _protocol(octets: bytes, kind: DataType, around: Surroundings, style: Style) -> str:
    value = int.from_bytes(octets)
    name = None if style.numeric_protocol else around.protocol_names.get(value)
    return name or str(value)


def _service(octets: bytes, kind: DataType, around: Surroundings, style: Style) -> str:
    value = int.from_bytes(octets)
    name = around.names.services.get(value) if style.services else None
    return f'"{name}"' if name else str(value)


def _device(octets: bytes, kind: DataType, around: Surroundings, style: Style) -> str:
    value = int.from_bytes(octets)
    name = around.device_names.get(value)
    return f'"{name}"' if name else str(value)


def _user(octets: bytes, kind: DataType, around: Surroundings, style: Style) -> str:
    return _identity(octets, around.user_names, style)


def _group(octets: bytes, kind: DataType, around: Surroundings, style: Style) -> str:
    return _identity(octets, around.group_names, style)


def _identity(octets: bytes, names: Mapping[int, str], style: Style) -> str:
    value = int.from_bytes(octets)
    name = names.get(value) if style.user_names else None
    return f'"{name}"' if name else str(value)


def _class_id(octets: bytes, kind: DataType, around: Surroundings, style: Style) -> str:
    value = int.from_bytes(octets)
    if value in (0, _TC_ROOT):
        return "root" if value else "none"
    return f"{value >> 16:x}:{value & 0xFFFF:x}"


def _label(octets: bytes, kind: DataType, around: Surroundings, style: Style) -> str:
    value = int.from_bytes(octets)
    bit = (value & -value).bit_length() - 1
    name = next((word for word, at in around.words(kind).items() if at == bit), None)
    return f'"{name}"' if name else str(bit)


def _time(octets: bytes, kind: DataType, around: Surroundings, style: Style) -> str:
    return times.duration_text(int.from_bytes(octets), only_seconds=style.numeric_time)


def _date(octets: bytes, kind: DataType, around: Surroundings, style: Style) -> str:
    return f'"{times.date_text(int.from_bytes(octets), around.utc_offset)}"'


def _hour(octets: bytes, kind: DataType, around: Surroundings, style: Style) -> str:
    return f'"{times.hour_text(int.from_bytes(octets), around.utc_offset)}"'


def _invalid(octets: bytes, kind: DataType, around: Surroundings, style: Style) -> str:
    number = f"0x{int.from_bytes(octets):x}"
    return number if style.readable else f"{number} [invalid type]"


_Shower = Callable[[bytes, DataType, Surroundings, Style], str]
_SHOWERS: Final[Mapping[DataType, _Shower]] = {
    types.INTEGER: _number,
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
    types.INVALID: _invalid,
}
