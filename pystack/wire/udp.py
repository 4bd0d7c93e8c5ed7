"""The UDP header (RFC 768)."""

from __future__ import annotations

from struct import Struct
from typing import Final

from pystack.wire.checksum import pseudo_header_sum, transport_sum
from pystack.wire.ipv4 import IPPROTO_UDP
from pystack.wire.virtio import NEEDS_CSUM, Offload

HEADER: Final = Struct("!HHHH")  # source, destination, length, checksum
HEADER_LENGTH: Final = HEADER.size
CHECK_OFFSET: Final = 6

_MANGLED_0: Final = 0xFFFF  # a checksum of 0 means that there is none


def build(sport: int, dport: int, payload: bytes, saddr: int, daddr: int) -> bytes:
    """A whole datagram, its checksum right. Linux: net/ipv4/udp.c udp_send_skb()"""
    length = HEADER_LENGTH + len(payload)
    total = transport_sum(saddr, daddr, IPPROTO_UDP, HEADER.pack(sport, dport, length, 0) + payload)
    return HEADER.pack(sport, dport, length, 0xFFFF ^ total or _MANGLED_0) + payload


def build_unfinished(sport: int, dport: int, payload: bytes, saddr: int, daddr: int) -> bytes:
    """The same for a device that finishes checksums: the field holds the sum of the pseudo-header.

    Linux: net/ipv4/udp.c udp4_hwcsum()
    """
    length = HEADER_LENGTH + len(payload)
    return HEADER.pack(sport, dport, length, pseudo_header_sum(saddr, daddr, IPPROTO_UDP, length)) + payload


def offload(transport_header: int) -> Offload:
    """What is owed on a datagram from `build_unfinished` at this place of its frame."""
    return Offload(NEEDS_CSUM, csum_start=transport_header, csum_offset=CHECK_OFFSET)
