"""How an ICMP message of our own gets out: within its limits, by the way back to whom it is for."""

from __future__ import annotations

from pystack.counters import Snmp
from pystack.device import OwnSocket
from pystack.l3.conf import Confs
from pystack.l3.fib_types import Flow
from pystack.l3.icmp_limit import IcmpLimit
from pystack.l3.ip_output import IpOutput
from pystack.l3.route import Router, Rtable
from pystack.netfilter.conntrack.conn import attach
from pystack.packet import Packet
from pystack.wire.ipv4 import IPPROTO_ICMP, Ipv4Header

_ROUTED_TOS = 0x1C


class IcmpOutput:
    """Linux: net/ipv4/icmp.c icmp_route_lookup(), icmpv4_xrlim_allow(), icmp_push_reply()"""

    def __init__(
        self, *, confs: Confs, router: Router, output: IpOutput, snmp: Snmp, limit: IcmpLimit
    ) -> None:
        self._confs = confs
        self._router = router
        self._output = output
        self._snmp = snmp
        self._limit = limit
        self._socket = OwnSocket()
        self._is_sending = False

    def way_back(
        self, flow: Flow, type_: int, code: int, *, unlimited: bool = False, about: Packet | None = None
    ) -> Rtable | None:
        """The route to `flow.daddr`, None if there is none or the limits say that it is enough.

        `flow.saddr` is chosen where it was 0. An error says which packet it is `about`.
        """
        limited = not unlimited and self._limit.applies_to(type_, code)
        if limited and not self._limit.allows_any():
            self._snmp.Icmp.OutRateLimitGlobal += 1
            return None
        if self._is_sending:  # what happens to one of ours on its way out is told to nobody: icmp_xmit_lock()
            return None
        flow.tos &= _ROUTED_TOS
        flow.proto = IPPROTO_ICMP
        if about is not None:
            flow.dport = type_ << 8 | code  # which share a place in Linux's struct flowi4
        back = self._router.route_output(flow, about=about)
        if not isinstance(back, Rtable):
            return None
        if limited and not self._limit.allows_to(flow.daddr, back.dev):
            self._snmp.Icmp.OutRateLimitHost += 1
            return None
        return back

    def mark_for(self, asked: Packet) -> int:
        """The mark of an answer. Linux: include/net/ip.h IP4_REPLY_MARK()"""
        return asked.mark if self._confs.ipv4.fwmark_reflect else 0

    def push(
        self,
        message: bytes,
        flow: Flow,
        back: Rtable,
        tos: int,
        counted_as: int,
        options: bytes = b"",
        cause: Packet | None = None,
    ) -> None:
        """Send a whole message; an error belongs to the connection of what caused it."""
        header = Ipv4Header(
            flow.saddr,
            flow.daddr,
            IPPROTO_ICMP,
            ttl=self._output.ttl_for(back),
            tos=tos,
            id=self._output.select_ident(),
            options=options,
        )
        self._snmp.icmp_out(counted_as)
        pkt = self._output.build(header, message, back)
        pkt.mark = flow.mark
        pkt.sock = self._socket
        if cause is not None:
            attach(pkt, cause)  # Linux: icmp_glue_bits()
        self._is_sending = True
        try:
            self._output.ip_local_out(pkt)
        finally:
            self._is_sending = False
