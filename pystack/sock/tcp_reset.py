"""Answers without a connection: resets for segments that meet nobody, ACKs for what has ended.

Linux: net/ipv4/tcp_ipv4.c tcp_v4_send_reset(), tcp_v4_send_ack(),
net/ipv4/ip_output.c ip_send_unicast_reply()
"""

from __future__ import annotations

from typing import Final

from pystack.l3.fib_types import IPTOS_RT_MASK, RTN_LOCAL, Flow
from pystack.l3.route import Rtable
from pystack.sock.context import SocketContext
from pystack.sock.tcp_segment import Segment
from pystack.wire import tcp
from pystack.wire.ipv4 import IP_DF, IPPROTO_TCP, Ipv4Header
from pystack.wire.tcp import OPTION_MD5SIG, TcpHeader

_ECN: Final = 3


def send_reset(context: SocketContext, segment: Segment) -> None:
    """Say that there is no such connection (RFC 9293 section 3.5.2)."""
    if segment.flags & tcp.RST:
        return  # never answered by another one
    route = segment.pkt.route
    if not isinstance(route, Rtable) or route.type != RTN_LOCAL:
        return
    if segment.tcp.option(OPTION_MD5SIG) is not None:
        return  # signed for a socket that is gone: without its key there is no answer
    _reply(context, segment, tcp.reset_for(segment.tcp, segment.end_seq), segment.ip.tos & ~_ECN)
    context.snmp.Tcp.OutSegs += 1
    context.snmp.Tcp.OutRsts += 1


def send_ack(
    context: SocketContext, segment: Segment, seq: int, ack: int, window: int, options: bytes, tos: int
) -> None:
    """Answer with an ACK from no socket: a half-open or an ended connection has none."""
    ports = segment.dport, segment.sport
    header = TcpHeader(*ports, seq=seq, ack=ack, flags=tcp.ACK, window=window, options=options)
    _reply(context, segment, header, tos)
    context.snmp.Tcp.OutSegs += 1


def _reply(context: SocketContext, segment: Segment, header: TcpHeader, tos: int) -> None:
    ip = segment.ip
    options = context.options.echo(segment.pkt, ip)
    if options is None:
        return
    flow = Flow(
        options.towards(ip.saddr),
        ip.daddr,
        tos=tos & IPTOS_RT_MASK,
        mark=segment.pkt.mark if context.sysctl.fwmark_reflect else 0,
        proto=IPPROTO_TCP,
        sport=header.sport,
        dport=header.dport,
    )
    route = context.router.route_output(flow)
    if not isinstance(route, Rtable):
        return
    ttl, never_cut = context.output.ttl_for(route), IP_DF  # and so without an identification
    own = Ipv4Header(flow.saddr, flow.daddr, IPPROTO_TCP, ttl=ttl, tos=tos, frag_off=never_cut)
    own.options = context.options.answer_to(segment.pkt, ip, options, flow.saddr)
    reply = context.output.build(own, tcp.build(header, b"", flow.saddr, ip.saddr), route)
    reply.mark = flow.mark
    context.output.ip_local_out(reply)
