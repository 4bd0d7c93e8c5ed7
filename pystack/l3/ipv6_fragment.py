"""Cutting an IPv6 packet that was put together from fragments, so that it leaves in some (RFC 8200 4.5)."""

from __future__ import annotations

from collections.abc import Iterator
from struct import Struct
from typing import Final, NamedTuple

from pystack.packet import Packet
from pystack.wire.ethernet import ETH_HLEN
from pystack.wire.ipv6 import (
    HEADER_LENGTH,
    IP6_MF,
    NEXTHDR_DEST,
    NEXTHDR_FRAGMENT,
    NEXTHDR_HOP,
    NEXTHDR_ROUTING,
    Ipv6Header,
    extension_length,
)

MIN_MTU: Final = 1280  # that every link of IPv6 carries
_FRAGMENT: Final = Struct("!BBHI")  # what follows, reserved, offset and flag, identification
_NEXT_AT: Final = 6
_LENGTH_AT: Final = 4


class Cut(NamedTuple):
    """Where a fragment header goes."""

    at: int  # octets behind the packet's beginning
    named_at: int  # where the header in front says what follows


def fragments_of(pkt: Packet, header: Ipv6Header, mtu: int, identification: int) -> list[Packet] | None:
    """The pieces, in order, none longer than the longest fragment was; None if it cannot be cut so.

    Linux: net/ipv6/ip6_output.c ip6_fragment()
    """
    cut = _cut_of(pkt, header)
    if cut is None or header.frag_max > mtu:
        return None
    most = max(header.frag_max, MIN_MTU) - cut.at - _FRAGMENT.size
    if most < 8:
        return None
    data, start = bytes(pkt.data), pkt.network_header
    front = bytearray(data[start : start + cut.at])
    following, front[cut.named_at] = front[cut.named_at], NEXTHDR_FRAGMENT
    payload, offset = data[start + cut.at :], 0
    pieces: list[Packet] = []
    for length in _lengths(header, cut, len(payload), most):
        more = IP6_MF if offset + length < len(payload) else 0
        own = _FRAGMENT.pack(following, 0, offset | more, identification)
        pieces.append(_piece(pkt, header, front, own + payload[offset : offset + length]))
        offset += length
    return pieces


def _cut_of(pkt: Packet, header: Ipv6Header) -> Cut | None:
    """Behind what every router has to read; all of that has to stand in the first of the fragments that came.

    Linux: net/ipv6/output_core.c ip6_find_1stfragopt()
    """
    start, end = pkt.network_header, header.tot_len - sum(header.frag_lengths[1:])
    at, named_at, is_routed = HEADER_LENGTH, _NEXT_AT, False
    while at <= end:
        kind = pkt.data[start + named_at]
        if kind not in (NEXTHDR_HOP, NEXTHDR_ROUTING, NEXTHDR_DEST) or (kind == NEXTHDR_DEST and is_routed):
            return Cut(at, named_at)
        is_routed |= kind == NEXTHDR_ROUTING
        if at + 2 > end:
            return None
        named_at, at = at, at + extension_length(pkt.data, kind, start + at)
    return None


def _lengths(header: Ipv6Header, cut: Cut, length: int, most: int) -> Iterator[int]:
    """Of what each piece carries: as the fragments that it was put together from, if they fit."""
    later = header.frag_lengths[1:]
    lengths = (length - sum(later), *later)
    if later and lengths[0] >= 0 and max(lengths) <= most and not any(each % 8 for each in lengths[:-1]):
        yield from lengths
        return
    while length > most:
        yield most & ~7
        length -= most & ~7
    yield length


def _piece(pkt: Packet, header: Ipv6Header, front: bytearray, payload: bytes) -> Packet:
    piece, own = pkt.clone(), header.copy()
    own.payload_len, own.next_header = len(front) - HEADER_LENGTH + len(payload), front[_NEXT_AT]
    own.frag_max, own.frag_lengths = 0, ()
    front[_LENGTH_AT : _LENGTH_AT + 2] = own.payload_len.to_bytes(2, "big")
    piece.sock = pkt.sock
    piece.data, piece.shared = bytearray(ETH_HLEN) + front + payload, False
    piece.mac_header, piece.network_header = 0, ETH_HLEN
    piece.transport_header = ETH_HLEN + HEADER_LENGTH
    piece.ip6 = own
    return piece
