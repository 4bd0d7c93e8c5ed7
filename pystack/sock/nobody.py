"""Segments that meet no socket: a reset answers them, or silence."""

from __future__ import annotations

from typing import Final

from pystack.drop import NO_SOCKET, TCP_CSUM, TCP_MALFORMED, TCP_NOT_FOR_US, TCP_TOO_SMALL
from pystack.l3.fib_types import IPTOS_RT_MASK, RTN_LOCAL, Flow
from pystack.l3.route import Rtable
from pystack.packet import PACKET_HOST, Packet
from pystack.sock.context import SocketContext
from pystack.wire import tcp
from pystack.wire.checksum import transport_sum
from pystack.wire.ipv4 import IP_DF, IPPROTO_TCP, Ipv4Header
from pystack.wire.malformed import Malformed
from pystack.wire.tcp import TcpHeader

_ECN: Final = 3


class Nobody:
    """Answers for ports that nobody listens on."""

    def __init__(self, context: SocketContext) -> None:
        self._context = context

    def tcp_v4_rcv(self, pkt: Packet, header: Ipv4Header) -> None:
        """Linux: net/ipv4/tcp_ipv4.c tcp_v4_rcv()"""
        context = self._context
        if pkt.pkt_type != PACKET_HOST:
            return context.drop(pkt, TCP_NOT_FOR_US)
        context.snmp.Tcp.InSegs += 1
        segment = pkt.data[pkt.transport_header :]
        parsed = tcp.parse(segment)
        if isinstance(parsed, Malformed):
            return context.drop(pkt, TCP_TOO_SMALL if parsed is Malformed.HEADER_LENGTH else TCP_MALFORMED)
        if not pkt.offload.needs_checksum:
            total = transport_sum(header.saddr, header.daddr, IPPROTO_TCP, segment)
            if total != 0xFFFF:
                context.snmp.Tcp.InCsumErrors += 1
                return context.drop(pkt, TCP_CSUM)
        self._tcp_v4_send_reset(pkt, header, parsed, len(segment) - parsed.length)
        context.drop(pkt, NO_SOCKET)

    def _tcp_v4_send_reset(self, pkt: Packet, header: Ipv4Header, segment: TcpHeader, length: int) -> None:
        """Linux: net/ipv4/tcp_ipv4.c tcp_v4_send_reset(), net/ipv4/ip_output.c ip_send_unicast_reply()

        Linux differs: it turns the IP options of the segment round, as for an echo reply.
        """
        context, route = self._context, pkt.route
        if segment.flags & tcp.RST:
            return  # never answered by another one
        if not isinstance(route, Rtable) or route.type != RTN_LOCAL:
            return
        if segment.option(tcp.OPTION_MD5SIG) is not None:
            return  # signed for a socket that is gone: without its key there is no answer
        reset = _reset_for(segment, length)
        flow = Flow(
            header.saddr,
            header.daddr,
            tos=header.tos & IPTOS_RT_MASK,
            mark=pkt.mark if context.sysctl.fwmark_reflect else 0,
            proto=IPPROTO_TCP,
            sport=reset.sport,
            dport=reset.dport,
        )
        back = context.router.route_output(flow)
        if isinstance(back, Rtable):
            answer = tcp.build(reset, b"", flow.saddr, flow.daddr)
            ttl, tos = context.confs.ipv4.ip_default_ttl, header.tos & ~_ECN
            never_cut = IP_DF  # and so without an identification
            own = Ipv4Header(flow.saddr, flow.daddr, IPPROTO_TCP, ttl=ttl, tos=tos, frag_off=never_cut)
            reply = context.output.build(own, answer, back)
            reply.mark = flow.mark
            context.output.ip_local_out(reply)
        context.snmp.Tcp.OutSegs += 1
        context.snmp.Tcp.OutRsts += 1


def _reset_for(segment: TcpHeader, length: int) -> TcpHeader:
    """What a segment with so many octets of data is answered by (RFC 9293 section 3.5.2)."""
    reset = TcpHeader(segment.dport, segment.sport, flags=tcp.RST)
    if segment.flags & tcp.ACK:
        reset.seq = segment.ack
        return reset
    sequenced = length + bool(segment.flags & tcp.SYN) + bool(segment.flags & tcp.FIN)
    reset.ack = (segment.seq + sequenced) & 0xFFFFFFFF
    reset.flags |= tcp.ACK
    return reset
