"""Telling a sender that its packet failed (RFC 1122 3.2.2, RFC 1812 4.3.2)."""

from __future__ import annotations

from typing import Final

from pystack.device import IFF_LOOPBACK
from pystack.l2.devices import DeviceTable
from pystack.l3.addresses import RT_SCOPE_LINK, AddressBook
from pystack.l3.conf import Confs
from pystack.l3.fib_types import Flow
from pystack.l3.icmp_output import IcmpOutput
from pystack.l3.ip_options import OptionEcho
from pystack.l3.route import RTCF_BROADCAST, RTCF_LOCAL, RTCF_MULTICAST, Rtable
from pystack.packet import PACKET_HOST, Packet
from pystack.wire import icmp
from pystack.wire.ipv4 import HEADER_LENGTH, IP_OFFSET, IPPROTO_ICMP, Ipv4Header

_MOST_OF_IT: Final = 576  # octets of the whole answer
_TOS_MASK: Final = 0x1E
_INTERNETCONTROL: Final = 0xC0
_DUMMY_SOURCE: Final = 0xC0000008  # 192.0.0.8, RFC 7600: we have no address at all


class IcmpErrorSender:
    """Linux: net/ipv4/icmp.c __icmp_send()"""

    def __init__(
        self,
        *,
        devices: DeviceTable,
        addresses: AddressBook,
        confs: Confs,
        out: IcmpOutput,
        options: OptionEcho,
    ) -> None:
        self._devices = devices
        self._addresses = addresses
        self._confs = confs
        self._out = out
        self._options = options

    def send(self, pkt: Packet, type_: int, code: int, info: int = 0) -> None:
        """Answer `pkt` with an error, if one is allowed; `pkt` itself is not ended."""
        header, route = pkt.ip, pkt.route
        if header is None or not isinstance(route, Rtable) or not self._may_answer(pkt, header, route):
            return
        options = self._options.echo(pkt, header)
        if options is None:
            return
        tos = header.tos & _TOS_MASK | _INTERNETCONTROL
        destination = options.towards(header.saddr)
        flow = Flow(destination, self._source_for(header, route), tos=tos, mark=self._out.mark_for(pkt))
        looped = bool(pkt.dev.flags & IFF_LOOPBACK)  # there everybody may complain as often as he likes
        back = self._out.way_back(flow, type_, code, unlimited=looped, about=pkt)
        if back is None:
            return
        flow.saddr = flow.saddr or _DUMMY_SOURCE
        raw = self._options.answer_to(pkt, header, options, flow.saddr)
        room = min(back.mtu, _MOST_OF_IT) - HEADER_LENGTH - len(raw) - icmp.HEADER_LENGTH
        if room <= HEADER_LENGTH:
            return
        quote = bytes(pkt.data[pkt.network_header : pkt.network_header + room])
        message = icmp.build(type_, code, info >> 16, info & 0xFFFF, quote)
        self._out.push(message, flow, back, tos, type_, raw, cause=pkt)

    def _may_answer(self, pkt: Packet, header: Ipv4Header, route: Rtable) -> bool:
        if pkt.pkt_type != PACKET_HOST or route.flags & (RTCF_BROADCAST | RTCF_MULTICAST):
            return False
        if header.frag_off & IP_OFFSET:
            return False
        if header.protocol != IPPROTO_ICMP:
            return True
        at = pkt.network_header + header.ihl
        if at >= len(pkt.data):
            return False
        inner = pkt.data[at]
        return inner <= icmp.NR_ICMP_TYPES and inner not in icmp.UNANSWERED_TYPES

    def _source_for(self, header: Ipv4Header, route: Rtable) -> int:
        if route.flags & RTCF_LOCAL:
            return header.daddr
        if route.is_input and self._confs.ipv4.icmp_errors_use_inbound_ifaddr:
            inbound = self._devices.by_index(route.iif)
            return self._addresses.select(inbound, header.saddr, RT_SCOPE_LINK)
        return 0
