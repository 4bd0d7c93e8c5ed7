"""ARP for IPv4 over Ethernet (RFC 826)."""

from __future__ import annotations

from dataclasses import dataclass
from struct import Struct
from typing import Final

from pystack.wire.checksum import Buffer
from pystack.wire.malformed import Malformed

ARPHRD_ETHER: Final = 1
ARPHRD_IEEE802: Final = 6  # some stations on Ethernet say this
ARPOP_REQUEST: Final = 1
ARPOP_REPLY: Final = 2

PACKET: Final = Struct("!HHBBH6sI6sI")
_HARDWARE: Final = frozenset({ARPHRD_ETHER, ARPHRD_IEEE802})
_ETHERNET_IPV4: Final = (0x0800, 6, 4)


@dataclass(slots=True)
class Arp:
    """Who asks or tells, about whom."""

    operation: int
    sha: bytes
    spa: int
    tha: bytes
    tpa: int


def parse(data: Buffer, offset: int) -> Arp | Malformed:
    """The ARP packet at `offset`; trailing padding is ignored. Linux: net/ipv4/arp.c arp_process()"""
    if len(data) - offset < PACKET.size:
        return Malformed.TRUNCATED
    hardware, protocol, hlen, plen, operation, sha, spa, tha, tpa = PACKET.unpack_from(data, offset)
    if hardware not in _HARDWARE or (protocol, hlen, plen) != _ETHERNET_IPV4:
        return Malformed.HARDWARE
    return Arp(operation, sha, spa, tha, tpa)


def has_our_lengths(data: Buffer, offset: int) -> bool:
    """Whether a whole packet is there with addresses as long as ours; what Linux asks before its ARP hook."""
    return len(data) - offset >= PACKET.size and data[offset + 4] == 6 and data[offset + 5] == 4


def build(arp: Arp) -> bytes:
    """The 28 octets after the Ethernet header."""
    return PACKET.pack(ARPHRD_ETHER, *_ETHERNET_IPV4, arp.operation, arp.sha, arp.spa, arp.tha, arp.tpa)
