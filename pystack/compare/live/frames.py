"""What a probe does not say of a packet: which sums are still to be made, and into how many it will be cut.

A program of the same machine, or one behind a veth pair, leaves the sum of its segment to the card that sends
it, and one frame of 64 KiB stands for many. Both are told by the bytes.
"""

from __future__ import annotations

from typing import Final

from pystack.l2.segmentation import cut
from pystack.wire import ipv4
from pystack.wire.checksum import checksum, pseudo_header_sum
from pystack.wire.ethernet import ETH_HLEN, ETH_P_IP
from pystack.wire.ipv4 import IPPROTO_TCP, IPPROTO_UDP
from pystack.wire.malformed import Malformed
from pystack.wire.virtio import GSO_NONE, GSO_TCPV4, GSO_UDP_L4, NEEDS_CSUM, NONE, Offload

_CHECK_AT: Final = {IPPROTO_TCP: 16, IPPROTO_UDP: 6}
_CUT_AS: Final = {IPPROTO_TCP: GSO_TCPV4, IPPROTO_UDP: GSO_UDP_L4}
_TCP_LENGTH_AT: Final = 12
_UDP_HEADER: Final = 8
_NO_ZERO: Final = 0xFFFF  # a sum of zero is written so: zero says that there is none


def offload_of(frame: bytes, mtu: int) -> Offload:
    """As the device said it that brought the frame, or the program that sent it."""
    if frame[ETH_HLEN - 2 : ETH_HLEN] != ETH_P_IP.to_bytes(2, "big"):
        return NONE
    header = ipv4.parse(frame, ETH_HLEN)
    if isinstance(header, Malformed) or header.is_fragment or header.protocol not in _CHECK_AT:
        return NONE
    start, at = ETH_HLEN + header.ihl, _CHECK_AT[header.protocol]
    length = header.tot_len - header.ihl
    if len(frame) < start + at + 2:
        return NONE
    owed = pseudo_header_sum(header.saddr, header.daddr, header.protocol, length)
    is_partial = int.from_bytes(frame[start + at : start + at + 2], "big") == owed
    is_large = header.tot_len > mtu
    if not is_partial and not is_large:
        return NONE
    inner = _header_length(header.protocol, frame, start)
    size = mtu - header.ihl - inner if is_large else 0
    kind = _CUT_AS[header.protocol] if size > 0 else GSO_NONE
    return Offload(NEEDS_CSUM, kind, start + inner, max(size, 0), start, at)


def _header_length(protocol: int, frame: bytes, start: int) -> int:
    if protocol == IPPROTO_UDP:
        return _UDP_HEADER
    return (frame[start + _TCP_LENGTH_AT] >> 4) * 4


def small_frames(frame: bytes, mtu: int) -> list[bytes]:
    """The frames that go over a wire for this one, with all sums made."""
    offload = offload_of(frame, mtu)
    if offload is NONE:
        return [frame]
    if offload.gso_type != GSO_NONE:
        found = cut(frame, offload, finish=True)
        return [frame] if found is None else [bytes(segment) for segment in found[0]]
    start, field = offload.csum_start, offload.csum_start + offload.csum_offset
    check = checksum(frame[start:]) or _NO_ZERO
    return [frame[:field] + check.to_bytes(2, "big") + frame[field + 2 :]]
