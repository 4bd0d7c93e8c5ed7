"""All IPv4 sockets of a namespace, as the IPv4 path meets them."""

from __future__ import annotations

from pystack.l3.fib_types import Flow
from pystack.l3.ipv4 import Ipv4
from pystack.packet import Packet
from pystack.sock.context import SocketContext
from pystack.sock.errors import IcmpError
from pystack.sock.ping import PingTable
from pystack.sock.raw import RawTable
from pystack.sock.tcp_table import TcpTable
from pystack.sock.udp_table import UdpTable
from pystack.wire.ipv4 import IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP, Ipv4Header


class InetSockets:
    """Linux: net/ipv4/af_inet.c inet_init()"""

    def __init__(self, context: SocketContext) -> None:
        self._context = context
        self.raw = RawTable(context)
        self.ping = PingTable(context)
        self.udp = UdpTable(context)
        self.tcp = TcpTable(context)

    def attach(self, ipv4: Ipv4) -> None:
        """Be told the way out, and take what comes in. Linux: inet_add_protocol()"""
        context = self._context
        context.fib, context.confs, context.addresses = ipv4.fib, ipv4.confs, ipv4.addresses
        context.groups, context.router, context.output = ipv4.groups, ipv4.router, ipv4.output
        context.icmp_errors, context.options = ipv4.icmp_errors, ipv4.option_echo
        context.learn_mtu = ipv4.path_mtu.heed
        protocols = ipv4.input.protocols
        protocols[IPPROTO_UDP] = self.udp.udp_rcv
        protocols[IPPROTO_TCP] = self.tcp.tcp_v4_rcv
        ipv4.icmp.ping_rcv = self.ping.ping_rcv

    def deliver(self, pkt: Packet, header: Ipv4Header) -> bool:
        """Give each raw socket that wants it a copy; whether any could have wanted it."""
        return self.raw.deliver(pkt, header)

    def icmp_error(
        self, type_: int, code: int, info: int, offender: int, inner: bytes, ifindex: int
    ) -> list[Flow]:
        """Tell the sockets whose packet failed; the ways that they should learn from it.

        Linux: net/ipv4/icmp.c icmp_socket_deliver()
        """
        error = IcmpError(type_, code, info, offender, inner)
        flows = self.raw.icmp_error(error, ifindex)
        protocol = inner[9]
        if protocol == IPPROTO_UDP:
            flows += self.udp.icmp_error(error, ifindex)
        elif protocol == IPPROTO_TCP:
            flows += self.tcp.icmp_error(error, ifindex)
        elif protocol == IPPROTO_ICMP:
            flows += self.ping.icmp_error(error, ifindex)
        return flows
