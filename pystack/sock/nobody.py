"""Datagrams and segments that meet no socket."""

from __future__ import annotations

from pystack.counters import Snmp
from pystack.drop import NO_SOCKET, Drop
from pystack.l3.needs import IcmpErrors
from pystack.packet import Packet
from pystack.wire import icmp
from pystack.wire.ipv4 import Ipv4Header


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
        self._snmp.Udp.NoPorts += 1
        self._icmp.send(pkt, icmp.ICMP_DEST_UNREACH, icmp.ICMP_PORT_UNREACH)
        self._drop(pkt, NO_SOCKET)

    def tcp_v4_rcv(self, pkt: Packet, header: Ipv4Header) -> None:
        """Linux: net/ipv4/tcp_ipv4.c tcp_v4_rcv()"""
        self._drop(pkt, NO_SOCKET)

    def igmp_rcv(self, pkt: Packet, header: Ipv4Header) -> None:
        """No group is ever joined, so no query concerns us."""
        self._drop(pkt, NO_SOCKET)
