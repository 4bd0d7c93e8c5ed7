"""The checksum of SCTP (RFC 9260 appendix A): CRC-32C, Castagnoli's polynomial."""

from __future__ import annotations

from typing import Final

from pystack.wire.checksum import Buffer

_POLYNOMIAL: Final = 0x82F63B78  # its bits reversed
_ONES: Final = 0xFFFFFFFF


def _table_entry(octet: int) -> int:
    for _ in range(8):
        octet = octet >> 1 ^ (_POLYNOMIAL if octet & 1 else 0)
    return octet


_TABLE: Final = tuple(_table_entry(octet) for octet in range(256))


def crc32c(data: Buffer) -> int:
    """The number; SCTP sends its octets with the lowest first."""
    crc = _ONES
    for octet in data:
        crc = _TABLE[(crc ^ octet) & 255] ^ crc >> 8
    return crc ^ _ONES
