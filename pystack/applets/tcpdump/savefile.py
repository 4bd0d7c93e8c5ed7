"""Capture files for -r: their link type and snapshot length, and libpcap's words for what is wrong with them.

Octets are read by wire/pcapng.py where a file is of that kind; the classic format is read here, because
tcpdump tells of the file's header, and counts the octets that are missing at its end.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from struct import Struct
from typing import Final

from pystack.applets.tcpdump.link import EN10MB, LINK_TYPES, LinkType
from pystack.applets.tcpdump.options import MAXIMUM_SNAPLEN, Refused
from pystack.errors import NotModelled
from pystack.wire import pcapng
from pystack.wire.malformed import Malformed
from pystack.wire.pcap import MAGIC_MICROSECONDS, MAGIC_NANOSECONDS, NANOSECONDS, Captured

MAGIC_LENGTH: Final = 4
HEADER: Final = Struct("IHHiIII")
RECORD: Final = Struct("IIII")


@dataclass(frozen=True, slots=True)
class Savefile:
    """A file whose header made sense."""

    data: bytes
    link: LinkType
    snaplen: int
    order: str  # "" for pcapng
    unit: int  # nanoseconds per step of a record's fraction

    def frames(self) -> Iterator[Captured]:
        """One by one. Raises Refused where the rest makes no sense."""
        return self._classic_frames() if self.order else self._pcapng_frames()

    def _pcapng_frames(self) -> Iterator[Captured]:
        for found in pcapng.parse(self.data):
            if isinstance(found, Malformed):
                raise Refused(f"pcap_loop: {found.value}")
            yield found

    def _classic_frames(self) -> Iterator[Captured]:
        record = Struct(self.order + RECORD.format)
        at = HEADER.size
        while at < len(self.data):
            left = len(self.data) - at
            if left < record.size:
                raise Refused(_truncated(f"{record.size} header", left))
            seconds, fraction, kept, length = record.unpack_from(self.data, at)
            at += record.size
            if kept > MAXIMUM_SNAPLEN:
                limit = f"bigger than maximum of {MAXIMUM_SNAPLEN}"
                raise Refused(f"pcap_loop: invalid packet capture length {kept}, {limit}")
            if kept > len(self.data) - at:
                raise Refused(_truncated(f"{kept} captured", len(self.data) - at))
            frame = self.data[at : at + min(kept, self.snaplen)]
            yield Captured(seconds * NANOSECONDS + fraction * self.unit, frame, length)
            at += kept


def _truncated(what: str, got: int) -> str:
    return f"pcap_loop: truncated dump file; tried to read {what} bytes, only got {got}"


def open_savefile(data: bytes) -> Savefile:
    """Raises Refused, NotModelled. libpcap: savefile.c pcap_fopen_offline_with_tstamp_precision()"""
    if len(data) < MAGIC_LENGTH:
        raise Refused(f"truncated dump file; tried to read 4 file header bytes, only got {len(data)}")
    if int.from_bytes(data[:MAGIC_LENGTH], "big") == pcapng.SECTION:
        return Savefile(data, EN10MB, MAXIMUM_SNAPLEN, "", 1)
    for order, name in (("<", "little"), (">", "big")):
        magic = int.from_bytes(data[:MAGIC_LENGTH], "little" if name == "little" else "big")
        if magic in (MAGIC_MICROSECONDS, MAGIC_NANOSECONDS):
            return _open_classic(data, order, 1 if magic == MAGIC_NANOSECONDS else 1000)
    raise Refused("unknown file format")


def _open_classic(data: bytes, order: str, unit: int) -> Savefile:
    if len(data) < HEADER.size:
        got = len(data) - MAGIC_LENGTH
        raise Refused(f"truncated dump file; tried to read {HEADER.size} file header bytes, only got {got}")
    _, major, minor, _, _, snaplen, number = Struct(order + HEADER.format).unpack_from(data)
    if major != 2:
        raise Refused(f"unsupported pcap savefile version {major}.{minor}")
    link = LINK_TYPES.get(number & 0xFFFF)  # the upper half says how long the check sequence is
    if link is None:
        known = tuple(f"{link.number} ({link.name})" for link in LINK_TYPES.values())
        raise NotModelled(f"tcpdump: the link type {number & 0xFFFF}", known)
    return Savefile(data, link, snaplen if 0 < snaplen <= MAXIMUM_SNAPLEN else MAXIMUM_SNAPLEN, order, unit)
