"""Packets for somebody else, passed on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pystack.counters import Snmp
from pystack.drop import IP_OPTIONS, IP_OUTNOROUTES, IP_TTL, OTHERHOST, PKT_TOO_BIG, Drop
from pystack.l2.offload import largest_segment
from pystack.l3.ip_options import OptionPath
from pystack.l3.needs import IcmpErrors
from pystack.l3.redirect import RedirectSender
from pystack.l3.route import RTCF_DOREDIRECT, Rtable
from pystack.netfilter.hooks import FORWARD, Hooks
from pystack.packet import PACKET_HOST, Packet
from pystack.wire import icmp
from pystack.wire.ipv4 import IP_DF, Ipv4Header

# By the four bits that were once the type of service. Linux: net/ipv4/route.c ip_tos2prio
_PRIORITIES: Final = (0, 0, 0, 0, 2, 2, 2, 2, 6, 6, 6, 6, 4, 4, 4, 4)


class IpForward:
    """Linux: net/ipv4/ip_forward.c"""

    def __init__(
        self,
        *,
        hooks: Hooks,
        drop: Drop,
        snmp: Snmp,
        icmp_errors: IcmpErrors,
        options: OptionPath,
        redirects: RedirectSender,
        mtu_of: Callable[[Rtable], int],
    ) -> None:
        self._drop = drop
        self._snmp = snmp
        self._icmp = icmp_errors
        self._options = options
        self._redirects = redirects
        self._mtu_of = mtu_of
        self._forward = hooks.ip[FORWARD]

    def ip_forward(self, pkt: Packet) -> None:
        """Linux: net/ipv4/ip_forward.c ip_forward()"""
        header, route = pkt.ip, pkt.route
        if pkt.pkt_type != PACKET_HOST or header is None or not isinstance(route, Rtable):
            return self._drop(pkt, OTHERHOST)
        if header.ttl <= 1:
            self._icmp.send(pkt, icmp.ICMP_TIME_EXCEEDED, icmp.ICMP_EXC_TTL)
            return self._drop(pkt, IP_TTL)
        options = header.parsed_options
        if options is not None and options.is_strict and route.gateway:
            self._icmp.send(pkt, icmp.ICMP_DEST_UNREACH, icmp.ICMP_SR_FAILED)
            return self._drop(pkt, IP_OPTIONS)
        self._snmp.Ip.ForwDatagrams += 1  # also what turns out too big, and what FORWARD refuses
        mtu = self._mtu_of(route)
        if header.tot_len > mtu and header.frag_off & IP_DF and self._longest(pkt, header) > mtu:
            self._snmp.Ip.FragFails += 1
            self._icmp.send(pkt, icmp.ICMP_DEST_UNREACH, icmp.ICMP_FRAG_NEEDED, mtu)
            return self._drop(pkt, PKT_TOO_BIG)
        pkt.set_ttl(header.ttl - 1)  # before FORWARD: rules there see the new one
        pkt.priority = _PRIORITIES[header.tos >> 1 & 15]
        if route.flags & RTCF_DOREDIRECT and (options is None or options.srr is None):
            self._redirects.send(pkt, header, route)
        if self._forward.entries:
            return self._forward.run(pkt, pkt.dev, route.dev, self._finish)
        self._finish(pkt)

    def _longest(self, pkt: Packet, header: Ipv4Header) -> int:
        """Of what the packet is made of, or will be cut into.

        Linux: net/ipv4/ip_forward.c ip_exceeds_mtu()
        """
        if header.frag_max:
            return header.frag_max
        return largest_segment(pkt) if pkt.offload.is_gso else header.tot_len

    def _finish(self, pkt: Packet) -> None:
        """Linux: net/ipv4/ip_forward.c ip_forward_finish()"""
        header, route = pkt.ip, pkt.route
        if not isinstance(route, Rtable) or header is None:
            return self._drop(pkt, IP_OUTNOROUTES)
        if header.parsed_options is not None:
            self._options.forward(pkt, header, route)
        route.output(pkt)
