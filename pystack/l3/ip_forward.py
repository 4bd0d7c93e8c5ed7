"""Packets for somebody else, passed on."""

from __future__ import annotations

from pystack.counters import Snmp
from pystack.drop import IP_TTL, OTHERHOST, PKT_TOO_BIG, Drop
from pystack.l3.needs import IcmpErrors
from pystack.l3.route import Rtable
from pystack.netfilter.hooks import FORWARD, Hooks
from pystack.packet import PACKET_HOST, Packet
from pystack.wire import icmp
from pystack.wire.ipv4 import IP_DF


class IpForward:
    """Linux: net/ipv4/ip_forward.c"""

    def __init__(self, *, hooks: Hooks, drop: Drop, snmp: Snmp, icmp_errors: IcmpErrors) -> None:
        self._drop = drop
        self._snmp = snmp
        self._icmp = icmp_errors
        self._forward = hooks.ip[FORWARD]

    def ip_forward(self, pkt: Packet) -> None:
        """Linux: net/ipv4/ip_forward.c ip_forward()"""
        header, route = pkt.ip, pkt.route
        if pkt.pkt_type != PACKET_HOST or header is None or not isinstance(route, Rtable):
            return self._drop(pkt, OTHERHOST)
        if header.ttl <= 1:
            self._icmp.send(pkt, icmp.ICMP_TIME_EXCEEDED, icmp.ICMP_EXC_TTL)
            return self._drop(pkt, IP_TTL)
        too_big = header.tot_len > route.mtu and not pkt.offload.is_gso
        if too_big and header.frag_off & IP_DF:
            self._snmp.Ip.FragFails += 1
            self._icmp.send(pkt, icmp.ICMP_DEST_UNREACH, icmp.ICMP_FRAG_NEEDED, route.mtu)
            return self._drop(pkt, PKT_TOO_BIG)
        pkt.set_ttl(header.ttl - 1)  # before FORWARD: rules there see the new one
        if self._forward.entries:
            return self._forward.run(pkt, pkt.dev, route.dev, self._finish)
        self._finish(pkt)

    def _finish(self, pkt: Packet) -> None:
        """Linux: net/ipv4/ip_forward.c ip_forward_finish()"""
        self._snmp.Ip.ForwDatagrams += 1
        if isinstance(pkt.route, Rtable):
            pkt.route.output(pkt)
