"""ICMP errors that tell us that what we sent failed: whom they concern, and what the routes learn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pystack.counters import Snmp
from pystack.l2.devices import Link
from pystack.l3.conf import Confs
from pystack.l3.fib import Fib
from pystack.l3.fib_types import RTN_BROADCAST, Flow
from pystack.l3.icmp_output import IcmpOutput
from pystack.l3.needs import ErrorReceiver
from pystack.l3.pmtu import PathMtu
from pystack.l3.redirect import RedirectReceiver
from pystack.packet import Packet
from pystack.wire import icmp
from pystack.wire.ipv4 import HEADER, HEADER_LENGTH, IPPROTO_ICMP, IPPROTO_TCP, Ipv4Header, address_text

_MAX_UNREACH_CODE: Final = 15  # NR_ICMP_UNREACH
_PROTOCOL_OCTETS: Final = 8  # of the quoted packet behind its header, so that a socket can be found
_PMTU_UNHEARD, _PMTU_HARDENED = 2, 3  # values of ip_no_pmtu_disc
_CHECKS_TAGS: Final = frozenset({IPPROTO_TCP})  # protocols that tell a quote of theirs from an invented one


class IcmpReport:
    """Linux: net/ipv4/icmp.c icmp_unreach(), icmp_redirect(), icmp_socket_deliver(), icmp_err()"""

    def __init__(
        self,
        *,
        confs: Confs,
        fib: Fib,
        out: IcmpOutput,
        snmp: Snmp,
        sockets: ErrorReceiver,
        path_mtu: PathMtu,
        redirects: RedirectReceiver,
        log: Callable[[str], None],
    ) -> None:
        self._confs = confs
        self._fib = fib
        self._out = out
        self._snmp = snmp
        self._sockets = sockets
        self._path_mtu = path_mtu
        self._redirects = redirects
        self._log = log

    def receive(self, pkt: Packet, header: Ipv4Header, message: bytes) -> None:
        """Take an error; whether it makes sense is counted, not answered."""
        type_, quote = message[0], message[icmp.HEADER_LENGTH :]
        length = (quote[0] & 15) * 4 if quote else 0  # of the quoted header, as it says itself
        mangled = length < HEADER_LENGTH and type_ != icmp.ICMP_REDIRECT
        if len(quote) < HEADER_LENGTH or mangled:
            self._snmp.Icmp.InErrors += 1
            return
        info = self._info_of(message, quote)
        if info is None or (type_ != icmp.ICMP_REDIRECT and self._is_bogus(pkt, header, message, quote)):
            return
        if length + _PROTOCOL_OCTETS > len(quote):
            self._snmp.Icmp.InErrors += 1
            return
        ifindex = pkt.dev.ifindex
        flows = self._sockets.icmp_error(type_, message[1], info, header.saddr, quote, ifindex)
        if quote[9] == IPPROTO_ICMP and quote[length] == icmp.ICMP_ECHOREPLY:
            flows = [*flows, self._own_flow(pkt, quote)]
        self._learn(pkt, header, message, info, flows)

    def _info_of(self, message: bytes, quote: bytes) -> int | None:
        """What an error says besides type and code; None if nobody must hear of it."""
        type_, code = message[0], message[1]
        if type_ == icmp.ICMP_REDIRECT:
            return int.from_bytes(message[4:8], "big")
        if type_ == icmp.ICMP_PARAMETERPROB:
            return message[4]
        if type_ == icmp.ICMP_TIME_EXCEEDED and code == icmp.ICMP_EXC_FRAGTIME:
            return None
        if type_ != icmp.ICMP_DEST_UNREACH:
            return 0
        if code == icmp.ICMP_FRAG_NEEDED:
            return self._next_mtu(message, quote)
        return None if code > _MAX_UNREACH_CODE else 0

    def _next_mtu(self, message: bytes, quote: bytes) -> int | None:
        ignored = self._confs.ipv4.ip_no_pmtu_disc
        if ignored == _PMTU_UNHEARD or (ignored == _PMTU_HARDENED and quote[9] not in _CHECKS_TAGS):
            return None
        return int.from_bytes(message[6:8], "big") if ignored in (0, _PMTU_HARDENED) else 0

    def _is_bogus(self, pkt: Packet, header: Ipv4Header, message: bytes, quote: bytes) -> bool:
        """Some routers complain of broadcasts (RFC 1122 3.2.2 forbids it)."""
        if self._confs.ipv4.icmp_ignore_bogus_error_responses:
            return False
        destination = int.from_bytes(quote[16:20], "big")
        if self._fib.address_type(destination) != RTN_BROADCAST:
            return False
        self._log(
            f"{address_text(header.saddr)} sent an invalid ICMP type {message[0]}, code {message[1]} "
            f"error to a broadcast: {address_text(destination)} on {pkt.dev.name}"
        )
        return True

    def _own_flow(self, pkt: Packet, quote: bytes) -> Flow:
        """How an answer of this host to an echo request asks for its way."""
        fields = HEADER.unpack_from(quote)
        mark = self._out.mark_for(pkt)
        return Flow(fields[9], fields[8], tos=fields[1] & 0x1C, mark=mark, proto=IPPROTO_ICMP)

    def _learn(self, pkt: Packet, header: Ipv4Header, message: bytes, info: int, flows: list[Flow]) -> None:
        type_, code = message[0], message[1]
        if type_ == icmp.ICMP_DEST_UNREACH and code == icmp.ICMP_FRAG_NEEDED:
            for flow in flows:
                self._path_mtu.heed(flow, info)
        elif type_ == icmp.ICMP_REDIRECT and isinstance(pkt.dev, Link):
            for flow in flows:
                self._redirects.heed(pkt.dev, header.saddr, code, info, flow)
