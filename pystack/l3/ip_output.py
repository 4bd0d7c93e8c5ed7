"""IPv4 packets on their way out: OUTPUT for local ones, POSTROUTING for all, then the neighbour.

ip_local_out -> OUTPUT -> route.output: ip_output -> POSTROUTING -> ip_finish_output -> neighbour ->
device
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from pystack.counters import Snmp
from pystack.device import NetDevice
from pystack.drop import IP_OUTNOROUTES, NEIGH_CREATEFAIL, PKT_TOO_BIG, SKB_CSUM, SKB_GSO_SEG, Drop, Outcomes
from pystack.errors import EPERM, NetError
from pystack.l2.backlog import Backlog
from pystack.l2.devices import Link
from pystack.l2.neighbour import Neighbour
from pystack.l2.offload import finish_checksum, largest_segment, segments_of
from pystack.l3.conf import Confs
from pystack.l3.fib_types import RTN_BROADCAST, RTN_MULTICAST, RTN_UNICAST
from pystack.l3.fragment import fragments_of, smallest_mtu
from pystack.l3.route import RTCF_MULTICAST, Rtable
from pystack.netfilter.hooks import OUTPUT, POSTROUTING, Hooks
from pystack.packet import PACKET_LOOPBACK, Packet
from pystack.rng import Rng
from pystack.wire import ipv4
from pystack.wire.ethernet import ETH_HLEN, ETH_P_IP
from pystack.wire.ipv4 import IP_DF, Ipv4Header
from pystack.wire.malformed import Malformed
from pystack.wire.virtio import GSO_NONE


class IpOutput:
    """Linux: net/ipv4/ip_output.c"""

    def __init__(
        self,
        *,
        hooks: Hooks,
        confs: Confs,
        drop: Drop,
        outcomes: Outcomes,
        snmp: Snmp,
        rng: Rng,
        neighbour: Callable[[Link, int], Neighbour | None],
        loop_back: Callable[[Packet], None],
        too_big: Callable[[Packet, int], None],
        backlog: Backlog,
    ) -> None:
        self._confs = confs
        self._drop = drop
        self._outcomes = outcomes
        self._snmp = snmp
        self._neighbour = neighbour
        self._loop_back = loop_back
        self._backlog = backlog
        self._too_big = too_big  # tells the sender of a packet that may not be cut
        self._next_id = rng.below(0x10000)
        self._output = hooks.ip[OUTPUT]
        self._postrouting = hooks.ip[POSTROUTING]

    def select_ident(self) -> int:
        """An identification that is never 0. Linux: net/ipv4/route.c __ip_select_ident()"""
        self._next_id = (self._next_id + 1) & 0xFFFF or 1
        return self._next_id

    def ttl_for(self, route: Rtable) -> int:
        """Unless somebody says otherwise. Linux: net/ipv4/ip_output.c __ip_make_skb(), ip4_dst_hoplimit()"""
        if route.type == RTN_MULTICAST:
            return 1
        own = 0 if route.result is None else route.result.info.metrics.get("hoplimit", 0)
        return own or self._confs.ipv4.ip_default_ttl

    def build(self, header: Ipv4Header, payload: bytes, route: Rtable) -> Packet:
        """A packet of our own, with room for the link header in front."""
        data = bytearray(ETH_HLEN) + ipv4.build(header, len(payload)) + payload
        pkt = Packet(data, route.dev)
        pkt.network_header = ETH_HLEN
        pkt.transport_header = ETH_HLEN + header.ihl
        pkt.protocol = ETH_P_IP
        pkt.ip = header
        pkt.route = route
        pkt.error = 0
        self._outcomes.generated += 1
        return pkt

    def send(self, pkt: Packet) -> None:
        """A program sends. Raises NetError if a rule drops what is on its way out.

        Linux: net/ipv4/ip_output.c ip_send_skb()
        """
        self._backlog.for_program(self.ip_local_out, pkt)
        if pkt.error:
            self._snmp.Ip.OutDiscards += 1
            raise NetError(pkt.error)

    def ip_local_out(self, pkt: Packet) -> None:
        """Linux: net/ipv4/ip_output.c ip_local_out()"""
        self._snmp.Ip.OutRequests += 1
        point = self._output
        if not point.entries:
            return self._dst_output(pkt)
        if not point.passes(pkt, None, self._out_device(pkt), self._dst_output):
            pkt.error = EPERM

    def _out_device(self, pkt: Packet) -> Link | None:
        return pkt.route.dev if isinstance(pkt.route, Rtable) else None

    def _dst_output(self, pkt: Packet) -> None:
        if not isinstance(pkt.route, Rtable):
            return self._drop(pkt, IP_OUTNOROUTES)
        pkt.route.output(pkt)

    def ip_output(self, pkt: Packet) -> None:
        """Linux: net/ipv4/ip_output.c ip_output()"""
        route = pkt.route
        if not isinstance(route, Rtable):
            return self._drop(pkt, IP_OUTNOROUTES)
        indev = pkt.dev if route.is_input else None
        pkt.dev = route.dev
        pkt.protocol = ETH_P_IP
        self._post(pkt, indev, route, self.ip_finish_output)

    def ip_mc_output(self, pkt: Packet) -> None:
        """To a group that we are in ourselves: one copy comes back to us.

        Linux: net/ipv4/ip_output.c ip_mc_output()
        """
        route = pkt.route
        if not isinstance(route, Rtable):
            return self._drop(pkt, IP_OUTNOROUTES)
        pkt.dev = route.dev
        pkt.protocol = ETH_P_IP
        if pkt.sock is None or pkt.sock.mc_loop or not route.flags & RTCF_MULTICAST:
            copy = pkt.clone()
            copy.sock = pkt.sock
            self._outcomes.cloned += 1
            self._post(copy, None, route, self._ip_mc_finish_output)
        if route.flags & RTCF_MULTICAST and pkt.ip is not None and pkt.ip.ttl == 0:
            self._outcomes.consumed += 1
            return
        self._post(pkt, None, route, self.ip_finish_output)

    def _post(
        self, pkt: Packet, indev: NetDevice | None, route: Rtable, okfn: Callable[[Packet], None]
    ) -> None:
        if not self._postrouting.entries:
            return okfn(pkt)
        if not self._postrouting.passes(pkt, indev, route.dev, okfn):
            pkt.error = EPERM

    def _ip_mc_finish_output(self, pkt: Packet) -> None:
        """It has no link header; who looks for one finds the packet itself.

        Linux: net/ipv4/ip_output.c ip_mc_finish_output(), dev_loopback_xmit()
        """
        pkt.mac_header = pkt.network_header
        pkt.pkt_type = PACKET_LOOPBACK
        self._loop_back(pkt)

    def ip_finish_output(self, pkt: Packet) -> None:
        """Linux: net/ipv4/ip_output.c __ip_finish_output()"""
        route, header = pkt.route, pkt.ip
        if not isinstance(route, Rtable) or header is None:
            return self._drop(pkt, IP_OUTNOROUTES)
        mtu = self.mtu_of(route)
        if pkt.offload.gso_type != GSO_NONE:
            if largest_segment(pkt) > mtu:
                return self._cut_up(pkt, route, mtu)
        elif header.frag_max or len(pkt.data) - pkt.network_header > mtu:
            return self._ip_fragment(pkt, header, route, mtu)
        self._finish_output(pkt, header, route)

    def _cut_up(self, pkt: Packet, route: Rtable, mtu: int) -> None:
        """A large packet whose segments are too long for the way. Linux: ip_finish_output_gso()"""
        for segment in segments_of(pkt, self._drop, self._outcomes):
            header = ipv4.parse(segment.data, segment.network_header)
            if isinstance(header, Malformed):
                self._drop(segment, SKB_GSO_SEG)
                continue
            segment.ip = header
            if len(segment.data) - segment.network_header > mtu:
                self._ip_fragment(segment, header, route, mtu)
            else:
                self._finish_output(segment, header, route)

    def mtu_of(self, route: Rtable) -> int:
        """The longest packet that may go this way; for what is forwarded a learned MTU does not count."""
        if route.is_plain:
            return route.dev.mtu
        return route.mtu_for_others(self._confs.ipv4.ip_forward_use_pmtu) if route.is_input else route.mtu

    def _ip_fragment(self, pkt: Packet, header: Ipv4Header, route: Rtable, mtu: int) -> None:
        """What came in fragments leaves in fragments no longer than those.

        Linux: net/ipv4/ip_output.c ip_fragment(), ip_do_fragment()
        """
        stats = self._snmp.Ip
        if header.frag_off & IP_DF and not 0 < header.frag_max <= mtu:
            stats.FragFails += 1
            self._too_big(pkt, mtu)
            return self._drop(pkt, PKT_TOO_BIG)
        mtu = min(mtu, header.frag_max or mtu)
        if mtu < smallest_mtu(header):
            stats.FragFails += 1
            return self._drop(pkt, PKT_TOO_BIG)
        if pkt.offload.needs_checksum and not finish_checksum(pkt):
            return self._drop(pkt, SKB_CSUM)
        pieces = fragments_of(pkt, header, mtu)
        stats.FragOKs += 1
        stats.FragCreates += len(pieces)
        self._outcomes.split += len(pieces) - 1
        for piece in pieces:
            if piece.ip is not None:
                self._finish_output(piece, piece.ip, route)

    def _finish_output(self, pkt: Packet, header: Ipv4Header, route: Rtable) -> None:
        """Linux: net/ipv4/ip_output.c ip_finish_output2()"""
        self._snmp.IpExt.OutOctets += len(pkt.data) - pkt.network_header
        self._snmp.Ip.OutTransmits += 1
        if route.type != RTN_UNICAST:
            self._count_casts(route, len(pkt.data) - pkt.network_header)
        neigh = self._neighbour(route.dev, route.nexthop(header.daddr))
        if neigh is None:
            return self._drop(pkt, NEIGH_CREATEFAIL)
        neigh.output(pkt)

    def held_back(self, route: Rtable, daddr: int) -> Collection[Packet]:
        """What waits until the station address of the next hop is known."""
        neigh = self._neighbour(route.dev, route.nexthop(daddr))
        return () if neigh is None else neigh.queue

    def _count_casts(self, route: Rtable, octets: int) -> None:
        ext = self._snmp.IpExt
        if route.type == RTN_MULTICAST:
            ext.OutMcastPkts += 1
            ext.OutMcastOctets += octets
        elif route.type == RTN_BROADCAST:
            ext.OutBcastPkts += 1
            ext.OutBcastOctets += octets
