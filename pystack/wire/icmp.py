"""ICMP for IPv4 (RFC 792)."""

from __future__ import annotations

from struct import Struct
from typing import Final

from pystack.wire.checksum import Buffer, checksum

HEADER: Final = Struct("!BBHHH")  # type, code, checksum, and the two halves of the "rest of header"
HEADER_LENGTH: Final = HEADER.size

ICMP_ECHOREPLY: Final = 0
ICMP_DEST_UNREACH: Final = 3
ICMP_SOURCE_QUENCH: Final = 4
ICMP_REDIRECT: Final = 5
ICMP_ECHO: Final = 8
ICMP_TIME_EXCEEDED: Final = 11
ICMP_PARAMETERPROB: Final = 12
ICMP_TIMESTAMP: Final = 13
ICMP_TIMESTAMPREPLY: Final = 14
ICMP_ADDRESS: Final = 17
ICMP_ADDRESSREPLY: Final = 18
NR_ICMP_TYPES: Final = 18
ICMP_EXT_ECHO: Final = 42
ICMP_EXT_ECHOREPLY: Final = 43

ICMP_NET_UNREACH: Final = 0
ICMP_HOST_UNREACH: Final = 1
ICMP_PROT_UNREACH: Final = 2
ICMP_PORT_UNREACH: Final = 3
ICMP_FRAG_NEEDED: Final = 4
ICMP_SR_FAILED: Final = 5
ICMP_REDIR_HOST: Final = 1
ICMP_EXC_TTL: Final = 0
ICMP_EXC_FRAGTIME: Final = 1

# Errors are never answered by errors (RFC 1122 3.2.2).
ERROR_TYPES: Final = frozenset(
    {ICMP_DEST_UNREACH, ICMP_SOURCE_QUENCH, ICMP_REDIRECT, ICMP_TIME_EXCEEDED, ICMP_PARAMETERPROB}
)
# Nor are those that nobody ever defined or that only routers speak. Linux: net/ipv4/icmp.c icmp_pointers
UNANSWERED_TYPES: Final = ERROR_TYPES | {1, 2, 6, 7, 9, 10}


def build(type_: int, code: int, first: int, second: int, payload: Buffer) -> bytes:
    """A whole ICMP message; `first` and `second` are the 16-bit words after the checksum (echo: id,
    sequence).
    """
    check = checksum(HEADER.pack(type_, code, 0, first, second) + payload)
    return HEADER.pack(type_, code, check, first, second) + payload
