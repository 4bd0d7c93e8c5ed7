"""IGMP, in which hosts tell routers the groups they want (RFC 1112, RFC 2236, RFC 3376)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from struct import Struct
from typing import Final

from pystack.wire.checksum import Buffer, checksum
from pystack.wire.malformed import Malformed

HEADER: Final = Struct("!BBHI")  # type, greatest response time, checksum, group
RECORD: Final = Struct("!BBHI")  # type, octets of auxiliary data / 4, sources, group
HEADER_LENGTH: Final = HEADER.size

QUERY: Final = 0x11
REPORT_V1: Final = 0x12
REPORT_V2: Final = 0x16
LEAVE: Final = 0x17
REPORT_V3: Final = 0x22

IS_INCLUDE: Final = 1
IS_EXCLUDE: Final = 2
TO_INCLUDE: Final = 3
TO_EXCLUDE: Final = 4

ALL_HOSTS: Final = 0xE0000001  # 224.0.0.1
ALL_ROUTERS: Final = 0xE0000002
ALL_V3_ROUTERS: Final = 0xE0000016

_QUERY_V3_LENGTH: Final = 12


@dataclass(frozen=True, slots=True)
class Query:
    """A router asks who is where."""

    version: int
    group: int  # 0: about all groups
    response_tenths: int  # answers come within this time
    robustness: int = 0  # the rest is version 3's; 0: the router does not say
    interval: int = 0  # seconds
    sources: int = 0  # how many senders it asks about


def parse_query(message: Buffer) -> Query | Malformed:
    """Linux: net/ipv4/igmp.c igmp_heard_query()"""
    if len(message) < HEADER_LENGTH:
        return Malformed.TRUNCATED
    _, code, _, group = HEADER.unpack_from(message)
    if len(message) == HEADER_LENGTH:
        return Query(2 if code else 1, group if code else 0, code or 100)
    if len(message) < _QUERY_V3_LENGTH:
        return Malformed.TRUNCATED
    sources = int.from_bytes(message[10:12], "big")
    if len(message) < _QUERY_V3_LENGTH + 4 * sources:
        return Malformed.TRUNCATED
    return Query(3, group, _from_code(code), message[8] & 7, _from_code(message[9]), sources)


def _from_code(code: int) -> int:
    """A number whose larger values are kept as a mantissa and an exponent (RFC 3376 4.1.1)."""
    if code < 0x80:
        return code
    return (code & 15 | 16) << ((code >> 4 & 7) + 3)


def build(type_: int, group: int) -> bytes:
    """A report or a leave of the first two versions."""
    check = checksum(HEADER.pack(type_, 0, 0, group))
    return HEADER.pack(type_, 0, check, group)


def build_report(records: Sequence[tuple[int, int]]) -> bytes:
    """A report of version 3; of each group what is told about it, no sources."""
    body = b"".join(RECORD.pack(kind, 0, 0, group) for kind, group in records)
    check = checksum(HEADER.pack(REPORT_V3, 0, 0, len(records)) + body)
    return HEADER.pack(REPORT_V3, 0, check, len(records)) + body
