"""What netfilter's rules may ask of the IPv4 path: another way, an error to the sender, the kind of an
address.
"""

from __future__ import annotations

from dataclasses import replace

from pystack.device import NetDevice
from pystack.events import Nflogged, Traced
from pystack.l2.context import LinkContext
from pystack.l2.devices import DeviceTable, Link
from pystack.l2.offload import finish_checksum
from pystack.l3.addresses import RT_SCOPE_UNIVERSE
from pystack.l3.fib_types import IPTOS_RT_MASK, RTN_LOCAL, RTN_UNICAST, FibResult, Flow
from pystack.l3.ipv4 import Ipv4
from pystack.l3.route import RTCF_BROADCAST, RTCF_MULTICAST, Rtable
from pystack.netfilter import checksum
from pystack.netfilter.conntrack.conn import attach
from pystack.netfilter.hooks import INPUT, PREROUTING
from pystack.netfilter.nflog import record
from pystack.netfilter.view import View
from pystack.packet import Packet
from pystack.wire import icmp, tcp, udp
from pystack.wire.checksum import pseudo_header_sum
from pystack.wire.ethernet import ETH_HLEN
from pystack.wire.ipv4 import IP_DF, IP_OFFSET, IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP, Ipv4Header
from pystack.wire.malformed import Malformed
from pystack.wire.tcp import TcpHeader
from pystack.wire.virtio import NEEDS_CSUM, Offload


