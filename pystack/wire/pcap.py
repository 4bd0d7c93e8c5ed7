"""The classic capture file of libpcap: a header, then records. See pcap-savefile(5); pcapng is in `pcapng`.

Written little-endian whatever the machine, so that a capture is the same bytes everywhere. Read in either
order
and in either resolution.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from struct import Struct
from typing import Final

from pystack.wire.checksum import Buffer
from pystack.wire.malformed import Malformed

LINKTYPE_ETHERNET: Final = 1
SNAPLEN: Final = 262144  # octets of a frame that are kept at most; what tcpdump writes
LONGEST: Final = 1 << 24  # octets; a record that claims more is garbage
NANOSECONDS: Final = 1_000_000_000

MAGIC_MICROSECONDS: Final = 0xA1B2C3D4
MAGIC_NANOSECONDS: Final = 0xA1B23C4D
MAJOR: Final = 2
MINOR: Final = 4

_ORDERS: Final[tuple[str, ...]] = ("<", ">")
_FILE: Final = {order: Struct(order + "IHHiIII") for order in _ORDERS}  # magic … snapshot length, link type
_RECORD: Final = {order: Struct(order + "IIII") for order in _ORDERS}  # seconds, fraction, kept, length


@dataclass(frozen=True, slots=True)
class Captured:
    """One frame of a capture."""

    time: int  # nanoseconds since 1970
    frame: bytes
    length: int  # octets of the frame before it was cut to what is kept
    interface: str = ""
    comment: str = ""


def file_header(
    *, nanoseconds: bool = False, snaplen: int = SNAPLEN, linktype: int = LINKTYPE_ETHERNET
) -> bytes:
    """What a file begins with."""
    magic = MAGIC_NANOSECONDS if nanoseconds else MAGIC_MICROSECONDS
    return _FILE["<"].pack(magic, MAJOR, MINOR, 0, 0, snaplen, linktype)


def record(time: int, frame: Buffer, *, nanoseconds: bool = False, snaplen: int = SNAPLEN) -> bytes:
    """One frame, captured `time` nanoseconds after the beginning of 1970."""
    seconds, fraction = divmod(time, NANOSECONDS)
    if not nanoseconds:
        fraction //= 1000
    kept = frame[:snaplen]
    return _RECORD["<"].pack(seconds, fraction, len(kept), len(frame)) + kept


def parse(data: Buffer) -> Iterator[Captured | Malformed]:
    """The frames of a file; where it makes no sense any more, the reason comes last."""
    order = next((order for order in _ORDERS if _magic(data, order)), None)
    if order is None:
        yield Malformed.MAGIC
        return
    header = _FILE[order]
    if len(data) < header.size:
        yield Malformed.TRUNCATED
        return
    magic, major, _, _, _, _, network = header.unpack_from(data)
    if major != MAJOR:
        yield Malformed.VERSION
    elif network & 0xFFFF != LINKTYPE_ETHERNET:  # the upper half says how long the check sequence is
        yield Malformed.LINK_TYPE
    else:
        yield from _records(data, order, 1 if magic == MAGIC_NANOSECONDS else 1000)


def _magic(data: Buffer, order: str) -> bool:
    number = int.from_bytes(data[:4], "little" if order == "<" else "big")
    return number in (MAGIC_MICROSECONDS, MAGIC_NANOSECONDS)


def _records(data: Buffer, order: str, unit: int) -> Iterator[Captured | Malformed]:
    header = _RECORD[order]
    at = _FILE[order].size
    while at < len(data):
        if len(data) - at < header.size:
            yield Malformed.TRUNCATED
            return
        seconds, fraction, kept, length = header.unpack_from(data, at)
        at += header.size
        if kept > LONGEST or kept > length:
            yield Malformed.TOTAL_LENGTH
            return
        if kept > len(data) - at:
            yield Malformed.TRUNCATED
            return
        yield Captured(seconds * NANOSECONDS + fraction * unit, bytes(data[at : at + kept]), length)
        at += kept
