"""What a probe does not say of a packet: which sums are still to be made, and into how many it will be cut.

A program of the same machine, or one behind a veth pair, leaves the sum of its segment to the card that sends
it, and one frame of 64 KiB stands for many. Both are told by the bytes.
"""

from __future__ import annotations

from typing import Final, NamedTuple

from pystack.l2.segmentation import cut
from pystack.wire import ipv4, ipv6
from pystack.wire.checksum import checksum, pseudo_header_sum
from pystack.wire.ethernet import ETH_HLEN, ETH_P_IP, ETH_P_IPV6
from pystack.wire.ipv4 import IPPROTO_TCP, IPPROTO_UDP
from pystack.wire.malformed import Malformed
from pystack.wire.virtio import GSO_NONE, GSO_TCPV4, GSO_TCPV6, GSO_UDP_L4, NEEDS_CSUM, NONE, Offload

_CHECK_AT: Final = {IPPROTO_TCP: 16, IPPROTO_UDP: 6}
_CUT_AS: Final = {  # by protocol, and whether it is one of IPv6
    (IPPROTO_TCP, False): GSO_TCPV4,
    (IPPROTO_TCP, True): GSO_TCPV6,
    (IPPROTO_UDP, False): GSO_UDP_L4,
    (IPPROTO_UDP, True): GSO_UDP_L4,
}
_IPV4: Final = ETH_P_IP.to_bytes(2, "big")
_IPV6: Final = ETH_P_IPV6.to_bytes(2, "big")
_TCP_LENGTH_AT: Final = 12
_UDP_HEADER: Final = 8
_NO_ZERO: Final = 0xFFFF  # a sum of zero is written so: zero says that there is none


class _Segment(NamedTuple):
    """What a whole packet of TCP or UDP carries."""

    protocol: int
    start: int  # in the frame
    length: int
    ends: tuple[int, int]  # addresses
    is_ipv6: bool

    @property
    def owed(self) -> int:
        """The sum of its pseudo-header, which stands in the segment while its own is still to be made."""
        if self.is_ipv6:
            return (sum(self.ends) + self.protocol + self.length) % 0xFFFF or 0xFFFF
        return pseudo_header_sum(*self.ends, self.protocol, self.length)


def offload_of(frame: bytes, mtu: int) -> Offload:
    """As the device said it that brought the frame, or the program that sent it."""
    segment = _segment(frame)
    if segment is None:
        return NONE
    start, at = segment.start, _CHECK_AT[segment.protocol]
    if len(frame) < start + at + 2:
        return NONE
    is_partial = int.from_bytes(frame[start + at : start + at + 2], "big") == segment.owed
    is_large = start - ETH_HLEN + segment.length > mtu
    if not is_partial and not is_large:
        return NONE
    inner = _header_length(segment.protocol, frame, start)
    size = mtu - (start - ETH_HLEN) - inner if is_large else 0
    kind = _CUT_AS[segment.protocol, segment.is_ipv6] if size > 0 else GSO_NONE
    return Offload(NEEDS_CSUM, kind, start + inner, max(size, 0), start, at)


def _segment(frame: bytes) -> _Segment | None:
    """None for everything else, fragments too."""
    type_ = frame[ETH_HLEN - 2 : ETH_HLEN]
    if type_ == _IPV4:
        return _segment_of_ipv4(frame)
    return _segment_of_ipv6(frame) if type_ == _IPV6 else None


def _segment_of_ipv4(frame: bytes) -> _Segment | None:
    header = ipv4.parse(frame, ETH_HLEN)
    if isinstance(header, Malformed) or header.is_fragment or header.protocol not in _CHECK_AT:
        return None
    start, ends = ETH_HLEN + header.ihl, (header.saddr, header.daddr)
    return _Segment(header.protocol, start, header.tot_len - header.ihl, ends, is_ipv6=False)


def _segment_of_ipv6(frame: bytes) -> _Segment | None:
    header = ipv6.parse(frame, ETH_HLEN)
    found = ipv6.find_transport(frame, ETH_HLEN)
    if isinstance(header, Malformed) or found is None or found.protocol not in _CHECK_AT:
        return None
    if ipv6.find_header(frame, ETH_HLEN, ipv6.NEXTHDR_FRAGMENT) is not None:
        return None
    length, ends = ETH_HLEN + header.tot_len - found.offset, (header.saddr, header.daddr)
    return _Segment(found.protocol, found.offset, length, ends, is_ipv6=True)


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
