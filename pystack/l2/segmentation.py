"""Cutting a large segment into frames, bit for bit as Linux does, for a device that cannot.

    | Ethernet | IP | TCP | ................ payload ................ |
    | Ethernet | IP | TCP | gso_size octets |   id + 1, seq + gso_size; FIN and PSH only on the last,
    | Ethernet | IP | TCP | gso_size octets |   CWR only on the first; the checksum by difference, from
    | Ethernet | IP | TCP | the rest |          what the sender left in the field

The lengths that count are those of the frame, not those that its headers claim.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from pystack.wire import ipv4, tcp, udp
from pystack.wire.checksum import Buffer, checksum, ones_sum
from pystack.wire.ethernet import ETH_HLEN, ETH_P_8021AD, ETH_P_8021Q, ETH_P_IP, ETH_P_IPV6
from pystack.wire.virtio import (
    DATA_VALID,
    GSO_ECN,
    GSO_TCPV4,
    GSO_TCPV6,
    GSO_UDP,
    GSO_UDP_L4,
    NEEDS_CSUM,
    NONE,
    Offload,
)
from pystack.wire.vlan import TAG_LENGTH

CSUM_MANGLED_0: Final = 0xFFFF  # a UDP checksum of 0 would mean that there is none

_U16: Final = Struct("!H")
_U32: Final = Struct("!I")
_VLAN_DEPTH: Final = 8  # Linux: VLAN_MAX_DEPTH

_IPV4_LENGTH: Final = 2
_IPV4_ID: Final = 4
_IPV4_FRAG_OFF: Final = 6
_IPV4_PROTOCOL: Final = 9
_IPV4_CHECK: Final = 10
_IPV4_ADDRESSES: Final = slice(12, 20)

_IPV6_HEADER: Final = 40
_IPV6_LENGTH: Final = 4
_IPV6_NEXT: Final = 6
_IPV6_ADDRESSES: Final = slice(8, 40)
_IPV6_SKIPPED: Final = frozenset({0, 43, 60})  # hop-by-hop, routing, destination options

_TCP_SEQ: Final = 4
_TCP_OFFSET: Final = 12
_TCP_FLAGS: Final = 13
_UDP_LENGTH: Final = 4


class _Large:
    """A frame to be cut, and where its headers are."""

    __slots__ = ("frame", "network", "offload", "protocol", "transport", "version")

    def __init__(self, frame: memoryview, offload: Offload) -> None:
        self.frame = frame
        self.offload = offload
        self.version = 0
        self.network = 0
        self.protocol = -1  # of what is at `transport`; none, if it cannot be reached
        self.transport = 0

    @property
    def transport_length(self) -> int:
        return len(self.frame) - self.transport

    def u16(self, at: int) -> int:
        number: int = _U16.unpack_from(self.frame, at)[0]
        return number


Segments = tuple[list[bytearray], Offload]  # and what each of them still owes


def cut(frame: Buffer, offload: Offload, *, finish: bool) -> Segments | None:
    """The frames that carry a large one's payload, None if it cannot be cut.

    With `finish` their checksums are complete, without they owe theirs as the large one did.
    Linux: net/core/gso.c skb_mac_gso_segment()
    """
    large = _Large(memoryview(frame), offload)
    if not _find_network(large):
        return None
    kind = offload.gso_type & ~GSO_ECN
    if large.protocol == ipv4.IPPROTO_TCP and kind == (GSO_TCPV4 if large.version == 4 else GSO_TCPV6):
        return _cut_tcp(large, finish)
    if large.protocol == ipv4.IPPROTO_UDP and kind == GSO_UDP_L4:
        return _cut_udp(large, finish)
    # Linux differs: UFO over IPv6 is refused; it needs a fragment header, which comes with IPv6.
    if large.protocol == ipv4.IPPROTO_UDP and kind == GSO_UDP and large.version == 4:
        return _fragment_udp(large)
    return None


# --- where the headers are ------------------------------------------------------------------------------


def _find_network(large: _Large) -> bool:
    """Linux: net/core/gro.c skb_network_protocol()"""
    at = ETH_HLEN
    for _ in range(_VLAN_DEPTH):
        if len(large.frame) < at:
            return False
        protocol = large.u16(at - 2)
        if protocol not in (ETH_P_8021Q, ETH_P_8021AD):
            break
        at += TAG_LENGTH
    large.network = at
    if protocol == ETH_P_IP:
        return _find_transport4(large)
    return protocol == ETH_P_IPV6 and _find_transport6(large)


def _find_transport4(large: _Large) -> bool:
    """Linux: net/ipv4/af_inet.c inet_gso_segment()"""
    frame, at = large.frame, large.network
    if len(frame) < at + ipv4.HEADER_LENGTH:
        return False
    ihl = (frame[at] & 15) * 4
    large.version, large.protocol, large.transport = 4, frame[at + _IPV4_PROTOCOL], at + ihl
    return ihl >= ipv4.HEADER_LENGTH and len(frame) >= large.transport


def _find_transport6(large: _Large) -> bool:
    """Linux: net/ipv6/ip6_offload.c ipv6_gso_pull_exthdrs()"""
    frame, at = large.frame, large.network
    if len(frame) < at + _IPV6_HEADER:
        return False
    protocol, at = frame[at + _IPV6_NEXT], at + _IPV6_HEADER
    while protocol in _IPV6_SKIPPED and len(frame) >= at + 8:
        length = (frame[at + 1] + 1) * 8
        if len(frame) < at + length:
            break
        protocol, at = frame[at], at + length
    large.version, large.protocol, large.transport = 6, protocol, at
    return True


# --- cutting --------------------------------------------------------------------------------------------


def _cut_tcp(large: _Large, finish: bool) -> Segments | None:
    """Linux: net/ipv4/tcp_offload.c tcp_gso_segment()"""
    start, size = large.transport, large.offload.gso_size
    if large.transport_length < tcp.HEADER_LENGTH:
        return None
    header_length = (large.frame[start + _TCP_OFFSET] >> 4) * 4
    if not tcp.HEADER_LENGTH <= header_length <= large.transport_length:
        return None
    if large.transport_length - header_length <= size:
        return None
    owed = _partial_sum(large, tcp.CHECK_OFFSET)
    if owed is None:
        return None
    (seq,) = _U32.unpack_from(large.frame, start + _TCP_SEQ)
    pieces = _pieces(large, start + header_length)
    for number, piece in enumerate(pieces):
        if number:
            piece[start + _TCP_FLAGS] &= ~tcp.CWR & 0xFF
        if number < len(pieces) - 1:
            piece[start + _TCP_FLAGS] &= ~(tcp.FIN | tcp.PSH) & 0xFF
        _U32.pack_into(piece, start + _TCP_SEQ, (seq + number * size) & 0xFFFFFFFF)
        check = _moved(owed, large.transport_length, len(piece) - start)
        _U16.pack_into(piece, start + tcp.CHECK_OFFSET, check)
        if finish:
            _U16.pack_into(piece, start + tcp.CHECK_OFFSET, checksum(memoryview(piece)[start:]))
        _finish_network(large, piece, number)
    return pieces, _left(large, tcp.CHECK_OFFSET, finish)


def _cut_udp(large: _Large, finish: bool) -> Segments | None:
    """Linux: net/ipv4/udp_offload.c __udp_gso_segment()"""
    start = large.transport
    if large.transport_length <= udp.HEADER_LENGTH + large.offload.gso_size:
        return None
    owed = _partial_sum(large, udp.CHECK_OFFSET)
    if owed is None:
        return None
    length = large.u16(start + _UDP_LENGTH)
    pieces = _pieces(large, start + udp.HEADER_LENGTH)
    for number, piece in enumerate(pieces):
        new_length = len(piece) - start
        check = _csum16_add(_csum16_add(owed, length ^ 0xFFFF), new_length)
        _U16.pack_into(piece, start + _UDP_LENGTH, new_length)
        _U16.pack_into(piece, start + udp.CHECK_OFFSET, check)
        if finish:
            check = checksum(memoryview(piece)[start:]) or CSUM_MANGLED_0
            _U16.pack_into(piece, start + udp.CHECK_OFFSET, check)
        _finish_network(large, piece, number)
    return pieces, _left(large, udp.CHECK_OFFSET, finish)


def _fragment_udp(large: _Large) -> Segments | None:
    """One datagram as IP fragments, its checksum finished before. Linux: udp4_ufo_fragment()"""
    start, network, size = large.transport, large.network, large.offload.gso_size
    if large.transport_length < udp.HEADER_LENGTH or large.transport_length <= size:
        return None
    whole = bytearray(large.frame)
    _U16.pack_into(whole, start + udp.CHECK_OFFSET, 0)
    total = ones_sum(memoryview(whole)[start:]) + _pseudo_sum(large)
    check = (0xFFFF ^ _fold(total)) or CSUM_MANGLED_0
    _U16.pack_into(whole, start + udp.CHECK_OFFSET, check)
    large.frame = memoryview(whole)
    pieces = _pieces(large, start)
    for number, piece in enumerate(pieces):
        more = ipv4.IP_MF if number < len(pieces) - 1 else 0
        _U16.pack_into(piece, network + _IPV4_FRAG_OFF, (number * size >> 3) & ipv4.IP_OFFSET | more)
        _finish_network(large, piece, 0)
    return pieces, Offload(DATA_VALID, vlan=large.offload.vlan)


def _left(large: _Large, check_offset: int, finish: bool) -> Offload:
    """What a segment still owes."""
    vlan = large.offload.vlan
    if finish:
        return NONE if vlan is None else Offload(vlan=vlan)
    return Offload(NEEDS_CSUM, csum_start=large.transport, csum_offset=check_offset, vlan=vlan)


def _pieces(large: _Large, payload: int) -> list[bytearray]:
    """Each with all headers in front, still those of the large frame."""
    frame, size = large.frame, large.offload.gso_size
    headers = bytes(frame[:payload])
    return [bytearray(headers + frame[at : at + size]) for at in range(payload, len(frame), size)]


def _finish_network(large: _Large, piece: bytearray, number: int) -> None:
    """The network header of the piece with this number."""
    at = large.network
    if large.version == 6:
        _U16.pack_into(piece, at + _IPV6_LENGTH, len(piece) - at - _IPV6_HEADER)
        return
    _U16.pack_into(piece, at + _IPV4_LENGTH, len(piece) - at)
    _U16.pack_into(piece, at + _IPV4_ID, (large.u16(at + _IPV4_ID) + number) & 0xFFFF)
    _U16.pack_into(piece, at + _IPV4_CHECK, 0)
    _U16.pack_into(piece, at + _IPV4_CHECK, checksum(memoryview(piece)[at : large.transport]))


# --- checksums ------------------------------------------------------------------------------------------


def _partial_sum(large: _Large, check_offset: int) -> int | None:
    """What the checksum field holds before the checksum is computed: the sum of the pseudo-header."""
    offload = large.offload
    if not offload.flags & NEEDS_CSUM:
        return _pseudo_sum(large)
    if offload.csum_start != large.transport or offload.csum_offset != check_offset:
        return None
    return large.u16(large.transport + check_offset)


def _pseudo_sum(large: _Large) -> int:
    """Linux: net/ipv4/tcp_ipv4.c __tcp_v4_send_check()"""
    network = large.frame[large.network :]
    addresses = network[_IPV4_ADDRESSES] if large.version == 4 else network[_IPV6_ADDRESSES]
    return _fold(ones_sum(addresses) + large.protocol + large.transport_length)


def _moved(partial: int, old_length: int, new_length: int) -> int:
    """A pseudo-header's sum for another length, by difference: what the sender left there may be anything."""
    difference = (new_length - old_length - 1) & 0xFFFFFFFF
    return _fold(partial + (difference >> 16) + (difference & 0xFFFF))


def _csum16_add(left: int, right: int) -> int:
    """Linux: include/net/checksum.h csum16_add()"""
    total = left + right
    return (total & 0xFFFF) + (total >> 16)


def _fold(total: int) -> int:
    """As one's-complement hardware adds: 0 only if there was nothing but zeros."""
    return total % 0xFFFF or (0xFFFF if total else 0)
