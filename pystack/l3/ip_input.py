"""IPv4 packets that came in: checked, shown to PREROUTING, routed, and, if they are for us, delivered.

ip_rcv -> PREROUTING -> ip_rcv_finish -> route.input: ip_local_deliver -> INPUT -> protocol
                                                      ip_forward, ip_error
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pystack.counters import Snmp
from pystack.drop import (
    IP_CSUM,
    IP_INADDRERRORS,
    IP_INHDR,
    IP_INNOROUTES,
    IP_NOPROTO,
    IP_OPTIONS,
    IP_RPFILTER,
    IP_TRUNCATED,
    IP_UNREACHABLE,
    OTHERHOST,
    UNICAST_IN_L2_MULTICAST,
    Drop,
    Outcomes,
)
from pystack.errors import EACCES, EHOSTUNREACH, ENETUNREACH
from pystack.l2.devices import Link
from pystack.l3.conf import Confs
from pystack.l3.defrag import Defrag
from pystack.l3.fib_types import RTN_BROADCAST, RTN_MULTICAST, RTN_UNICAST
from pystack.l3.icmp_limit import IcmpLimit
from pystack.l3.ip_options import OptionPath
from pystack.l3.needs import IcmpErrors, RawDelivery
from pystack.l3.route import Router, Rtable
from pystack.netfilter.hooks import INPUT, PREROUTING, Hooks
from pystack.packet import PACKET_BROADCAST, PACKET_MULTICAST, PACKET_OTHERHOST, Packet
from pystack.wire import icmp, ipv4
from pystack.wire.ipv4 import Ipv4Header
from pystack.wire.malformed import Malformed

_ECN_MASK: Final = 3
IP_DEFRAG_LOCAL_DELIVER: Final = 0  # who reassembles; conntrack will be another
ProtocolFn = Callable[[Packet, Ipv4Header], None]

_MALFORMED: Final = {
    Malformed.CHECKSUM: IP_CSUM,
    Malformed.TOTAL_LENGTH: IP_INHDR,
    Malformed.TRUNCATED: IP_INHDR,
    Malformed.VERSION: IP_INHDR,
    Malformed.HEADER_LENGTH: IP_INHDR,
}


class IpInput:
    """Linux: net/ipv4/ip_input.c"""

    def __init__(
        self,
        *,
        router: Router,
        confs: Confs,
        hooks: Hooks,
        drop: Drop,
        outcomes: Outcomes,
        snmp: Snmp,
        icmp_errors: IcmpErrors,
        raw: RawDelivery,
        defrag: Defrag,
        limit: IcmpLimit,
        options: OptionPath,
    ) -> None:
        self._router = router
        self._confs = confs
        self._drop = drop
        self._outcomes = outcomes
        self._snmp = snmp
        self._icmp = icmp_errors
        self._raw = raw
        self._defrag = defrag
        self._limit = limit
        self._options = options
        self._prerouting = hooks.ip[PREROUTING]
        self._input = hooks.ip[INPUT]
        self.protocols: dict[int, ProtocolFn] = {}  # Linux: inet_add_protocol()

    def ip_rcv(self, pkt: Packet) -> None:
        """Linux: net/ipv4/ip_input.c ip_rcv(), ip_rcv_core()"""
        if pkt.pkt_type == PACKET_OTHERHOST:
            return self._drop(pkt, OTHERHOST)
        counters = self._snmp
        counters.Ip.InReceives += 1
        counters.IpExt.InOctets += len(pkt.data) - pkt.network_header
        header = ipv4.parse(pkt.data, pkt.network_header)
        if isinstance(header, Malformed):
            return self._refuse(pkt, header)
        if pkt.network_header + header.tot_len < len(pkt.data):
            self._trim(pkt, header)
        if header.tos & _ECN_MASK:
            self._count_ecn(header.tos)
        else:
            counters.IpExt.InNoECTPkts += 1
        pkt.ip = header
        pkt.transport_header = pkt.network_header + header.ihl
        point = self._prerouting
        if point.entries and pkt.physin is None:  # a bridged frame has met it there: ip_sabotage_in()
            return point.run(pkt, pkt.dev, None, self.ip_rcv_finish)
        self.ip_rcv_finish(pkt)

    def _refuse(self, pkt: Packet, fault: Malformed) -> None:
        available = len(pkt.data) - pkt.network_header
        cut_in_options = fault is Malformed.TRUNCATED and available >= ipv4.HEADER_LENGTH
        if cut_in_options or fault in (Malformed.CHECKSUM, Malformed.TOTAL_LENGTH):
            self._count_ecn(pkt.data[pkt.network_header + 1])
        if fault is Malformed.TOTAL_LENGTH and self._claims_more(pkt, available):
            return self._drop(pkt, IP_TRUNCATED)
        if fault is Malformed.CHECKSUM:
            self._snmp.Ip.InHdrErrors += 1
        self._drop(pkt, _MALFORMED[fault])

    def _count_ecn(self, tos: int) -> None:
        ext, codepoint = self._snmp.IpExt, tos & _ECN_MASK
        if not codepoint:
            ext.InNoECTPkts += 1
        elif codepoint == 1:
            ext.InECT1Pkts += 1
        elif codepoint == 2:
            ext.InECT0Pkts += 1
        else:
            ext.InCEPkts += 1

    def _claims_more(self, pkt: Packet, available: int) -> bool:
        at = pkt.network_header + 2
        return int.from_bytes(pkt.data[at : at + 2], "big") > available

    def _trim(self, pkt: Packet, header: Ipv4Header) -> None:
        """Short frames are padded to the link's minimum; the padding is not the packet's."""
        pkt.data = bytearray(pkt.data[: pkt.network_header + header.tot_len])
        pkt.shared = False

    def ip_rcv_finish(self, pkt: Packet) -> None:
        """Linux: net/ipv4/ip_input.c ip_rcv_finish_core()"""
        header, dev = pkt.ip, pkt.dev
        if header is None or not isinstance(dev, Link) or not self._confs.knows(dev):
            return self._drop(pkt, IP_INHDR)
        route = pkt.route  # what came over loopback keeps the sender's decision
        if not isinstance(route, Rtable):
            found = self._router.route_input(header.daddr, header.saddr, header.tos, pkt.mark, dev, pkt)
            if not isinstance(found, Rtable):
                self._snmp.TcpExt.IPReversePathFilter += found is IP_RPFILTER
                return self._drop(pkt, found)
            pkt.route = route = found
        if header.options:
            if not self._options.receive(pkt, header, dev):
                return self._drop(pkt, IP_OPTIONS)
            if isinstance(pkt.route, Rtable):
                route = pkt.route  # a source route leads elsewhere
        if route.type != RTN_UNICAST:
            self._count_casts(route, header)
        if pkt.pkt_type in (PACKET_BROADCAST, PACKET_MULTICAST) and self._is_smuggled(header, dev, route):
            return self._drop(pkt, UNICAST_IN_L2_MULTICAST)
        route.input(pkt)

    def _count_casts(self, route: Rtable, header: Ipv4Header) -> None:
        ext = self._snmp.IpExt
        if route.type == RTN_MULTICAST:
            ext.InMcastPkts += 1
            ext.InMcastOctets += header.tot_len
        elif route.type == RTN_BROADCAST:
            ext.InBcastPkts += 1
            ext.InBcastOctets += header.tot_len

    def _is_smuggled(self, header: Ipv4Header, dev: Link, route: Rtable) -> bool:
        """Unicast in a group frame (RFC 1122 3.3.6), refused only where the sysctl says so."""
        everywhere, here = self._confs.all, self._confs.of(dev)
        if not (everywhere.drop_unicast_in_l2_multicast or here.drop_unicast_in_l2_multicast):
            return False
        return route.type not in (RTN_BROADCAST, RTN_MULTICAST)

    def ip_local_deliver(self, pkt: Packet) -> None:
        """Linux: net/ipv4/ip_input.c ip_local_deliver()"""
        header = pkt.ip
        if header is not None and header.is_fragment:
            whole = self._defrag.ip_defrag(pkt, header, IP_DEFRAG_LOCAL_DELIVER)
            if whole is None:
                return
            pkt = whole
        point = self._input
        if point.entries:
            return point.run(pkt, pkt.dev, None, self.ip_local_deliver_finish)
        self.ip_local_deliver_finish(pkt)

    def ip_local_deliver_finish(self, pkt: Packet) -> None:
        """Linux: net/ipv4/ip_input.c ip_protocol_deliver_rcu()"""
        header = pkt.ip
        if header is None:
            return self._drop(pkt, IP_INHDR)
        wanted_raw = self._raw.deliver(pkt, header)
        handler = self.protocols.get(header.protocol)
        if handler is not None:
            self._snmp.Ip.InDelivers += 1
            return handler(pkt, header)
        if wanted_raw:
            self._snmp.Ip.InDelivers += 1
            self._outcomes.consumed += 1  # the raw sockets have their own copies
            return
        self._icmp.send(pkt, icmp.ICMP_DEST_UNREACH, icmp.ICMP_PROT_UNREACH)
        self._drop(pkt, IP_NOPROTO)

    def ip_error(self, pkt: Packet) -> None:
        """The route said no. Linux: net/ipv4/route.c ip_error()"""
        route, dev, header = pkt.route, pkt.dev, pkt.ip
        if not isinstance(route, Rtable) or not isinstance(dev, Link) or header is None:
            return self._drop(pkt, IP_UNREACHABLE)
        if not self._confs.of(dev).forwarding:
            return self._drop(pkt, _NOT_FORWARDED.get(route.error, IP_UNREACHABLE))
        code = _UNREACHABLE_CODES.get(route.error)
        if code is not None and self._limit.allows_unreachable(header.saddr):
            self._icmp.send(pkt, icmp.ICMP_DEST_UNREACH, code)
        self._drop(pkt, IP_INNOROUTES if route.error == ENETUNREACH else IP_UNREACHABLE)


_ADMIN_PROHIBITED: Final = 13
# A blackhole (EINVAL) says nothing.
_UNREACHABLE_CODES: Final = {
    ENETUNREACH: icmp.ICMP_NET_UNREACH,
    EHOSTUNREACH: icmp.ICMP_HOST_UNREACH,
    EACCES: _ADMIN_PROHIBITED,
}
_NOT_FORWARDED: Final = {EHOSTUNREACH: IP_INADDRERRORS, ENETUNREACH: IP_INNOROUTES}
