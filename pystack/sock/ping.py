"""Ping sockets: echo requests for users who may open no raw socket (net.ipv4.ping_group_range).

The kernel keeps the identifier of each and hands it the answers. Linux: net/ipv4/ping.c
"""

from __future__ import annotations

from typing import Final

from pystack.drop import SOCKET_RCVBUFF
from pystack.errors import EACCES, EADDRINUSE, EADDRNOTAVAIL, EINVAL, EMSGSIZE, EREMOTEIO, NetError
from pystack.l3.fib_types import RTN_BROADCAST, RTN_MULTICAST, Flow
from pystack.packet import Packet
from pystack.sock.context import SocketContext
from pystack.sock.errors import IcmpError
from pystack.sock.inet import InetSocket, seen_on
from pystack.sock.receive_queue import Received, truesize
from pystack.wire import icmp
from pystack.wire.ipv4 import IPPROTO_ICMP, Ipv4Header

_LONGEST: Final = 0xFFFF
_IDENTIFIERS: Final = 0x10000


class PingTable:
    """All ping sockets of a namespace. Linux: net/ipv4/ping.c ping_table"""

    def __init__(self, context: SocketContext) -> None:
        self._context = context
        self._sockets: list[PingSocket] = []
        self._last_ident = 0

    def open(self, gid: int = 0) -> PingSocket:
        """socket(AF_INET, SOCK_DGRAM, IPPROTO_ICMP) by a user of that group."""
        low, high = self._context.sysctl.ping_group_range
        if not low <= gid <= high:
            raise NetError(EACCES)
        return PingSocket(self._context, self)

    def take_ident(self, sock: PingSocket, ident: int) -> None:
        """Give a socket an identifier, for 0 a free one. Linux: net/ipv4/ping.c ping_get_port()"""
        if not ident:
            ident = self._free_ident()
        elif any(other.num == ident and not (other.reuse and sock.reuse) for other in self._sockets):
            raise NetError(EADDRINUSE)
        sock.num = ident
        self._sockets.insert(0, sock)

    def _free_ident(self) -> int:
        taken = {sock.num for sock in self._sockets}
        for offset in range(1, _IDENTIFIERS):
            ident = (self._last_ident + offset) % _IDENTIFIERS
            if ident and ident not in taken:
                self._last_ident = ident
                return ident
        raise NetError(EADDRINUSE)

    def remove(self, sock: PingSocket) -> None:
        """Linux: net/ipv4/ping.c ping_unhash()"""
        if sock in self._sockets:
            self._sockets.remove(sock)

    def lookup(self, ident: int, ours: int, ifindex: int) -> PingSocket | None:
        """Linux: net/ipv4/ping.c ping_lookup()"""
        for sock in self._sockets:
            if sock.num == ident and sock.rcv_saddr in (0, ours) and sock.ifindex in (0, ifindex):
                return sock
        return None

    def ping_rcv(self, pkt: Packet, header: Ipv4Header) -> None:
        """An echo reply; who asked for it gets a copy. Linux: net/ipv4/ping.c ping_rcv()"""
        ident = icmp.HEADER.unpack_from(pkt.data, pkt.transport_header)[3]
        sock = self.lookup(ident, header.daddr, seen_on(pkt))
        if sock is not None:
            self._context.outcomes.cloned += 1
            sock.receive(pkt.clone(), header)

    def icmp_error(self, error: IcmpError, ifindex: int) -> list[Flow]:
        """Tell the socket whose request failed. Linux: net/ipv4/ping.c ping_err()"""
        inner = error.quote
        type_, code, _, ident, _ = icmp.HEADER.unpack_from(inner, (inner[0] & 15) * 4)
        if (type_, code) != (icmp.ICMP_ECHO, 0):
            return []
        sock = self.lookup(ident, error.addresses[0], ifindex)
        if sock is None:
            return []
        sock.icmp_error(error)
        return sock.flow_of(error)


class PingSocket(InetSocket):
    """Linux: include/net/ping.h"""

    __slots__ = ("_table",)

    def __init__(self, context: SocketContext, table: PingTable) -> None:
        super().__init__(context, IPPROTO_ICMP)
        self._table = table

    def close(self) -> None:
        """close()"""
        self._table.remove(self)
        super().close()

    def bind(self, address: int = 0, ident: int = 0) -> None:
        """Linux: net/ipv4/ping.c ping_bind()"""
        if self.num:
            raise NetError(EINVAL)
        if address and self.context.fib.address_type(address) in (RTN_MULTICAST, RTN_BROADCAST):
            raise NetError(EADDRNOTAVAIL)
        self.bind_address(address)
        try:
            self._table.take_ident(self, ident)
        except NetError:
            self.rcv_saddr = self.saddr = 0
            raise

    def connect(self, daddr: int) -> None:
        """connect()"""
        self._autobind()
        self.connect_address(daddr, 0)

    def _autobind(self) -> None:
        if not self.num:
            self._table.take_ident(self, 0)

    def send_to(self, message: bytes, daddr: int | None = None) -> None:
        """An echo request; its identifier and checksum are ours to fill in.

        Linux: net/ipv4/ping.c ping_v4_sendmsg()
        """
        self._autobind()
        if len(message) > _LONGEST:
            raise NetError(EMSGSIZE)
        if len(message) < icmp.HEADER_LENGTH or message[:2] != bytes((icmp.ICMP_ECHO, 0)):
            raise NetError(EINVAL)
        whither = self.destination(None if daddr is None else (daddr, 0))[0]
        route, flow = self.route_to(whither)
        self.fail_if_error_pends()
        sequence = int.from_bytes(message[6:8], "big")
        echo = icmp.build(icmp.ICMP_ECHO, 0, self.num, sequence, message[icmp.HEADER_LENGTH :])
        pkt = self.make_packet(echo, route, flow)
        self.context.snmp.icmp_out(icmp.ICMP_ECHO)
        self.context.output.send(pkt)

    def receive(self, pkt: Packet, header: Ipv4Header) -> None:
        """Linux: net/ipv4/ping.c ping_queue_rcv_skb()"""
        context = self.context
        if self.queue.is_full():
            self.queue.dropped += 1
            return context.drop(pkt, SOCKET_RCVBUFF)
        message = bytes(pkt.data[pkt.transport_header :])
        size = truesize(len(pkt.data) - pkt.network_header)
        now, ttl, tos = context.clock.now, header.ttl, header.tos
        saddr, daddr, ifindex, options = header.saddr, header.daddr, seen_on(pkt), header.options
        self.queue.put(Received(message, saddr, 0, daddr, ifindex, ttl, tos, now, size, options=options))
        context.outcomes.delivered += 1
        self.on_event()

    def recv(self) -> Received | None:
        """The next answer, None if there is none. Raises NetError if a request failed."""
        self.fail_if_error_pends()
        return self.queue.take()

    def icmp_error(self, error: IcmpError) -> None:
        """Linux: net/ipv4/ping.c ping_err()"""
        errno, is_hard = error.meaning()
        if error.type in (icmp.ICMP_SOURCE_QUENCH, icmp.ICMP_REDIRECT):
            errno = EREMOTEIO  # no real error, but ping wants to see it
        self.take_error(error, errno, is_hard=is_hard)
