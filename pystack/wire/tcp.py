"""The TCP header (RFC 9293)."""

from __future__ import annotations

from struct import Struct
from typing import Final

from pystack.wire.checksum import Buffer, pseudo_header_sum, transport_sum
from pystack.wire.ipv4 import IPPROTO_TCP
from pystack.wire.malformed import Malformed
from pystack.wire.virtio import GSO_TCPV4, NEEDS_CSUM, Offload

HEADER: Final = Struct("!HHIIBBHHH")  # source, destination, seq, ack, offset, flags, window, checksum, urgent
HEADER_LENGTH: Final = HEADER.size
CHECK_OFFSET: Final = 16

FIN: Final = 0x01
SYN: Final = 0x02
RST: Final = 0x04
PSH: Final = 0x08
ACK: Final = 0x10
URG: Final = 0x20
ECE: Final = 0x40
CWR: Final = 0x80

OPTION_END: Final = 0
OPTION_NOP: Final = 1
OPTION_MD5SIG: Final = 19


class TcpHeader:
    """The fields of one header, as numbers."""

    __slots__ = ("ack", "dport", "flags", "length", "options", "seq", "sport", "urgent", "window")

    def __init__(
        self,
        sport: int,
        dport: int,
        *,
        seq: int = 0,
        ack: int = 0,
        flags: int = 0,
        window: int = 0,
        options: bytes = b"",
        urgent: int = 0,
    ) -> None:
        self.sport = sport
        self.dport = dport
        self.seq = seq
        self.ack = ack
        self.flags = flags
        self.window = window
        self.options = options
        self.urgent = urgent
        self.length = HEADER_LENGTH + len(options)

    def option(self, kind: int) -> bytes | None:
        """The value of the first option of this kind, None if there is none. Mangled ones end the search."""
        options, at = self.options, 0
        while at < len(options) and options[at] != OPTION_END:
            if options[at] == OPTION_NOP:
                at += 1
                continue
            length = options[at + 1] if at + 1 < len(options) else 0
            if length < 2 or at + length > len(options):
                return None
            if options[at] == kind:
                return options[at + 2 : at + length]
            at += length
        return None


def reset_for(refused: TcpHeader, end_seq: int) -> TcpHeader:
    """The reset that answers a segment, which ends before `end_seq`.

    Linux: net/ipv4/tcp_ipv4.c tcp_v4_send_reset(), net/ipv4/netfilter/nf_reject_ipv4.c
    """
    if refused.flags & ACK:
        return TcpHeader(refused.dport, refused.sport, seq=refused.ack, flags=RST)
    return TcpHeader(refused.dport, refused.sport, ack=end_seq, flags=RST | ACK)


def end_of(segment: TcpHeader, length: int) -> int:
    """The number behind the last octet of a segment with so many octets of data.

    Linux: net/ipv4/netfilter/nf_reject_ipv4.c nf_reject_ip_tcphdr_put()
    """
    sequenced = length + bool(segment.flags & SYN) + bool(segment.flags & FIN)
    return (segment.seq + sequenced) & 0xFFFFFFFF


def parse(segment: Buffer) -> TcpHeader | Malformed:
    """The header at the start of a segment; its checksum is not looked at."""
    if len(segment) < HEADER_LENGTH:
        return Malformed.TRUNCATED
    sport, dport, seq, ack, offset, flags, window, _, urgent = HEADER.unpack_from(segment)
    length = (offset >> 4) * 4
    if length < HEADER_LENGTH:
        return Malformed.HEADER_LENGTH
    if length > len(segment):
        return Malformed.TOTAL_LENGTH
    options = bytes(segment[HEADER_LENGTH:length])
    numbers = {"seq": seq, "ack": ack, "flags": flags, "window": window, "urgent": urgent}
    return TcpHeader(sport, dport, options=options, **numbers)


def build(header: TcpHeader, payload: Buffer, saddr: int, daddr: int) -> bytes:
    """A whole segment, its checksum right; the length of the options is a multiple of four."""
    bare = _pack(header, 0) + payload
    return _pack(header, 0xFFFF ^ transport_sum(saddr, daddr, IPPROTO_TCP, bare)) + payload


def build_unfinished(header: TcpHeader, payload: Buffer, saddr: int, daddr: int) -> bytes:
    """The same for a device that finishes checksums: the field holds the sum of the pseudo-header.

    Linux: net/ipv4/tcp_ipv4.c __tcp_v4_send_check()
    """
    return _pack(header, pseudo_header_sum(saddr, daddr, IPPROTO_TCP, header.length + len(payload))) + payload


def _pack(header: TcpHeader, check: int) -> bytes:
    ports, numbers = (header.sport, header.dport), (header.seq, header.ack)
    control = (header.length << 2, header.flags, header.window)
    return HEADER.pack(*ports, *numbers, *control, check, header.urgent) + header.options


def offload(transport_header: int, header: TcpHeader, mss: int, length: int) -> Offload:
    """What is owed on a segment from `build_unfinished` with so much payload, at this place of its frame."""
    if length <= mss:
        return Offload(NEEDS_CSUM, csum_start=transport_header, csum_offset=CHECK_OFFSET)
    return Offload(
        NEEDS_CSUM,
        GSO_TCPV4,
        hdr_len=transport_header + header.length,
        gso_size=mss,
        csum_start=transport_header,
        csum_offset=CHECK_OFFSET,
    )
