"""Raw IPv4 sockets: what `ping` opens as root. Linux: net/ipv4/raw.c"""

from __future__ import annotations

from typing import Final

from pystack.drop import SOCKET_FILTER, SOCKET_RCVBUFF
from pystack.errors import EINVAL, EMSGSIZE, NetError
from pystack.l3.fib_types import Flow
from pystack.packet import Packet
from pystack.sock.context import SocketContext
from pystack.sock.errors import IcmpError
from pystack.sock.inet import IP_PMTUDISC_DONT, InetSocket, seen_on
from pystack.sock.receive_queue import Received, truesize
from pystack.sock.socket_filter import wanted
from pystack.wire import icmp
from pystack.wire.ipv4 import IPPROTO_ICMP, Ipv4Header

_LONGEST: Final = 0xFFFF
_FILTERED_TYPES: Final = 32  # as many bits as ICMP_FILTER has


class RawTable:
    """All raw sockets of a namespace. Linux: net/ipv4/raw.c raw_v4_hashinfo"""

    def __init__(self, context: SocketContext) -> None:
        self._context = context
        self.sockets: list[RawSocket] = []

    def open(self, protocol: int) -> RawSocket:
        """socket(AF_INET, SOCK_RAW, protocol)"""
        sock = RawSocket(self._context, self, protocol)
        self.sockets.insert(0, sock)
        return sock

    def deliver(self, pkt: Packet, header: Ipv4Header) -> bool:
        """Give each socket that wants it a copy; whether any could have wanted it.

        Linux: net/ipv4/raw.c raw_v4_input()
        """
        matched = False
        for sock in self.sockets:
            if not sock.matches(pkt, header):
                continue
            matched = True
            if sock.wants(pkt, header):
                self._context.outcomes.cloned += 1
                sock.receive(pkt.clone(), header)
        return matched

    def icmp_error(self, error: IcmpError, ifindex: int) -> list[Flow]:
        """Tell all whose packet it may have been. Linux: net/ipv4/raw.c raw_icmp_error()"""
        protocol, (saddr, daddr) = error.quote[9], error.addresses
        flows = []
        for sock in self.sockets:
            device_fits = sock.ifindex in (0, ifindex)
            if sock.protocol == protocol and device_fits and sock.is_between(saddr, daddr):
                flows += sock.flow_of(error)
                sock.icmp_error(error)
        return flows


class RawSocket(InetSocket):
    """Linux: include/net/raw.h struct raw_sock"""

    __slots__ = ("_table", "icmp_filter")

    def __init__(self, context: SocketContext, table: RawTable, protocol: int) -> None:
        super().__init__(context, protocol)
        self._table = table
        self.icmp_filter = 0  # ICMP_FILTER: a bit for each type that is not wanted

    def close(self) -> None:
        """close()"""
        if self in self._table.sockets:
            self._table.sockets.remove(self)
        super().close()

    def bind(self, address: int) -> None:
        """Linux: net/ipv4/raw.c raw_bind()"""
        if self.is_connected:
            raise NetError(EINVAL)
        self.bind_address(address)

    def connect(self, daddr: int) -> None:
        """connect()"""
        self.connect_address(daddr, 0)

    # -- out -----------------------------------------------------------------------------------------------

    def send_to(self, payload: bytes, daddr: int | None = None) -> None:
        """send(), sendto(). Raises NetError. Linux: net/ipv4/raw.c raw_sendmsg()"""
        if len(payload) > _LONGEST:
            raise NetError(EMSGSIZE)
        whither = self.destination(None if daddr is None else (daddr, 0))[0]
        route, flow = self.route_to(whither)  # an error that pends does not matter here
        pkt = self.make_packet(payload, route, flow)
        if self.protocol == IPPROTO_ICMP and payload:
            self.context.snmp.icmp_out(payload[0])
        self.context.output.send(pkt)

    def count_no_route(self) -> None:
        """Linux counts it for datagrams only."""

    # -- in ------------------------------------------------------------------------------------------------

    def matches(self, pkt: Packet, header: Ipv4Header) -> bool:
        """Linux: net/ipv4/raw.c raw_v4_match()"""
        if self.protocol != header.protocol or not self.is_between(header.daddr, header.saddr):
            return False
        return self.ifindex in (0, seen_on(pkt))

    def wants(self, pkt: Packet, header: Ipv4Header) -> bool:
        """Whether no filter of the socket is against it. Linux: net/ipv4/raw.c icmp_filter()"""
        if self.icmp_filter and self.protocol == IPPROTO_ICMP:
            message = pkt.data[pkt.transport_header :]
            if len(message) < icmp.HEADER_LENGTH:
                return False
            if message[0] < _FILTERED_TYPES and self.icmp_filter >> message[0] & 1:
                return False
        return self.hears_group(header.daddr, pkt.dev.ifindex)

    def receive(self, pkt: Packet, header: Ipv4Header) -> None:
        """Queue a packet that is the socket's own. Linux: net/ipv4/raw.c raw_rcv()"""
        context = self.context
        if self.queue.is_full():
            self.queue.dropped += 1
            return context.drop(pkt, SOCKET_RCVBUFF)
        data = bytes(pkt.data[pkt.network_header :])
        if not (length := wanted(self, data, 0)):
            self.queue.dropped += 1
            return context.drop(pkt, SOCKET_FILTER)
        data = data[:length]
        now, ttl, tos = context.clock.now, header.ttl, header.tos
        size = truesize(len(data))
        self.queue.put(Received(data, header.saddr, 0, header.daddr, seen_on(pkt), ttl, tos, now, size))
        context.outcomes.delivered += 1
        self.on_event()

    def recv(self) -> Received | None:
        """The next packet, None if there is none. Raises NetError if one that we sent has failed."""
        self.fail_if_error_pends()
        return self.queue.take()

    def icmp_error(self, error: IcmpError) -> None:
        """Linux: net/ipv4/raw.c raw_err()"""
        if error.type in (icmp.ICMP_SOURCE_QUENCH, icmp.ICMP_REDIRECT):
            return
        if not self.recverr and not self.is_connected:
            return
        errno, is_hard = error.meaning()
        if error.is_frag_needed:
            is_hard = self.pmtudisc != IP_PMTUDISC_DONT
        if self.recverr:
            self.queue_error(error, errno)
        if self.recverr or is_hard:
            self.report_error(errno)
