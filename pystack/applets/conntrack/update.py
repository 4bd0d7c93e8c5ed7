"""`conntrack -U`: connections changed by hand.

Linux: conntrack-tools src/conntrack.c update_cb(), net/netfilter/nf_conntrack_netlink.c
ctnetlink_change_conntrack()
"""

from __future__ import annotations

from typing import Final

from pystack.applets.conntrack.create import SETTABLE, USER
from pystack.applets.conntrack.options import Options
from pystack.errors import EOPNOTSUPP, EPERM, NetError
from pystack.netfilter.conntrack.conn import Conn
from pystack.netfilter.conntrack.context import Event, TrackContext
from pystack.netfilter.conntrack.info import IPS_FIXED_TIMEOUT
from pystack.netfilter.conntrack.tcp_track import TcpTrack
from pystack.wire.ipv4 import IPPROTO_TCP

_TOLD: Final = Event.REPLY | Event.ASSURED | Event.HELPER | Event.PROTOINFO | Event.MARK | Event.SEQADJ


def change(conn: Conn, options: Options, context: TrackContext) -> bool:
    """Change one connection; False if nothing about it would be new. Raises NetError.

    The tool names a connection by tuples that lack a family unless it was given, or an address; then the
    kernel refuses.
    """
    track = _with_state(conn, options.state)
    mark = conn.mark & ~options.mark_mask ^ options.mark if "mark" in options.given else conn.mark
    status = conn.status | options.status & SETTABLE
    timeout = options.timeout if "timeout" in options.given else None
    lasts_as_asked = timeout in (None, context.left(conn) // context.clock.hz)
    if lasts_as_asked and (track, mark, status) == (conn.proto, conn.mark, conn.status):
        return False
    if not options.family:
        raise NetError(EOPNOTSUPP)
    if timeout is not None:
        if conn.status & IPS_FIXED_TIMEOUT:
            raise NetError(EPERM)
        conn.expires = context.clock.jiffies + timeout * context.clock.hz
    conn.status, conn.proto, conn.mark = status, track, mark
    context.tell(conn, _TOLD, USER)
    return True


def _with_state(conn: Conn, state: int | None) -> int | bytes:
    """What the protocol keeps, with another state. Linux: nlattr_to_tcp()"""
    if state is None or conn.protocol != IPPROTO_TCP or not isinstance(conn.proto, bytes):
        return conn.proto
    track = TcpTrack.unpack(conn.proto)
    track.state = state
    return track.pack()
