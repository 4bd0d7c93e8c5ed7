"""ICMP messages that reach this host: questions are answered, errors handed to those whom they concern."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pystack.counters import Snmp
from pystack.drop import ICMP_CSUM, ICMP_HANDLED, ICMP_REFUSED, IP_INHDR, Drop, Outcomes
from pystack.l3.conf import Confs
from pystack.l3.fib_types import Flow
from pystack.l3.icmp_output import IcmpOutput
from pystack.l3.icmp_report import IcmpReport
from pystack.l3.ip_options import OptionEcho
from pystack.l3.route import RTCF_BROADCAST, RTCF_MULTICAST, Rtable
from pystack.packet import Packet
from pystack.wire import icmp
from pystack.wire.checksum import verifies
from pystack.wire.ipv4 import Ipv4Header

# Only these may come to a group or broadcast address (RFC 1122 3.2.2).
_BROADCAST_TYPES: Final = frozenset(
    {icmp.ICMP_ECHO, icmp.ICMP_TIMESTAMP, icmp.ICMP_ADDRESS, icmp.ICMP_ADDRESSREPLY}
)
ReplyFn = Callable[[Packet, Ipv4Header], None]

_ORIGINATE_LENGTH: Final = 4  # all that Linux insists on; RFC 792 has twelve octets


class Icmp:
    """Linux: net/ipv4/icmp.c"""

    def __init__(
        self,
        *,
        confs: Confs,
        out: IcmpOutput,
        options: OptionEcho,
        report: IcmpReport,
        drop: Drop,
        outcomes: Outcomes,
        snmp: Snmp,
    ) -> None:
        self._confs = confs
        self._out = out
        self._options = options
        self._report = report
        self._drop = drop
        self._outcomes = outcomes
        self._snmp = snmp
        self.ping_rcv: ReplyFn | None = None  # the ping sockets, when there are any

    def icmp_rcv(self, pkt: Packet, header: Ipv4Header) -> None:
        """Linux: net/ipv4/icmp.c icmp_rcv()"""
        stats = self._snmp.Icmp
        stats.InMsgs += 1
        message = bytes(pkt.data[pkt.transport_header :])
        if not verifies(message) and not pkt.offload.needs_checksum:
            stats.InErrors += 1
            return self._drop(pkt, ICMP_CSUM)
        if len(message) < icmp.HEADER_LENGTH:
            stats.InErrors += 1
            return self._drop(pkt, IP_INHDR)
        type_ = message[0]
        self._snmp.icmp_in(type_)
        if type_ == icmp.ICMP_EXT_ECHO:  # RFC 8335, which icmp_echo_enable_probe has off
            return self._drop(pkt, ICMP_HANDLED)
        if self._is_refused_broadcast(pkt, type_):
            stats.InErrors += 1
            return self._drop(pkt, ICMP_REFUSED)
        if type_ > icmp.NR_ICMP_TYPES:
            stats.InErrors += type_ != icmp.ICMP_EXT_ECHOREPLY
            return self._drop(pkt, ICMP_HANDLED)
        self._outcomes.consumed += 1
        if type_ == icmp.ICMP_ECHO:
            self._echo(pkt, header, message)
        elif type_ == icmp.ICMP_TIMESTAMP:
            self._timestamp(pkt, header, message)
        elif type_ in icmp.ERROR_TYPES:
            self._report.receive(pkt, header, message)
        elif type_ == icmp.ICMP_ECHOREPLY and self.ping_rcv is not None:
            self.ping_rcv(pkt, header)

    def _is_refused_broadcast(self, pkt: Packet, type_: int) -> bool:
        route = pkt.route
        if not isinstance(route, Rtable) or not route.flags & (RTCF_BROADCAST | RTCF_MULTICAST):
            return False
        if type_ in (icmp.ICMP_ECHO, icmp.ICMP_TIMESTAMP):
            return bool(self._confs.ipv4.icmp_echo_ignore_broadcasts)
        return type_ not in _BROADCAST_TYPES

    def _echo(self, pkt: Packet, header: Ipv4Header, message: bytes) -> None:
        """Linux: net/ipv4/icmp.c icmp_echo()"""
        if self._confs.ipv4.icmp_echo_ignore_all:
            return
        _, _, _, first, second = icmp.HEADER.unpack_from(message)
        reply = icmp.build(icmp.ICMP_ECHOREPLY, message[1], first, second, message[icmp.HEADER_LENGTH :])
        if not any(message[1:2] + message[4:]):
            reply = bytes(len(reply))  # the kernel sums while it copies, from ~0 on: that makes no 0xFFFF
        self._reply(pkt, header, icmp.ICMP_ECHOREPLY, reply)

    def _timestamp(self, pkt: Packet, header: Ipv4Header, message: bytes) -> None:
        """Linux: net/ipv4/icmp.c icmp_timestamp()"""
        if len(message) < icmp.HEADER_LENGTH + _ORIGINATE_LENGTH:
            self._snmp.Icmp.InErrors += 1
            return
        now = self._options.midtime().to_bytes(4, "big")
        _, _, _, first, second = icmp.HEADER.unpack_from(message)
        asked = message[icmp.HEADER_LENGTH : icmp.HEADER_LENGTH + 4]
        reply = icmp.build(icmp.ICMP_TIMESTAMPREPLY, 0, first, second, asked + now + now)
        self._reply(pkt, header, icmp.ICMP_TIMESTAMPREPLY, reply)

    def _reply(self, pkt: Packet, header: Ipv4Header, type_: int, message: bytes) -> None:
        """Answer from the address that was asked. Linux: net/ipv4/icmp.c icmp_reply()"""
        options = self._options.echo(pkt, header)
        if options is None:
            return
        source = self._options.address_for(pkt, header)
        flow = Flow(options.towards(header.saddr), source, tos=header.tos, mark=self._out.mark_for(pkt))
        back = self._out.way_back(flow, type_, 0)
        if back is None:
            return
        raw = self._options.answer_to(pkt, header, options, flow.saddr)
        # Linux counts every answer as an echo reply
        self._out.push(message, flow, back, header.tos, icmp.ICMP_ECHOREPLY, raw)
