"""Tracking where there is little to track: queries of ICMP and ICMPv6, GRE, and what has no own tracker."""

from __future__ import annotations

from pystack.netfilter.conntrack.conn import Conn
from pystack.netfilter.conntrack.context import Event, TrackContext
from pystack.netfilter.conntrack.info import IPS_ASSURED, IPS_SEEN_REPLY
from pystack.netfilter.conntrack.tuples import ICMP_QUERIES, ICMPV6_QUERIES
from pystack.netfilter.conntrack.verdict import Tracked
from pystack.netfilter.hooks import NFPROTO_IPV4, NFPROTO_IPV6, HookState
from pystack.packet import Packet


class GenericTracker:
    """Linux: net/netfilter/nf_conntrack_proto_generic.c"""

    allow_clash = True

    def __init__(self, context: TrackContext) -> None:
        self._context = context

    def packet(self, conn: Conn, pkt: Packet, transport: int, state: HookState) -> Tracked:
        """Linux: generic_packet()"""
        self._context.refresh(conn, pkt, self._context.conf.generic_timeout)
        return Tracked.FITS

    def can_early_drop(self, conn: Conn) -> bool:
        """Linux: nf_conntrack_l4proto.can_early_drop is not set"""
        return False


class IcmpTracker(GenericTracker):
    """Linux: net/netfilter/nf_conntrack_proto_icmp.c"""

    allow_clash = False

    def packet(self, conn: Conn, pkt: Packet, transport: int, state: HookState) -> Tracked:
        """Only a query begins something. Linux: nf_conntrack_icmp_packet()"""
        if conn.family != NFPROTO_IPV4 or conn.tuple(0).dport >> 8 not in ICMP_QUERIES:
            return Tracked.INVALID
        self._context.refresh(conn, pkt, self._context.conf.icmp_timeout)
        return Tracked.FITS


class Icmpv6Tracker(GenericTracker):
    """Linux: net/netfilter/nf_conntrack_proto_icmpv6.c"""

    allow_clash = False

    def packet(self, conn: Conn, pkt: Packet, transport: int, state: HookState) -> Tracked:
        """Linux: nf_conntrack_icmpv6_packet()"""
        if conn.family != NFPROTO_IPV6 or conn.tuple(0).dport >> 8 not in ICMPV6_QUERIES:
            return Tracked.INVALID
        self._context.refresh(conn, pkt, self._context.conf.icmpv6_timeout)
        return Tracked.FITS


class GreTracker(GenericTracker):
    """Linux: net/netfilter/nf_conntrack_proto_gre.c"""

    allow_clash = False

    def packet(self, conn: Conn, pkt: Packet, transport: int, state: HookState) -> Tracked:
        """Linux: nf_conntrack_gre_packet()"""
        conf = self._context.conf
        if not conn.status & IPS_SEEN_REPLY:
            self._context.refresh(conn, pkt, conf.gre_timeout)
            return Tracked.FITS
        self._context.refresh(conn, pkt, conf.gre_timeout_stream)
        if not conn.status & IPS_ASSURED:
            conn.status |= IPS_ASSURED
            self._context.note(conn, Event.ASSURED)
        return Tracked.FITS
