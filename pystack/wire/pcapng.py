"""The capture file of today: blocks, of which three kinds are written (a section, its interfaces, their
frames)
and any others skipped when read. See draft-ietf-opsawg-pcapng.

    | type | length | body, padded to four octets … | length |

Unlike the classic file it knows several interfaces, and a comment on each frame.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from struct import Struct
from typing import Final

from pystack.wire.checksum import Buffer
from pystack.wire.malformed import Malformed
from pystack.wire.pcap import LINKTYPE_ETHERNET, LONGEST, NANOSECONDS, SNAPLEN, Captured

SECTION: Final = 0x0A0D0D0A  # the same in both byte orders
INTERFACE: Final = 1
SIMPLE_PACKET: Final = 3
ENHANCED_PACKET: Final = 6

BYTE_ORDER: Final = 0x1A2B3C4D
LENGTH_UNKNOWN: Final = 0xFFFFFFFFFFFFFFFF

OPT_END: Final = 0
OPT_COMMENT: Final = 1
IF_NAME: Final = 2
IF_TSRESOL: Final = 9
IF_TSOFFSET: Final = 14
EPB_FLAGS: Final = 2
DIRECTIONS: Final = {"": 0, "in": 1, "out": 2}

_ORDERS: Final[tuple[str, ...]] = ("<", ">")
_BLOCK: Final = {order: Struct(order + "II") for order in _ORDERS}  # type, length of the whole block
_SECTION: Final = {order: Struct(order + "IHHQ") for order in _ORDERS}  # byte order, version, section length
_INTERFACE: Final = {
    order: Struct(order + "HHI") for order in _ORDERS
}  # link type, reserved, snapshot length
_ENHANCED: Final = {order: Struct(order + "IIIII") for order in _ORDERS}  # interface, time (2), kept, length
_OPTION: Final = {order: Struct(order + "HH") for order in _ORDERS}  # code, length
_WORD: Final = {order: Struct(order + "I") for order in _ORDERS}
_MINIMUM: Final = 12  # a block without a body


def section_header() -> bytes:
    """The block that a file begins with."""
    return _block(SECTION, _SECTION["<"].pack(BYTE_ORDER, 1, 0, LENGTH_UNKNOWN))


def interface(name: str, *, snaplen: int = SNAPLEN) -> bytes:
    """The block that makes an interface known: the first is number 0. Times on it are in nanoseconds."""
    options = _option(IF_NAME, name.encode()) + _option(IF_TSRESOL, b"\x09") + _option(OPT_END, b"")
    return _block(INTERFACE, _INTERFACE["<"].pack(LINKTYPE_ETHERNET, 0, snaplen) + options)


def packet(
    number: int, time: int, frame: Buffer, *, comment: str = "", direction: str = "", snaplen: int = SNAPLEN
) -> bytes:
    """The block of one frame on interface `number`, captured `time` nanoseconds after the beginning of 1970.

    `direction` is `in`, `out` or empty.
    """
    kept = bytes(frame[:snaplen])
    body = _ENHANCED["<"].pack(number, time >> 32, time & 0xFFFFFFFF, len(kept), len(frame)) + _padded(kept)
    options = _option(OPT_COMMENT, comment.encode()) if comment else b""
    if direction:
        options += _option(EPB_FLAGS, _WORD["<"].pack(DIRECTIONS[direction]))
    return _block(ENHANCED_PACKET, body + (options + _option(OPT_END, b"") if options else b""))


def _block(kind: int, body: bytes) -> bytes:
    length = _MINIMUM + len(body)
    return _BLOCK["<"].pack(kind, length) + body + _WORD["<"].pack(length)


def _option(code: int, value: bytes) -> bytes:
    value = value[:0xFFFF]
    return _OPTION["<"].pack(code, len(value)) + _padded(value)


def _padded(octets: bytes) -> bytes:
    return octets + bytes(-len(octets) % 4)


@dataclass(slots=True)
class _Interface:
    link_type: int
    snaplen: int
    name: str = ""
    units: int = 1_000_000  # a second
    offset: int = 0  # seconds


@dataclass(slots=True)
class _Section:
    order: str
    interfaces: list[_Interface] = field(default_factory=list)


def parse(data: Buffer) -> Iterator[Captured | Malformed]:
    """The frames of a file; where it makes no sense any more, the reason comes last."""
    section: _Section | None = None
    at = 0
    while at < len(data):
        if len(data) - at < _MINIMUM:
            yield Malformed.TRUNCATED
            return
        if data[at : at + 4] == b"\x0a\x0d\x0d\x0a":
            section = _new_section(data, at)
        if section is None:
            yield Malformed.MAGIC
            return
        kind, length = _BLOCK[section.order].unpack_from(data, at)
        fault = _length_fault(data, at, length, section.order)
        if fault is not None:
            yield fault
            return
        found = _read_block(section, kind, data[at + 8 : at + length - 4])
        if found is not None:
            yield found
        if isinstance(found, Malformed):
            return
        at += length
    if section is None:
        yield Malformed.MAGIC


def _new_section(data: Buffer, at: int) -> _Section | None:
    for order in _ORDERS:
        if _WORD[order].unpack_from(data, at + 8)[0] == BYTE_ORDER:
            return _Section(order)
    return None


def _length_fault(data: Buffer, at: int, length: int, order: str) -> Malformed | None:
    if length < _MINIMUM or length % 4 or length > LONGEST + 4096:
        return Malformed.TOTAL_LENGTH
    if length > len(data) - at:
        return Malformed.TRUNCATED
    again: int = _WORD[order].unpack_from(data, at + length - 4)[0]
    return None if again == length else Malformed.TOTAL_LENGTH


def _read_block(section: _Section, kind: int, body: Buffer) -> Captured | Malformed | None:
    """The frame in it, or what is wrong with it; None if it is a block without a frame."""
    if kind == SECTION:
        if len(body) < _SECTION[section.order].size:
            return Malformed.TRUNCATED
        return None if _SECTION[section.order].unpack_from(body)[1] == 1 else Malformed.VERSION
    if kind == INTERFACE:
        return _read_interface(section, body)
    if kind == ENHANCED_PACKET:
        return _read_enhanced(section, body)
    if kind == SIMPLE_PACKET:
        return _read_simple(section, body)
    return None


def _read_interface(section: _Section, body: Buffer) -> Malformed | None:
    header = _INTERFACE[section.order]
    if len(body) < header.size:
        return Malformed.TRUNCATED
    link_type, _, snaplen = header.unpack_from(body)
    new = _Interface(link_type, snaplen or SNAPLEN)
    for code, value in _options(body[header.size :], section.order):
        if code == IF_NAME:
            new.name = _text(value)
        elif code == IF_TSRESOL and value:
            exponent = value[0] & 0x7F
            new.units = 2**exponent if value[0] & 0x80 else 10**exponent
        elif code == IF_TSOFFSET and len(value) == 8:
            new.offset = int.from_bytes(value, "little" if section.order == "<" else "big", signed=True)
    section.interfaces.append(new)
    return None


def _read_enhanced(section: _Section, body: Buffer) -> Captured | Malformed:
    header = _ENHANCED[section.order]
    if len(body) < header.size:
        return Malformed.TRUNCATED
    number, high, low, kept, length = header.unpack_from(body)
    if number >= len(section.interfaces):
        return Malformed.INTERFACE
    where = section.interfaces[number]
    if where.link_type != LINKTYPE_ETHERNET:
        return Malformed.LINK_TYPE
    if kept > len(body) - header.size or kept > length:
        return Malformed.TOTAL_LENGTH
    end = header.size + kept
    comment = ""
    for code, value in _options(body[end + -kept % 4 :], section.order):
        if code == OPT_COMMENT:
            comment = _text(value)
    time = (high << 32 | low) * NANOSECONDS // where.units + where.offset * NANOSECONDS
    return Captured(time, bytes(body[header.size : end]), length, where.name, comment)


def _read_simple(section: _Section, body: Buffer) -> Captured | Malformed:
    """A frame without a time, on the first interface."""
    if len(body) < 4:
        return Malformed.TRUNCATED
    if not section.interfaces:
        return Malformed.INTERFACE
    where = section.interfaces[0]
    if where.link_type != LINKTYPE_ETHERNET:
        return Malformed.LINK_TYPE
    (length,) = _WORD[section.order].unpack_from(body)
    kept = min(length, where.snaplen)
    if kept > len(body) - 4:
        return Malformed.TOTAL_LENGTH
    return Captured(0, bytes(body[4 : 4 + kept]), length, where.name)


def _options(body: Buffer, order: str) -> Iterator[tuple[int, bytes]]:
    """As far as they make sense: none of them is needed to read the frame."""
    header = _OPTION[order]
    at = 0
    while len(body) - at >= header.size:
        code, length = header.unpack_from(body, at)
        at += header.size
        if code == OPT_END or length > len(body) - at:
            return
        yield code, bytes(body[at : at + length])
        at += length + -length % 4


def _text(value: bytes) -> str:
    return value.rstrip(b"\0").decode(errors="replace")