class NetfilterPath:
    """A netfilter.needs.Path."""

    def __init__(self, ipv4: Ipv4, link: LinkContext, devices: DeviceTable) -> None:
        self.clock = link.clock
        self.rng = link.rng
        self.printk = link.printk
        self._ipv4 = ipv4
        self._link = link
        self._devices = devices
        self._is_duplicating = False

    def reroute(self, pkt: Packet) -> bool:
        """Linux: net/ipv4/netfilter.c ip_route_me_harder()"""
        header = pkt.ip
        if header is None:
            return False
        kind = self._ipv4.fib.address_type(header.saddr)
        saddr = header.saddr if kind in (RTN_LOCAL, RTN_UNICAST) else 0
        bound = 0 if pkt.sock is None else pkt.sock.ifindex
        flow = Flow(header.daddr, saddr, oif=bound, tos=header.tos & IPTOS_RT_MASK, mark=pkt.mark)
        route = self._ipv4.router.route_output(flow, any_source=True)
        if not isinstance(route, Rtable):
            return False
        pkt.route = route
        return True

    # --- REJECT -------------------------------------------------------------------------------------------

    def unreachable(self, pkt: Packet, code: int) -> None:
        """Linux: net/ipv4/netfilter/nf_reject_ipv4.c nf_send_unreach()"""
        header = pkt.ip
        if header is None or header.frag_off & IP_OFFSET or not self._has_way_back(pkt, header):
            return
        if _is_intact(pkt, header):
            self._ipv4.icmp_errors.send(pkt, icmp.ICMP_DEST_UNREACH, code)

    def reset(self, pkt: Packet) -> None:
        """Linux: net/ipv4/netfilter/nf_reject_ipv4.c nf_send_reset()"""
        header = pkt.ip
        if header is None or header.frag_off & IP_OFFSET or header.protocol != IPPROTO_TCP:
            return
        segment = pkt.data[pkt.network_header + header.ihl :]
        parsed = tcp.parse(segment)
        if isinstance(parsed, Malformed) or parsed.flags & tcp.RST or not _is_intact(pkt, header):
            return
        if not self._has_way_back(pkt, header):
            return
        route = pkt.route
        if not isinstance(route, Rtable) or route.flags & (RTCF_BROADCAST | RTCF_MULTICAST):
            return
        reset = tcp.reset_for(parsed, tcp.end_of(parsed, len(segment) - parsed.length))
        answer = self._reset_packet(pkt, header, route, reset)
        if not self.reroute(answer):
            return
        if pkt.physin is None:
            return self._ipv4.output.ip_local_out(answer)
        link = bytes(pkt.data[pkt.mac_header : pkt.mac_header + ETH_HLEN])
        answer.dev = pkt.physin  # in the name of whom it was for, so that no station wonders about our MAC
        answer.set_mac_header(link[6:12] + link[:6] + link[12:])
        self._link.egress.dev_queue_xmit(answer)

    def _has_way_back(self, pkt: Packet, header: Ipv4Header) -> bool:
        """Whether the packet has a route; a bridged one gets that to its sender.

        Linux: nf_reject_fill_skb_dst()
        """
        if isinstance(pkt.route, Rtable):
            return True
        route = self._ipv4.router.route_output(Flow(header.saddr))
        if not isinstance(route, Rtable):
            return False
        pkt.route = route
        return True

    def _reset_packet(self, pkt: Packet, header: Ipv4Header, route: Rtable, reset: TcpHeader) -> Packet:
        own = Ipv4Header(
            header.daddr,
            header.saddr,
            IPPROTO_TCP,
            ttl=self._ipv4.confs.ipv4.ip_default_ttl,
            frag_off=IP_DF,
        )
        segment = tcp.build(reset, b"", own.saddr, own.daddr)
        owed = pseudo_header_sum(own.saddr, own.daddr, IPPROTO_TCP, len(segment))  # devices finish it
        at = tcp.CHECK_OFFSET
        segment = segment[:at] + owed.to_bytes(2, "big") + segment[at + 2 :]
        answer = self._ipv4.output.build(own, segment, route)
        start = ETH_HLEN + own.ihl
        answer.offload = Offload(NEEDS_CSUM, csum_start=start, csum_offset=at)
        answer.mark = pkt.mark if self._ipv4.confs.ipv4.fwmark_reflect else 0
        attach(answer, pkt)
        return answer

    # --- copies, and what else targets ask ------------------------------------------------------------------

    def smallest_mtu(self, pkt: Packet) -> int:
        """Linux: net/netfilter/xt_TCPMSS.c tcpmss_reverse_mtu()"""
        route, header = pkt.route, pkt.ip
        bridge = None if pkt.physin is None else pkt.physin.master  # Linux: bridge_parent_rtable()
        onward = route.mtu if isinstance(route, Rtable) else 0 if bridge is None else bridge.mtu
        back = None if header is None else self._ipv4.router.route_output(Flow(header.saddr))
        return min(onward, back.mtu) if isinstance(back, Rtable) else onward

    def nflog(self, family: int, group: int, prefix: str, view: View, octets: int | None) -> None:
        """An event for whoever listens."""
        events = self._link.events
        if events.wanted:
            message = record(family, group, prefix, view, octets, self.clock)
            events.emit(Nflogged(self._link.drop.netns, group, prefix, message))

    def traced(self, told: Traced) -> None:
        """An event for whoever listens."""
        if self._link.events.wanted:
            self._link.events.emit(replace(told, netns=self._link.drop.netns))

    def duplicate(self, pkt: Packet, hook: int, gateway: int, oif: str) -> None:
        """Linux: net/ipv4/netfilter/nf_dup_ipv4.c nf_dup_ipv4()"""
        header = pkt.ip
        if header is None or self._is_duplicating:  # a copy of a copy would never end
            return
        dev = self._devices.get(oif) if oif else None
        flow = Flow(gateway, oif=0 if dev is None else dev.ifindex, tos=header.tos & IPTOS_RT_MASK)
        route = self._ipv4.router.route_output(flow)
        if not isinstance(route, Rtable):
            return
        body = bytes(pkt.payload()[header.ihl :])
        copy = self._ipv4.output.build(_as_copied(header, hook), body, route.by(gateway))
        copy.mark, copy.pkt_type = pkt.mark, pkt.pkt_type
        self._is_duplicating = True
        self._ipv4.output.ip_local_out(copy)
        self._is_duplicating = False

    def finish_checksum(self, pkt: Packet) -> None:
        """Linux: net/core/dev.c skb_checksum_help()"""
        finish_checksum(pkt)

    # --- addresses ----------------------------------------------------------------------------------------

    def address_type(self, address: int, dev: NetDevice | None, *, on_dev_only: bool) -> int:
        """Linux: net/ipv4/fib_frontend.c __inet_dev_addr_type()"""
        fib = self._ipv4.fib
        if not on_dev_only or dev is None:
            return fib.address_type(address)
        found = fib.lookup_in(255, Flow(address))
        if isinstance(found, FibResult) and found.nexthop.dev is not dev:
            return RTN_UNICAST
        return fib.address_type(address)

    def source_for(self, pkt: Packet, dev: NetDevice) -> int:
        """What the route says of a source does not count.

        Linux: net/netfilter/nf_nat_masquerade.c nf_nat_masquerade_ipv4()
        """
        route, header = pkt.route, pkt.ip
        if header is None or not isinstance(dev, Link):
            return 0
        nexthop = route.nexthop(header.daddr) if isinstance(route, Rtable) else header.daddr
        return self._ipv4.addresses.select(dev, nexthop, RT_SCOPE_UNIVERSE)

    def first_address(self, dev: NetDevice) -> int:
        """Linux: net/netfilter/nf_nat_redirect.c nf_nat_redirect_ipv4()"""
        addresses = self._ipv4.addresses.of(dev) if isinstance(dev, Link) else []
        return addresses[0].local if addresses else 0

    def is_reversible(self, pkt: Packet, *, loose: bool, by_mark: bool, accept_local: bool) -> bool:
        """Linux: net/ipv4/netfilter/ipt_rpfilter.c rpfilter_lookup_reverse()"""
        header = pkt.ip
        if header is None:
            return False
        mark = pkt.mark if by_mark else 0
        flow = Flow(header.saddr, header.daddr, tos=header.tos & IPTOS_RT_MASK, mark=mark)
        found = self._ipv4.fib.lookup(flow)
        if not isinstance(found, FibResult):
            return False
        if found.type != RTN_UNICAST and not (accept_local and found.type == RTN_LOCAL):
            return False
        return loose or any(hop.dev is pkt.dev for hop in found.info.nexthops)


def _as_copied(header: Ipv4Header, hook: int) -> Ipv4Header:
    """The header of a copy: it is never cut, and one of what came in must not go round for ever."""
    copy = header.copy()
    copy.frag_off |= IP_DF
    if hook in (PREROUTING, INPUT):
        copy.ttl -= 1
    return copy


def _is_intact(pkt: Packet, header: Ipv4Header) -> bool:
    """Whether the sum of what is to be answered is right: else it may not be from whom it says.

    Linux: net/ipv4/netfilter/nf_reject_ipv4.c nf_reject_verify_csum()
    """
    if header.protocol not in (IPPROTO_ICMP, IPPROTO_TCP, IPPROTO_UDP):
        return True
    at = pkt.network_header + header.ihl + udp.CHECK_OFFSET
    if header.protocol == IPPROTO_UDP and bytes(pkt.data[at : at + 2]) == bytes(2):
        return True
    return checksum.holds(pkt, header)
