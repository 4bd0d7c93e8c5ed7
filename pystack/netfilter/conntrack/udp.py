"""Tracking of UDP and UDP-Lite: a flow becomes a stream once both sides have talked for two seconds.

Linux: net/netfilter/nf_conntrack_proto_udp.c
"""

from __future__ import annotations

from typing import Final

from pystack.netfilter.conntrack.conn import Conn
from pystack.netfilter.conntrack.context import Event, TrackContext
from pystack.netfilter.conntrack.info import IPS_ASSURED, IPS_CONFIRMED, IPS_NAT_CLASH, IPS_SEEN_REPLY
from pystack.netfilter.conntrack.tuples import IPPROTO_UDPLITE
from pystack.netfilter.conntrack.verdict import FITS, Tracked
from pystack.netfilter.hooks import HookState
from pystack.packet import Packet
from pystack.wire.udp import HEADER, HEADER_LENGTH

_STREAM_AFTER: Final = 2  # seconds


class UdpTracker:
    """Linux: nf_conntrack_l4proto_udp; `conn.kept` is from when on it is a stream"""

    allow_clash = True

    def __init__(self, context: TrackContext) -> None:
        self._context = context

    def packet(self, conn: Conn, pkt: Packet, transport: int, state: HookState) -> Tracked:
        """Linux: nf_conntrack_udp_packet()"""
        context = self._context
        conf = context.conf if conn.extension is None else context.times_of(conn)
        fault = self._fault(pkt, transport, state, conn.protocol)
        if fault is not None:
            context.invalid(pkt, state, conn.protocol, fault)
            return Tracked.INVALID
        if not conn.status & IPS_CONFIRMED:
            conn.kept = context.clock.jiffies + _STREAM_AFTER * context.clock.hz
        if not conn.status & IPS_SEEN_REPLY:
            context.refresh(conn, pkt, conf.udp_timeout)
            return FITS
        assert isinstance(conn.kept, int), "a UDP flow keeps a time"
        streams = context.clock.jiffies > conn.kept
        context.refresh(conn, pkt, conf.udp_timeout_stream if streams else conf.udp_timeout)
        if streams and not conn.status & (IPS_ASSURED | IPS_NAT_CLASH):
            conn.status |= IPS_ASSURED
            context.note(conn, Event.ASSURED)
        return FITS

    def can_early_drop(self, conn: Conn) -> bool:
        """A stream is not given up."""
        return False

    def _fault(self, pkt: Packet, transport: int, state: HookState, protocol: int) -> str | None:
        """Linux: udp_error(), udplite_error()"""
        available = len(pkt.data) - transport
        if available < HEADER_LENGTH:
            return "short packet"
        _, _, length, check = HEADER.unpack_from(pkt.data, transport)
        if protocol == IPPROTO_UDPLITE:
            return self._udplite_fault(pkt, state, length or available, available, check)
        if length > available or length < HEADER_LENGTH:
            return "truncated/malformed packet"
        if check and self._context.has_bad_checksum(pkt, state):
            return "bad checksum"
        return None

    def _udplite_fault(
        self, pkt: Packet, state: HookState, covered: int, available: int, check: int
    ) -> str | None:
        """Linux: udplite_error()"""
        if not HEADER_LENGTH <= covered <= available:
            return "invalid checksum coverage"
        if not check:
            return "checksum missing"
        return "bad checksum" if self._context.has_bad_checksum(pkt, state, covered) else None
