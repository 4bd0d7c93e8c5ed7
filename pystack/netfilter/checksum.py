"""Whether the transport checksum of a packet is right, as far as anybody has to look."""

from __future__ import annotations

from pystack.packet import Packet
from pystack.wire.checksum import add, ones_sum, pseudo_header_sum, transport_sum, verifies
from pystack.wire.ipv4 import IPPROTO_TCP, IPPROTO_UDP, Ipv4Header
from pystack.wire.ipv6 import Ipv6Header, find_transport
from pystack.wire.virtio import DATA_VALID, NEEDS_CSUM

_RIGHT = 0xFFFF
VOUCHED = NEEDS_CSUM | DATA_VALID  # the device says that it is right, or it is not there yet


def holds_up_to(pkt: Packet, header: Ipv4Header, covered: int) -> bool:
    """The sum over so many octets behind the header, as Linux wants it of UDP-Lite: it takes the protocol for
    UDP's, so what other stacks send is wrong. Linux: nf_ip_checksum_partial()
    """
    if pkt.offload.flags & VOUCHED:
        return True
    segment = pkt.data[pkt.network_header + header.ihl :]
    pseudo = pseudo_header_sum(header.saddr, header.daddr, IPPROTO_UDP, len(segment))
    return add(pseudo, ones_sum(segment[:covered])) == _RIGHT


def holds(pkt: Packet, header: Ipv4Header) -> bool:
    """The sum over what follows the header; what a device vouches for is not looked at.

    Linux: net/netfilter/utils.c nf_ip_checksum()
    """
    if pkt.offload.flags & VOUCHED:
        return True
    segment = pkt.data[pkt.network_header + header.ihl :]
    if header.protocol != IPPROTO_TCP and header.protocol != IPPROTO_UDP:
        return verifies(segment)
    return transport_sum(header.saddr, header.daddr, header.protocol, segment) == _RIGHT


def holds_of_ipv6(pkt: Packet, header: Ipv6Header, covered: int | None = None) -> bool:
    """The same of IPv6, where every protocol's sum knows the addresses; with `covered` as holds_up_to().

    Linux: nf_ip6_checksum(), nf_ip6_checksum_partial()
    """
    found = find_transport(pkt.data, pkt.network_header)
    if found is None or pkt.offload.flags & VOUCHED:
        return True
    segment = pkt.data[found.offset :]
    protocol, part = (found.protocol, segment) if covered is None else (IPPROTO_UDP, segment[:covered])
    known = transport_sum(header.saddr, header.daddr, protocol, part)
    return add(known, len(segment) - len(part)) == _RIGHT
