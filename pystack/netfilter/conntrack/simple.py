"""Tracking where there is little to track: ICMP queries, GRE, every protocol that has nothing of its own."""

from __future__ import annotations

from pystack.netfilter.conntrack.conn import Conn
from pystack.netfilter.conntrack.context import Event, TrackContext
from pystack.netfilter.conntrack.info import IPS_ASSURED, IPS_SEEN_REPLY
from pystack.netfilter.conntrack.tuples import ICMP_QUERIES
from pystack.netfilter.conntrack.verdict import Tracked
from pystack.netfilter.hooks import HookState
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
        if conn.tuple(0).dport >> 8 not in ICMP_QUERIES:
            return Tracked.INVALID
        self._context.refresh(conn, pkt, self._context.conf.icmp_timeout)
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
