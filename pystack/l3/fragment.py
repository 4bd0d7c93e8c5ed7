"""Cutting an IPv4 packet that is too long for the next link (RFC 791 section 3.2)."""

from __future__ import annotations

from pystack.packet import Packet
from pystack.wire.ethernet import ETH_HLEN
from pystack.wire.ip_options import later_fragments
from pystack.wire.ipv4 import HEADER_LENGTH, IP_DF, IP_MF, IP_OFFSET, Ipv4Header, build


def fragments_of(pkt: Packet, header: Ipv4Header, mtu: int) -> list[Packet]:
    """The pieces, in order; the packet itself must not be used afterwards.

    Preconditions: the packet is longer than `mtu`, and `mtu` leaves room for eight octets.
    Linux: net/ipv4/ip_output.c ip_do_fragment()
    """
    payload = memoryview(pkt.data)[pkt.network_header + header.ihl : pkt.network_header + header.tot_len]
    most = mtu - header.ihl  # only the last piece may fill it to the octet
    room = most & ~7
    first_offset = header.frag_off & IP_OFFSET
    more_follow = header.frag_off & IP_MF
    flags = header.frag_off & IP_DF  # set only where the sender's own fragments had it
    as_before = _fit(header, len(payload), most)
    if as_before:
        flags = 0
    pieces: list[Packet] = []
    start, is_last = 0, False
    while not is_last:
        is_last = len(payload) - start <= most
        length = len(payload) - start if is_last else room
        if as_before:
            length = header.frag_lengths[len(pieces)]
            is_last = start + length == len(payload)
        part = payload[start : start + length]
        own = header.copy()
        own.frag_off = flags | first_offset + start // 8 | (more_follow if is_last else IP_MF)
        if start and not first_offset:  # of a fragment they were blanked before
            own.options = later_fragments(header.options)
        pieces.append(_piece(pkt, own, bytes(part)))
        start += length
    return pieces


def _fit(header: Ipv4Header, length: int, most: int) -> bool:
    """Whether the fragments that it was put together from may go on as they were.

    Linux: net/ipv4/ip_output.c ip_do_fragment(), where there is a frag_list
    """
    lengths = header.frag_lengths
    whole = bool(lengths) and sum(lengths) == length and max(lengths) <= most
    return whole and not any(each % 8 for each in lengths[:-1])


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


def smallest_mtu(header: Ipv4Header) -> int:
    """Below this nothing can be cut."""
    return max(header.ihl, HEADER_LENGTH) + 8
