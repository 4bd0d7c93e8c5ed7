"""What ICMP and ICMPv6 say besides queries: an error belongs to the connection that it complains of.

Linux: net/netfilter/nf_conntrack_proto_icmp.c, nf_conntrack_proto_icmpv6.c
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pystack.netfilter.conntrack.conn import Conn, Zone
from pystack.netfilter.conntrack.context import TrackContext
from pystack.netfilter.conntrack.info import IP_CT_RELATED, IP_CT_RELATED_REPLY, IP_CT_UNTRACKED
from pystack.netfilter.conntrack.tuples import inverted, of_whole, read
from pystack.netfilter.hooks import HookState
from pystack.packet import Packet
from pystack.wire import icmp, icmp6
from pystack.wire.ipv4 import IPPROTO_ICMP, address_text
from pystack.wire.ipv6 import IPPROTO_ICMPV6, Ipv6Header, find_transport, full_text

Find = Callable[[bytes, Zone], tuple[Conn | None, bool]]  # the connection, and whether it is an answer there

_LINK_LOCAL: Final = 0xFE80 >> 6  # fe80::/10
_HOP_LIMIT: Final = 255  # of what nobody routed
_NEIGHBOURS: Final = frozenset(
    {
        icmp6.MGM_QUERY,
        icmp6.MGM_REPORT,
        icmp6.MGM_REDUCTION,
        icmp6.ROUTER_SOLICITATION,
        icmp6.ROUTER_ADVERTISEMENT,
        icmp6.NEIGHBOUR_SOLICITATION,
        icmp6.NEIGHBOUR_ADVERTISEMENT,
        icmp6.MLD2_REPORT,
    }
)


class IcmpErrors:
    """Of both families."""

    def __init__(self, context: TrackContext, find: Find) -> None:
        self._context = context
        self._find = find

    def pass_by(self, pkt: Packet, transport: int, zone: Zone, state: HookState) -> bool:
        """Whether a message is to be tracked as such. Linux: nf_conntrack_icmpv4_error()"""
        header = pkt.ip
        assert header is not None, "asked about IPv4 packets"
        if len(pkt.data) - transport < icmp.HEADER_LENGTH:
            fault = "short packet"
        elif self._context.has_bad_checksum(pkt, state):
            fault = "bad hw icmp checksum"
        elif pkt.data[transport] > icmp.NR_ICMP_TYPES:
            fault = "invalid icmp type"
        elif pkt.data[transport] not in icmp.ERROR_TYPES:
            return True
        else:
            quoted = of_whole(pkt.data, transport + icmp.HEADER_LENGTH, is_ipv6=False)
            wrong = self._relate(pkt, quoted, header.daddr, zone)
            if wrong is None:
                return False
            fault = f"outer daddr {address_text(header.daddr)} != inner {address_text(wrong)}"
        self._context.invalid(pkt, state, IPPROTO_ICMP, fault)
        return False

    def pass_by_ipv6(self, pkt: Packet, transport: int, zone: Zone, state: HookState) -> bool:
        """The same of ICMPv6; what neighbours say to each other is never tracked.

        Linux: nf_conntrack_icmpv6_error()
        """
        header = pkt.ip6
        assert header is not None, "asked about IPv6 packets"
        if len(pkt.data) - transport < icmp6.HEADER_LENGTH:
            return self._is_invalid(pkt, state, "short packet")
        if self._context.has_bad_checksum(pkt, state):
            return self._is_invalid(pkt, state, "ICMPv6 checksum failed")
        kind, quoted = pkt.data[transport], transport + icmp6.HEADER_LENGTH
        if kind in _NEIGHBOURS:
            pkt.ctinfo = IP_CT_UNTRACKED
            return False
        if kind == icmp6.REDIRECT and not pkt.data[transport + 1]:
            fault = _fault_of_redirect(pkt, header, transport)
            if fault is not None:
                return self._is_invalid(pkt, state, fault)
            option = transport + icmp6.REDIRECT_LENGTH
            if pkt.data[option] != icmp6.OPTION_REDIRECTED:
                return True
            quoted = option + 8
        elif kind >= icmp6.ERROR_LIMIT:
            return True
        wrong = self._relate(pkt, of_whole(pkt.data, quoted, is_ipv6=True), header.daddr, zone)
        if wrong is not None:
            self._is_invalid(pkt, state, f"outer daddr {full_text(header.daddr)} != inner {full_text(wrong)}")
        return False

    def _is_invalid(self, pkt: Packet, state: HookState, fault: str) -> bool:
        self._context.invalid(pkt, state, IPPROTO_ICMPV6, fault)
        return False

    def _relate(self, pkt: Packet, quoted: bytes | None, daddr: int, zone: Zone) -> int | None:
        """Let the packet belong to the connection of what it quotes; if it goes to somebody else, to whom it
        should go. Linux: nf_conntrack_inet_error()
        """
        answer = None if quoted is None else inverted(quoted)
        conn, is_reply = (None, False) if answer is None else self._find(answer, zone)
        if conn is None:
            return None
        wanted = read(conn.reply if is_reply else conn.original).daddr
        if wanted != daddr:
            return wanted
        pkt.ct = conn
        pkt.ctinfo = IP_CT_RELATED_REPLY if is_reply else IP_CT_RELATED
        return None


def is_of_neighbours(pkt: Packet) -> bool:
    """Whether it is what neighbours say to each other by ICMPv6."""
    found = None if pkt.ip6 is None else find_transport(pkt.data, pkt.network_header)
    if found is None or found.protocol != IPPROTO_ICMPV6:
        return False
    return found.offset < len(pkt.data) and pkt.data[found.offset] in _NEIGHBOURS


def _fault_of_redirect(pkt: Packet, header: Ipv6Header, transport: int) -> str | None:
    """Linux: nf_conntrack_icmpv6_redirect()"""
    option = transport + icmp6.REDIRECT_LENGTH
    if len(pkt.data) < option:
        return "short redirect"
    if header.ttl != _HOP_LIMIT or header.saddr >> 118 != _LINK_LOCAL:
        return "invalid saddr or hoplimit for redirect"
    if len(pkt.data) < option + 2 or not pkt.data[option + 1]:
        return "redirect without options"
    return None
