"""UDP sockets over IPv4 (RFC 768). Linux: net/ipv4/udp.c"""

from __future__ import annotations

from typing import Final

from pystack.device import FEATURE_CSUM
from pystack.drop import SOCKET_FILTER, SOCKET_RCVBUFF, UDP_CSUM, DropReason
from pystack.errors import EINVAL, EMSGSIZE, ENOTCONN, EPIPE, NetError
from pystack.packet import Packet
from pystack.sock.context import SocketContext
from pystack.sock.control import BITS
from pystack.sock.errors import IcmpError
from pystack.sock.inet import InetSocket, PacketInfo
from pystack.sock.lookup import Endpoints
from pystack.sock.port_table import PortTable
from pystack.sock.receive_queue import Received, truesize
from pystack.sock.socket_filter import wanted
from pystack.wire import icmp, udp
from pystack.wire.checksum import add, ones_sum, pseudo_header_sum, transport_sum
from pystack.wire.ipv4 import HEADER_LENGTH, IPPROTO_UDP, Ipv4Header, is_multicast

Address = tuple[int, int]  # and port

SEND_SHUTDOWN: Final = 2

_LONGEST: Final = 0xFFFF
_HEADERS: Final = HEADER_LENGTH + udp.HEADER_LENGTH


class UdpSocket(InetSocket):
    """Linux: include/linux/udp.h struct udp_sock"""

    __slots__ = ("_address_is_locked", "_port_is_locked", "_ports", "shutdown")

    def __init__(self, context: SocketContext, ports: PortTable[UdpSocket]) -> None:
        super().__init__(context, IPPROTO_UDP)
        self._ports = ports
        self._address_is_locked = False  # they were asked for, so disconnect() leaves them
        self._port_is_locked = False
        self.shutdown = 0

    def close(self) -> None:
        """close()"""
        self._ports.release_port(self)
        super().close()

    def bind(self, address: int = 0, port: int = 0) -> None:
        """bind(). Linux: net/ipv4/af_inet.c __inet_bind()"""
        old = self.rcv_saddr, self.saddr, self._way
        self.bind_address(address)
        if self.num or self.is_connected:
            self.rcv_saddr, self.saddr, self._way = old
            raise NetError(EINVAL)
        if not port and self.bind_no_port:
            self._address_is_locked = bool(address)
            return
        try:
            self._ports.take_port(self, port)
        except NetError:
            self.rcv_saddr = self.saddr = 0
            raise
        self._address_is_locked = bool(address)
        self._port_is_locked = bool(port)

    def connect(self, daddr: int, dport: int) -> None:
        """connect(): who else sends here is not heard any more. Linux: __ip4_datagram_connect()

        Linux differs: if it fails, the second datagram to the old peer goes to the new address.
        """
        self._autobind()
        before = self.rcv_saddr
        self.connect_address(daddr, dport)
        if self.rcv_saddr != before:
            self._ports.rehash(self)
        self._ports.note_connection(self)

    def disconnect(self) -> None:
        """connect(AF_UNSPEC). Linux: net/ipv4/udp.c __udp_disconnect()"""
        self.is_connected = False
        self.daddr = self.dport = self.ifindex = 0
        if not self._address_is_locked:
            self.rcv_saddr = self.saddr = 0
            self._ports.rehash(self)
        if not self._port_is_locked:
            self._ports.release_port(self)
        self.forget_route()

    def shut_down(self, how: int) -> None:
        """shutdown(): what waits can still be read. Linux: net/ipv4/af_inet.c inet_shutdown()"""
        if how not in (0, 1, 2):
            raise NetError(EINVAL)
        self.shutdown |= how + 1
        if not self.is_connected:
            raise NetError(ENOTCONN)
        self.on_event()

    def _autobind(self) -> None:
        if not self.num:
            self._ports.take_port(self, 0)

    # -- out -----------------------------------------------------------------------------------------------

    def send_to(self, payload: bytes, to: Address | None = None, info: PacketInfo | None = None) -> None:
        """send(), sendmsg(). Raises NetError. Linux: net/ipv4/udp.c udp_sendmsg(), udp_send_skb()"""
        self._autobind()
        if len(payload) > _LONGEST:
            raise NetError(EMSGSIZE)
        if to is not None and not to[1]:
            raise NetError(EINVAL)
        daddr, dport = self.destination(to)
        asks_anew = to is not None or info is not None or is_multicast(daddr)
        route, flow = self.route_to(daddr, dport, info=info) if asks_anew else self.way_to_peer()
        self.fail_if_error_pends()
        options = 0 if self.ip_options is None else len(self.ip_options.raw)
        fits = _HEADERS + options + len(payload) <= route.mtu
        is_left_to_device = fits and route.dev.features & FEATURE_CSUM
        build = udp.build_unfinished if is_left_to_device else udp.build
        segment = build(self.num, dport, payload, flow.saddr, flow.daddr)
        pkt = self.make_packet(segment, route, flow)
        if self.shutdown & SEND_SHUTDOWN:
            raise NetError(EPIPE)
        if is_left_to_device:
            pkt.offload = udp.offload(pkt.transport_header)
        self.context.output.send(pkt)
        self.context.snmp.Udp.OutDatagrams += 1

    # -- in ------------------------------------------------------------------------------------------------

    def receive(self, pkt: Packet, header: Ipv4Header, at: Endpoints, length: int, is_checked: bool) -> None:
        """Queue a datagram, if there is room. Linux: net/ipv4/udp.c __udp_queue_rcv_skb()"""
        data, start = pkt.data, pkt.transport_header
        if self.filter is not None:
            datagram = data[start : start + length]
            if not is_checked and transport_sum(at.saddr, at.daddr, IPPROTO_UDP, datagram) != 0xFFFF:
                return self._refuse(pkt, UDP_CSUM)
            is_checked, length = True, wanted(self, datagram, udp.HEADER_LENGTH)
            if not length:
                return self._refuse(pkt, SOCKET_FILTER)
        size = truesize(len(data) - pkt.network_header)
        context = self.context
        if not self.queue.has_room(size):
            self.queue.dropped += 1
            context.snmp.Udp.RcvbufErrors += 1
            context.snmp.Udp.InErrors += 1
            return context.drop(pkt, SOCKET_RCVBUFF)
        body = start + udp.HEADER_LENGTH
        covered = None
        if not is_checked:
            pseudo = pseudo_header_sum(at.saddr, at.daddr, IPPROTO_UDP, length)
            covered = add(pseudo, ones_sum(data[start:body]))
        payload = bytes(data[body : start + length])
        now, ttl, tos = context.clock.now, header.ttl, header.tos
        received = Received(payload, at.saddr, at.sport, at.daddr, at.ifindex, ttl, tos, now, size)
        received.spec_dst = context.options.address_for(pkt, header)
        received.is_located = bool(self.told & BITS["IP_PKTINFO"])
        received.covered = covered
        self.queue.put(received)
        context.outcomes.delivered += 1
        self.on_event()

    def _refuse(self, pkt: Packet, reason: DropReason) -> None:
        """Linux: net/ipv4/udp.c udp_queue_rcv_one_skb()"""
        self.queue.dropped += 1
        snmp = self.context.snmp.Udp
        snmp.InErrors += 1
        snmp.InCsumErrors += reason is UDP_CSUM
        self.context.drop(pkt, reason)

    def recv(self) -> Received | None:
        """The next datagram, None if there is none. Raises NetError if one that we sent has failed.

        The checksum of a longer one is looked at only here, and counted here, as all of them are.
        Linux: net/ipv4/udp.c udp_recvmsg()
        """
        if self.peek() is None:
            return None
        self.context.snmp.Udp.InDatagrams += 1
        return self.queue.take()

    def peek(self) -> Received | None:
        """The same with MSG_PEEK: it stays."""
        self.fail_if_error_pends()
        while (received := self.queue.peek()) is not None:
            if received.covered is None:
                return received
            if add(received.covered, ones_sum(received.data)) == 0xFFFF:
                received.covered = None
                return received
            self.queue.take()
            self.context.snmp.Udp.InCsumErrors += 1
            self.context.snmp.Udp.InErrors += 1
        return None

    def icmp_error(self, error: IcmpError) -> None:
        """What we sent has failed somewhere. Linux: net/ipv4/udp.c __udp4_lib_err()"""
        if error.type in (icmp.ICMP_SOURCE_QUENCH, icmp.ICMP_REDIRECT):
            return
        errno, is_hard = error.meaning()
        self.take_error(error, errno, is_hard=is_hard)
