"""A connection at one moment, as it is told outside: by an applet, by an event, by a kernel's netlink."""

from __future__ import annotations

from dataclasses import dataclass

from pystack.netfilter.conntrack.conn import (
    ZONE_DIR_BOTH,
    Conn,
)
from pystack.netfilter.conntrack.context import TrackContext
from pystack.netfilter.conntrack.helper import helper_name
from pystack.netfilter.conntrack.info import IPS_DYING, ORIGINAL, REPLY
from pystack.netfilter.conntrack.tcp_track import track_of
from pystack.netfilter.conntrack.tuples import Tuple
from pystack.wire.ipv4 import IPPROTO_TCP

Pair = tuple[int, int]


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What there is to tell."""

    original: Tuple  # in these two a zone is one that counts in that direction only
    reply: Tuple
    status: int
    timeout: int  # seconds
    mark: int = 0
    id: int = 0
    state: int | None = None  # of TCP or SCTP
    scales: Pair = (0, 0)  # of TCP's windows, by direction, as their flags
    flags: Pair = (0, 0)
    zone: int = 0
    counters: tuple[Pair, Pair] | None = None  # packets and octets, by direction
    started: float | None = None  # on the calendar, with nf_conntrack_timestamp
    stopped: float | None = None
    now: float = 0.0
    helper: str = ""

    @property
    def age(self) -> int | None:
        """Seconds since it began."""
        if self.started is None:
            return None
        return max(0, int((self.now if self.stopped is None else self.stopped) - self.started))


def snapshot(conn: Conn, context: TrackContext) -> Snapshot:
    """A connection of ours now."""
    state, scales, flags = _protocol_state(conn)
    zone, extension = conn.zone, conn.extension
    both = zone.number if zone.dirs == ZONE_DIR_BOTH else 0
    original, reply = conn.tuple(ORIGINAL), conn.tuple(REPLY)
    if both:
        original, reply = original._replace(zone=0), reply._replace(zone=0)
    counters, started = None, None
    if extension is not None and extension.accounted:
        packets, octets = extension.packets, extension.octets
        counters = (packets[0], octets[0]), (packets[1], octets[1])
    if extension is not None:
        started = extension.started
    return Snapshot(
        original,
        reply,
        conn.status,
        context.left(conn) // context.clock.hz,
        conn.mark,
        conn.id,
        state,
        scales,
        flags,
        both,
        counters,
        started,
        context.clock.wall if conn.status & IPS_DYING else None,
        context.clock.wall,
        helper_name(conn),
    )


def _protocol_state(conn: Conn) -> tuple[int | None, Pair, Pair]:
    if not isinstance(conn.proto, bytes):
        return None, (0, 0), (0, 0)
    if conn.protocol != IPPROTO_TCP:
        return conn.proto[0], (0, 0), (0, 0)
    track = track_of(conn)
    one, other = track.sides
    return track.state, (one.scale, other.scale), (one.flags, other.flags)
