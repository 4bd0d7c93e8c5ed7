"""Datagrams and segments that meet no socket."""

from __future__ import annotations

from typing import Final

from pystack.counters import Snmp
from pystack.drop import NO_SOCKET, UDP_CSUM, UDP_IGNORED_MULTI, UDP_TOO_SMALL, Drop
from pystack.l3.needs import IcmpErrors
from pystack.l3.route import RTCF_BROADCAST, RTCF_MULTICAST, Rtable
from pystack.packet import Packet
from pystack.wire import icmp, udp
from pystack.wire.checksum import Buffer, add, ones_sum, pseudo_header_sum
from pystack.wire.ipv4 import Ipv4Header

# A longer datagram to many is not summed before somebody wants it. Linux: include/linux/skbuff.h
_CHECKSUM_BREAK: Final = 76


class Nobody:
    """Answers for ports that nobody listens on.

    Linux differs: a TCP segment is answered by a reset there; here it is dropped until TCP is built.
    """

    def __init__(self, *, drop: Drop, snmp: Snmp, icmp_errors: IcmpErrors) -> None:
        self._drop = drop
        self._snmp = snmp
        self._icmp = icmp_errors

    def udp_rcv(self, pkt: Packet, header: Ipv4Header) -> None:
        """Linux: net/ipv4/udp.c __udp4_lib_rcv()"""
        datagram = pkt.data[pkt.transport_header :]
        if len(datagram) < udp.HEADER_LENGTH:
            return self._drop(pkt, UDP_TOO_SMALL)
        _, _, length, check = udp.HEADER.unpack_from(datagram)
        if not udp.HEADER_LENGTH <= length <= len(datagram):
            return self._drop(pkt, UDP_TOO_SMALL)
        route = pkt.route
        is_cast = isinstance(route, Rtable) and route.flags & (RTCF_BROADCAST | RTCF_MULTICAST)
        if is_cast and length > _CHECKSUM_BREAK:
            return self._drop(pkt, UDP_IGNORED_MULTI)
        if check and not pkt.offload.needs_checksum and not _adds_up(header, datagram[:length]):
            self._snmp.Udp.InCsumErrors += 1
            return self._drop(pkt, UDP_CSUM)
        if is_cast:
            return self._drop(pkt, UDP_IGNORED_MULTI)
        self._snmp.Udp.NoPorts += 1
        self._icmp.send(pkt, icmp.ICMP_DEST_UNREACH, icmp.ICMP_PORT_UNREACH)
        self._drop(pkt, NO_SOCKET)

    def tcp_v4_rcv(self, pkt: Packet, header: Ipv4Header) -> None:
        """Linux: net/ipv4/tcp_ipv4.c tcp_v4_rcv()"""
        self._drop(pkt, NO_SOCKET)

    def igmp_rcv(self, pkt: Packet, header: Ipv4Header) -> None:
        """No group is ever joined, so no query concerns us."""
        self._drop(pkt, NO_SOCKET)


def _adds_up(header: Ipv4Header, datagram: Buffer) -> bool:
    pseudo = pseudo_header_sum(header.saddr, header.daddr, header.protocol, len(datagram))
    return add(pseudo, ones_sum(datagram)) == 0xFFFF
