"""ICMP messages that reach this host: questions are answered, errors are handed to the sockets they
concern.
"""

from __future__ import annotations

from typing import Final

from pystack.clock import Clock
from pystack.counters import Snmp
from pystack.drop import ICMP_CSUM, ICMP_HANDLED, IP_INHDR, Drop, Outcomes
from pystack.l2.devices import Link
from pystack.l3.addresses import RT_SCOPE_LINK, RT_SCOPE_UNIVERSE, AddressBook
from pystack.l3.conf import Confs
from pystack.l3.fib import Fib
from pystack.l3.fib_types import FibResult, Flow
from pystack.l3.icmp_output import IcmpOutput
from pystack.l3.needs import ErrorReceiver
from pystack.l3.route import RTCF_BROADCAST, RTCF_LOCAL, RTCF_MULTICAST, Router, Rtable
from pystack.packet import Packet
from pystack.wire import icmp
from pystack.wire.checksum import verifies
from pystack.wire.ipv4 import HEADER_LENGTH, Ipv4Header, is_zeronet

# Only these may come to a group or broadcast address (RFC 1122 3.2.2).
_BROADCAST_TYPES: Final = frozenset(
    {icmp.ICMP_ECHO, icmp.ICMP_TIMESTAMP, icmp.ICMP_ADDRESS, icmp.ICMP_ADDRESSREPLY}
)
_MAX_UNREACH_CODE: Final = 15  # NR_ICMP_UNREACH
_PROTOCOL_OCTETS: Final = 8  # of the quoted packet behind its header, so that a socket can be found
_ORIGINATE_LENGTH: Final = 4  # all that Linux insists on; RFC 792 has twelve octets
_DAY_MS: Final = 86_400_000


class Icmp:
    """Linux: net/ipv4/icmp.c"""

    def __init__(
        self,
        *,
        clock: Clock,
        addresses: AddressBook,
        confs: Confs,
        fib: Fib,
        router: Router,
        out: IcmpOutput,
        drop: Drop,
        outcomes: Outcomes,
        snmp: Snmp,
        sockets: ErrorReceiver,
    ) -> None:
        self._clock = clock
        self._addresses = addresses
        self._confs = confs
        self._fib = fib
        self._router = router
        self._out = out
        self._drop = drop
        self._outcomes = outcomes
        self._snmp = snmp
        self._sockets = sockets

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
        if type_ in icmp.PROBE_TYPES:  # RFC 8335, which icmp_echo_enable_probe has off
            return self._drop(pkt, ICMP_HANDLED)
        if type_ > icmp.NR_ICMP_TYPES:
            stats.InErrors += 1
            return self._drop(pkt, ICMP_HANDLED)
        if self._is_refused_broadcast(pkt, type_):
            stats.InErrors += 1
            return self._drop(pkt, ICMP_HANDLED)
        self._outcomes.consumed += 1
        if type_ == icmp.ICMP_ECHO:
            self._echo(pkt, header, message)
        elif type_ == icmp.ICMP_TIMESTAMP:
            self._timestamp(pkt, header, message)
        elif type_ in icmp.ERROR_TYPES:
            self._report(header, message)

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
        reply = icmp.build(icmp.ICMP_ECHOREPLY, 0, first, second, message[icmp.HEADER_LENGTH :])
        self._reply(pkt, header, icmp.ICMP_ECHOREPLY, reply)

    def _timestamp(self, pkt: Packet, header: Ipv4Header, message: bytes) -> None:
        """Linux: net/ipv4/icmp.c icmp_timestamp()"""
        if len(message) < icmp.HEADER_LENGTH + _ORIGINATE_LENGTH:
            self._snmp.Icmp.InErrors += 1
            return
        now = (int(self._clock.wall * 1000) % _DAY_MS).to_bytes(4, "big")
        _, _, _, first, second = icmp.HEADER.unpack_from(message)
        asked = message[icmp.HEADER_LENGTH : icmp.HEADER_LENGTH + 4]
        reply = icmp.build(icmp.ICMP_TIMESTAMPREPLY, 0, first, second, asked + now + now)
        self._reply(pkt, header, icmp.ICMP_TIMESTAMPREPLY, reply)

    def _reply(self, pkt: Packet, header: Ipv4Header, type_: int, message: bytes) -> None:
        """Answer from the address that was asked. Linux: net/ipv4/icmp.c icmp_reply()"""
        flow = Flow(header.saddr, self._spec_dst(pkt, header), tos=header.tos)
        back = self._out.way_back(flow, type_, 0)
        if back is not None:  # Linux counts every answer as an echo reply
            self._out.push(message, flow, back, header.tos, icmp.ICMP_ECHOREPLY)

    def _spec_dst(self, pkt: Packet, header: Ipv4Header) -> int:
        """The address of ours that the sender meant. Linux: net/ipv4/fib_frontend.c fib_compute_spec_dst()"""
        route, dev = pkt.route, pkt.dev
        casts = RTCF_BROADCAST | RTCF_MULTICAST
        if not isinstance(route, Rtable) or route.flags & (casts | RTCF_LOCAL) == RTCF_LOCAL:
            return header.daddr
        link = dev if isinstance(dev, Link) else None
        if is_zeronet(header.saddr):
            return self._addresses.select(link, header.saddr, RT_SCOPE_LINK)
        found = self._fib.lookup(Flow(header.saddr, tos=header.tos & 0x1C))
        if isinstance(found, FibResult):
            return self._router.preferred_source(found)
        return self._addresses.select(link, header.saddr, RT_SCOPE_UNIVERSE)

    def _report(self, header: Ipv4Header, message: bytes) -> None:
        """Linux: net/ipv4/icmp.c icmp_unreach(), icmp_redirect(), icmp_socket_deliver()"""
        type_, code, quote = message[0], message[1], message[icmp.HEADER_LENGTH :]
        length = (quote[0] & 15) * 4 if quote else 0  # of the quoted header, as it says itself
        mangled = length < HEADER_LENGTH and type_ != icmp.ICMP_REDIRECT
        if len(quote) < HEADER_LENGTH or mangled:
            self._snmp.Icmp.InErrors += 1
            return
        if type_ == icmp.ICMP_DEST_UNREACH and code > _MAX_UNREACH_CODE:
            return
        if type_ == icmp.ICMP_TIME_EXCEEDED and code == icmp.ICMP_EXC_FRAGTIME:
            return
        if length + _PROTOCOL_OCTETS > len(quote):
            self._snmp.Icmp.InErrors += 1
            return
        if type_ != icmp.ICMP_REDIRECT:  # Linux differs: it would follow one that comes from the gateway
            self._sockets.icmp_error(type_, code, _info_of(message), header.saddr, quote)


def _info_of(message: bytes) -> int:
    """What an error says besides type and code: the MTU that fits, or where the wrong parameter is."""
    if message[0] == icmp.ICMP_DEST_UNREACH and message[1] == icmp.ICMP_FRAG_NEEDED:
        return int.from_bytes(message[6:8], "big")
    return message[4] if message[0] == icmp.ICMP_PARAMETERPROB else 0
