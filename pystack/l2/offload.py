"""Finishing what the sender left undone: checksums and large segments, in software, for devices that cannot.

Linux: net/core/dev.c validate_xmit_skb()
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Final

from pystack.device import FEATURE_CSUM, FEATURE_TSO4, FEATURE_TSO6, FEATURE_USO, NetDevice
from pystack.drop import SKB_CSUM, SKB_GSO_SEG, Drop, Outcomes
from pystack.l2.segmentation import CSUM_MANGLED_0, cut
from pystack.packet import Packet
from pystack.wire import tcp, udp
from pystack.wire.checksum import Buffer, checksum
from pystack.wire.ethernet import ETH_HLEN
from pystack.wire.virtio import (
    GSO_ECN,
    GSO_NONE,
    GSO_TCPV4,
    GSO_TCPV6,
    GSO_UDP,
    GSO_UDP_L4,
    NEEDS_CSUM,
    NONE,
    Offload,
)

UDP_MAX_SEGMENTS: Final = 1 << 7
GSO_BY_FRAGS: Final = 0xFFFF  # Linux's own mark for something else

_ANY_LENGTH: Final = 1 << 32
_OF_NONE: Final = _ANY_LENGTH, 0  # no frame is as long and as short as that
_IPV4_MINIMUM: Final = 20
_IPV6_MINIMUM: Final = 40

# By GSO type: the transport header, the least that is before it, the feature of a device that cuts it itself.
_TRANSPORT: Final = {
    GSO_TCPV4: (tcp.HEADER_LENGTH, _IPV4_MINIMUM, FEATURE_TSO4),
    GSO_TCPV6: (tcp.HEADER_LENGTH, _IPV6_MINIMUM, FEATURE_TSO6),
    GSO_UDP: (udp.HEADER_LENGTH, _IPV4_MINIMUM, 0),
    GSO_UDP_L4: (udp.HEADER_LENGTH, _IPV4_MINIMUM, FEATURE_USO),
}


def is_believable(frame: Buffer, offload: Offload) -> bool:
    """Whether an offload header that came with a frame can be true of it.

    Linux: include/linux/virtio_net.h virtio_net_hdr_to_skb(), drivers/net/tun.c tun_get_user()
    """
    shortest, longest = _lengths(offload)
    return shortest <= len(frame) <= longest


@lru_cache(maxsize=1024)  # packets of a flow share theirs
def _lengths(offload: Offload) -> tuple[int, int]:
    """The shortest and the longest frame that an offload header can be true of."""
    start, owes = offload.csum_start, offload.flags & NEEDS_CSUM
    hdr_len = max(offload.hdr_len, start + offload.csum_offset + 2) if owes else offload.hdr_len
    if 0 < hdr_len < ETH_HLEN or (owes and start < _IPV4_MINIMUM):
        return _OF_NONE
    if offload.gso_type == GSO_NONE:
        return hdr_len, _ANY_LENGTH
    kind = offload.gso_type & ~GSO_ECN
    known = _TRANSPORT.get(kind)
    if known is None or offload.gso_size in (0, GSO_BY_FRAGS):
        return _OF_NONE
    header, network, _ = known
    if owes and start < network:
        return _OF_NONE
    shortest = max(hdr_len, (start if owes else network) + header)
    if kind == GSO_UDP_L4:
        if not owes or offload.csum_offset != udp.CHECK_OFFSET or offload.gso_type != GSO_UDP_L4:
            return _OF_NONE
        return shortest, start + header + offload.gso_size * UDP_MAX_SEGMENTS
    if kind != GSO_UDP and owes and offload.csum_offset != tcp.CHECK_OFFSET:
        return _OF_NONE
    return shortest, _ANY_LENGTH


def prepare_for(dev: NetDevice, pkt: Packet, drop: Drop, outcomes: Outcomes) -> Iterable[Packet]:
    """The packets that `dev` is to send in place of this one; none if it had to be dropped."""
    offload, features = pkt.offload, dev.features
    if offload.gso_type != GSO_NONE and not features & _TRANSPORT[offload.gso_type & ~GSO_ECN][2]:
        if _is_large(pkt):
            return _segments(dev, pkt, drop, outcomes)
        offload = pkt.offload = _only_checksum(offload)
    if not offload.flags & NEEDS_CSUM or features & FEATURE_CSUM:
        return (pkt,)
    if not finish_checksum(pkt):
        dev.stats.tx_dropped += 1
        drop(pkt, SKB_CSUM)
        return ()
    return (pkt,)


def finish_checksum(pkt: Packet) -> bool:
    """Compute the checksum that is owed; False if it lies outside of the frame.

    Linux: net/core/dev.c skb_checksum_help()
    """
    offload = pkt.offload
    start = pkt.mac_header + offload.csum_start
    field = start + offload.csum_offset
    if field + 2 > len(pkt.data):
        return False
    data = pkt.writable()
    check = checksum(memoryview(data)[start:]) or CSUM_MANGLED_0
    data[field : field + 2] = check.to_bytes(2, "big")
    pkt.offload = NONE if offload.vlan is None else Offload(vlan=offload.vlan)
    return True


def largest_segment(pkt: Packet) -> int:
    """Octets of the longest packet into which a large one is cut, from its network header on.

    Linux: net/core/gso.c skb_gso_network_seglen()
    """
    offload, at = pkt.offload, pkt.transport_header
    kind = offload.gso_type & ~GSO_ECN
    transport = 0  # of UFO, gso_size counts all behind the IP header
    if kind in (GSO_TCPV4, GSO_TCPV6):
        transport = (pkt.data[at + 12] >> 4) * 4 if at + 12 < len(pkt.data) else tcp.HEADER_LENGTH
    elif kind == GSO_UDP_L4:
        transport = udp.HEADER_LENGTH
    return at - pkt.network_header + transport + offload.gso_size


def segments_of(pkt: Packet, drop: Drop, outcomes: Outcomes) -> list[Packet]:
    """The small packets that a large one stands for, nothing owed on them; none if it had to be dropped."""
    found = cut(pkt.frame(), pkt.offload, finish=True)
    if found is None:
        drop(pkt, SKB_GSO_SEG)
        return []
    frames, offload = found
    outcomes.split += len(frames) - 1
    return [_segment(pkt, frame, offload) for frame in frames]


def _is_large(pkt: Packet) -> bool:
    """Whether a packet that claims to be large has more payload than one segment."""
    offload = pkt.offload
    kind = offload.gso_type & ~GSO_ECN
    header, network, _ = _TRANSPORT[kind]
    if kind == GSO_UDP:
        header = 0  # gso_size does not count the UDP header
    start = offload.csum_start if offload.flags & NEEDS_CSUM else network
    return len(pkt) - start - header > offload.gso_size


def _only_checksum(offload: Offload) -> Offload:
    """The same without its claim to be large."""
    flags, start, offset = offload.flags, offload.csum_start, offload.csum_offset
    return Offload(flags, csum_start=start, csum_offset=offset, vlan=offload.vlan)


def _segments(dev: NetDevice, pkt: Packet, drop: Drop, outcomes: Outcomes) -> list[Packet]:
    found = cut(pkt.frame(), pkt.offload, finish=not dev.features & FEATURE_CSUM)
    if found is None:
        dev.stats.tx_dropped += 1
        drop(pkt, SKB_GSO_SEG)
        return []
    frames, offload = found
    outcomes.split += len(frames) - 1
    return [_segment(pkt, frame, offload) for frame in frames]


def _segment(pkt: Packet, frame: bytearray, offload: Offload) -> Packet:
    """A packet like the large one, but for its octets."""
    segment = pkt.clone()
    segment.data = frame
    segment.shared = False
    segment.offload = offload
    segment.network_header -= pkt.mac_header
    segment.transport_header -= pkt.mac_header
    segment.mac_header = 0
    segment.ip = segment.ip6 = None  # its own header differs; who needs it parses it
    segment.sock = pkt.sock
    return segment
