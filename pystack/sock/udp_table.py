"""The UDP sockets of a namespace: what comes in finds its socket, or is told that there is none."""

from __future__ import annotations

from typing import Final

from pystack.drop import NO_SOCKET, UDP_CSUM, UDP_IGNORED_MULTI, UDP_TOO_SMALL
from pystack.l3.fib_types import IPTOS_RT_MASK, Flow
from pystack.l3.route import RTCF_BROADCAST, RTCF_MULTICAST, Rtable
from pystack.packet import Packet
from pystack.sock.context import SocketContext
from pystack.sock.errors import IcmpError
from pystack.sock.inet import seen_on
from pystack.sock.lookup import Candidate, Endpoints, candidates
from pystack.sock.port_table import PortTable
from pystack.sock.udp import UdpSocket
from pystack.wire import icmp, udp
from pystack.wire.checksum import transport_sum
from pystack.wire.ipv4 import IPPROTO_UDP, Ipv4Header
from pystack.wire.virtio import GSO_UDP_L4, NONE

# A longer datagram is not summed before somebody wants it. Linux: include/linux/skbuff.h
_CHECKSUM_BREAK: Final = 76


class UdpTable:
    """Linux: net/ipv4/udp.c udp_table"""

    def __init__(self, context: SocketContext) -> None:
        self._context = context
        self.ports: PortTable[UdpSocket] = PortTable(context)

    def open(self) -> UdpSocket:
        """socket(AF_INET, SOCK_DGRAM, 0)"""
        return UdpSocket(self._context, self.ports)

    def explain(self, at: Endpoints) -> list[Candidate]:
        """Every socket of the port with its score: why the packet goes where it goes."""
        return candidates(self.ports.on_port(at.dport), at)

    def udp_rcv(self, pkt: Packet, header: Ipv4Header) -> None:
        """Linux: net/ipv4/udp.c __udp4_lib_rcv()"""
        data, start = pkt.data, pkt.transport_header
        available = len(data) - start
        if available < udp.HEADER_LENGTH:
            return self._context.drop(pkt, UDP_TOO_SMALL)
        sport, dport, length, check = udp.HEADER.unpack_from(data, start)
        if not udp.HEADER_LENGTH <= length <= available:
            return self._context.drop(pkt, UDP_TOO_SMALL)
        is_checked = not check or pkt.offload.needs_checksum
        if not is_checked and length <= _CHECKSUM_BREAK:
            if not _adds_up(pkt, header, length):
                return self._refuse_checksum(pkt)
            is_checked = True
        route = pkt.route
        if isinstance(route, Rtable) and route.flags & (RTCF_BROADCAST | RTCF_MULTICAST):
            at = Endpoints(header.saddr, sport, header.daddr, dport, pkt.dev.ifindex)
            return self._deliver_to_many(pkt, header, at, length, is_checked)
        at = Endpoints(header.saddr, sport, header.daddr, dport, seen_on(pkt))
        sock = self.ports.lookup(at)
        if sock is not None:
            return self._deliver(sock, pkt, header, at, length, is_checked)
        if not is_checked and not _adds_up(pkt, header, length):
            return self._refuse_checksum(pkt)
        self._context.snmp.Udp.NoPorts += 1
        self._context.icmp_errors.send(pkt, icmp.ICMP_DEST_UNREACH, icmp.ICMP_PORT_UNREACH)
        self._context.drop(pkt, NO_SOCKET)

    def _refuse_checksum(self, pkt: Packet) -> None:
        self._context.snmp.Udp.InCsumErrors += 1
        self._context.drop(pkt, UDP_CSUM)

    def _deliver_to_many(
        self, pkt: Packet, header: Ipv4Header, at: Endpoints, length: int, is_checked: bool
    ) -> None:
        """A copy for each socket, the packet itself for the first. Linux: __udp4_lib_mcast_deliver()"""
        sockets = self.ports.all_that_hear(at)
        if not sockets:
            return self._context.drop(pkt, UDP_IGNORED_MULTI)
        for sock in sockets[1:]:
            self._context.outcomes.cloned += 1
            self._deliver(sock, pkt.clone(), header, at, length, is_checked)
        self._deliver(sockets[0], pkt, header, at, length, is_checked)

    def _deliver(
        self,
        sock: UdpSocket,
        pkt: Packet,
        header: Ipv4Header,
        at: Endpoints,
        length: int,
        is_checked: bool,
    ) -> None:
        """A large segment is as many datagrams as it was made of.

        Linux: net/ipv4/udp.c udp_queue_rcv_skb()
        """
        offload = pkt.offload
        if offload.gso_type != GSO_UDP_L4:
            return sock.receive(pkt, header, at, length, is_checked)
        body = pkt.transport_header + udp.HEADER_LENGTH
        payload = bytes(pkt.data[body : pkt.transport_header + length])
        starts = range(0, len(payload), offload.gso_size)
        self._context.outcomes.split += len(starts) - 1
        for start in starts:
            part = payload[start : start + offload.gso_size]
            piece = pkt.clone()
            piece.data = bytes(pkt.data[:body]) + part
            piece.offload = NONE
            sock.receive(piece, header, at, udp.HEADER_LENGTH + len(part), True)

    def icmp_error(self, error: IcmpError, ifindex: int) -> list[Flow]:
        """Tell the socket whose datagram failed; without one the routes learn nothing.

        Linux: net/ipv4/udp.c udp_err(), __udp4_lib_err()
        """
        inner, (saddr, daddr) = error.quote, error.addresses
        sport, dport, _, _ = udp.HEADER.unpack_from(inner, (inner[0] & 15) * 4)
        sock = self.ports.lookup(Endpoints(daddr, dport, saddr, sport, ifindex))
        if sock is None:
            self._context.snmp.Icmp.InErrors += 1
            return []
        sock.icmp_error(error)
        flow = Flow(daddr, saddr, tos=inner[1] & IPTOS_RT_MASK, proto=IPPROTO_UDP)
        return [flow, *sock.flow_of(error)]


def _adds_up(pkt: Packet, header: Ipv4Header, length: int) -> bool:
    datagram = pkt.data[pkt.transport_header : pkt.transport_header + length]
    return transport_sum(header.saddr, header.daddr, IPPROTO_UDP, datagram) == 0xFFFF
