"""Cutting an IPv4 packet that is too long for the next link (RFC 791 section 3.2)."""

from __future__ import annotations

from typing import Final

from pystack.packet import Packet
from pystack.wire.ethernet import ETH_HLEN
from pystack.wire.ipv4 import HEADER_LENGTH, IP_MF, IP_OFFSET, Ipv4Header, build

_OPTION_END: Final = 0
_OPTION_NOOP: Final = 1
_OPTION_COPIED: Final = 0x80


def fragments_of(pkt: Packet, header: Ipv4Header, mtu: int) -> list[Packet]:
    """The pieces, in order; the packet itself must not be used afterwards.

    Preconditions: the packet is longer than `mtu`, and `mtu` leaves room for eight octets.
    Linux: net/ipv4/ip_output.c ip_do_fragment()
    """
    payload = memoryview(pkt.data)[pkt.network_header + header.ihl : pkt.network_header + header.tot_len]
    room = (mtu - header.ihl) & ~7
    first_offset = header.frag_off & IP_OFFSET
    more_follow = header.frag_off & IP_MF
    flags = header.frag_off & ~(IP_OFFSET | IP_MF)
    pieces = []
    for start in range(0, len(payload), room):
        part = payload[start : start + room]
        own = header.copy()
        is_last = start + room >= len(payload)
        own.frag_off = flags | first_offset + start // 8 | (more_follow if is_last else IP_MF)
        if start:
            own.options = options_of_later_fragments(header.options)
        pieces.append(_piece(pkt, own, bytes(part)))
    return pieces


def _piece(pkt: Packet, header: Ipv4Header, payload: bytes) -> Packet:
    piece = pkt.clone()
    piece.sock = pkt.sock
    piece.data = bytearray(ETH_HLEN) + build(header, len(payload)) + payload
    piece.shared = False
    piece.mac_header = 0
    piece.network_header = ETH_HLEN
    piece.transport_header = ETH_HLEN + header.ihl
    piece.ip = header
    return piece


def options_of_later_fragments(options: bytes) -> bytes:
    """Options that are not to be copied are blanked, their room stays.

    Linux: net/ipv4/ip_options.c ip_options_fragment()
    """
    blanked = bytearray(options)
    at = 0
    while at < len(blanked) and blanked[at] != _OPTION_END:
        if blanked[at] == _OPTION_NOOP:
            at += 1
            continue
        length = blanked[at + 1] if at + 1 < len(blanked) else 0
        if length < 2 or at + length > len(blanked):
            break
        if not blanked[at] & _OPTION_COPIED:
            blanked[at : at + length] = bytes([_OPTION_NOOP]) * length
        at += length
    return bytes(blanked)


def smallest_mtu(header: Ipv4Header) -> int:
    """Below this nothing can be cut."""
    return max(header.ihl, HEADER_LENGTH) + 8
