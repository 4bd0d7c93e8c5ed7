"""What rules and hashes want to know of a packet beyond its addresses: protocol and ports.

Linux: net/core/flow_dissector.c __skb_flow_dissect()
"""

from __future__ import annotations

from typing import Final

from pystack.packet import Packet
from pystack.wire import icmp
from pystack.wire.ipv4 import HEADER, IP_OFFSET, IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP

_DCCP, _ESP, _AH, _SCTP, _UDPLITE = 33, 50, 51, 132, 136
# Where the four octets are that count as ports. Linux: include/net/ip.h proto_ports_offset()
PORTS_AT: Final = {IPPROTO_TCP: 0, IPPROTO_UDP: 0, _DCCP: 0, _ESP: 0, _SCTP: 0, _UDPLITE: 0, _AH: 4}

FlowKeys = tuple[int, int, int]  # protocol, source port, destination port
NO_KEYS: Final[FlowKeys] = (0, 0, 0)


def flow_keys(pkt: Packet) -> FlowKeys:
    """Protocol and ports; a fragment has no ports."""
    header = pkt.ip
    if header is None:
        return NO_KEYS
    at = PORTS_AT.get(header.protocol)
    if at is None or header.is_fragment:
        return header.protocol, 0, 0
    start = pkt.network_header + header.ihl + at
    ports = pkt.data[start : start + 4]
    if len(ports) < 4:
        return header.protocol, 0, 0
    return header.protocol, int.from_bytes(ports[:2], "big"), int.from_bytes(ports[2:], "big")


def flow_addresses(pkt: Packet) -> tuple[int, int]:
    """Source and destination; of an ICMP error those of the packet it is about, so that it goes the same way.

    Linux: net/ipv4/route.c ip_multipath_l3_keys()
    """
    header = pkt.ip
    if header is None:
        return 0, 0
    if header.protocol == IPPROTO_ICMP and not header.frag_off & IP_OFFSET:
        at = pkt.network_header + header.ihl
        inner = at + icmp.HEADER_LENGTH
        if len(pkt.data) >= inner + HEADER.size and pkt.data[at] in icmp.ERROR_TYPES:
            fields = HEADER.unpack_from(pkt.data, inner)
            return fields[-2], fields[-1]
    return header.saddr, header.daddr
