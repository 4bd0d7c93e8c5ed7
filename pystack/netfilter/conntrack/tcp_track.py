"""What is remembered of a TCP connection: how far each side has sent, and may send.

It is kept as octets: as objects it would take six times as much. Only of connections that are busy it stays
taken apart.
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from pystack.netfilter.conntrack.conn import Conn, Unpacked

# Of a side. Linux: include/uapi/linux/netfilter/nf_conntrack_tcp.h IP_CT_TCP_FLAG_*
WINDOW_SCALE: Final = 0x01
SACK_PERM: Final = 0x02
CLOSE_INIT: Final = 0x04
BE_LIBERAL: Final = 0x08
DATA_UNACKNOWLEDGED: Final = 0x10
MAXACK_SET: Final = 0x20
# Of `last_flags` only.
EXP_CHALLENGE_ACK: Final = 0x40
SIMULTANEOUS_OPEN: Final = 0x80

_LAYOUT: Final = Struct("=IIIIBB IIIIBB BBBBBBHIII")


class Side:
    """One of the two. Linux: struct ip_ct_tcp_state"""

    __slots__ = ("end", "flags", "max_ack", "max_end", "max_window", "scale")

    def __init__(
        self,
        end: int = 0,
        max_end: int = 0,
        max_window: int = 0,
        max_ack: int = 0,
        scale: int = 0,
        flags: int = 0,
    ) -> None:
        self.end = end  # the highest sequence number it has sent, plus one
        self.max_end = max_end  # how far it may send: what the other one acknowledged, plus its window
        self.max_window = max_window  # the largest window it has offered; 0: nothing was seen of it
        self.max_ack = max_ack  # the highest acknowledgement it has sent
        self.scale = scale
        self.flags = flags

    def reset(self) -> None:
        """Nothing is known. Linux: nf_ct_tcp_state_reset()"""
        self.end = self.max_end = self.max_window = self.max_ack = self.scale = 0
        self.flags &= BE_LIBERAL


class TcpTrack(Unpacked):
    """Both sides, and the segment that came last. Linux: struct ip_ct_tcp"""

    __slots__ = (
        "last_ack",
        "last_dir",
        "last_end",
        "last_flags",
        "last_kind",
        "last_scale",
        "last_seq",
        "last_window",
        "retransmissions",
        "sides",
        "state",
    )

    def __init__(self) -> None:
        self.sides = (Side(), Side())
        self.state = 0
        self.last_dir = 0
        self.last_kind = 0
        self.last_scale = 0
        self.last_flags = 0
        self.retransmissions = 0
        self.last_window = 0
        self.last_seq = 0
        self.last_ack = 0
        self.last_end = 0

    def pack(self) -> bytes:
        """As it is kept."""
        opener, other = self.sides
        return _LAYOUT.pack(
            opener.end,
            opener.max_end,
            opener.max_window,
            opener.max_ack,
            opener.scale,
            opener.flags,
            other.end,
            other.max_end,
            other.max_window,
            other.max_ack,
            other.scale,
            other.flags,
            self.state,
            self.last_dir,
            self.last_kind,
            self.last_scale,
            self.last_flags,
            self.retransmissions,
            self.last_window,
            self.last_seq,
            self.last_ack,
            self.last_end,
        )

    @classmethod
    def unpack(cls, octets: bytes) -> TcpTrack:
        """What pack() gave."""
        fields = _LAYOUT.unpack(octets)
        track = cls.__new__(cls)
        track.sides = Side(*fields[:6]), Side(*fields[6:12])
        (
            track.state,
            track.last_dir,
            track.last_kind,
            track.last_scale,
            track.last_flags,
            track.retransmissions,
            track.last_window,
            track.last_seq,
            track.last_ack,
            track.last_end,
        ) = fields[12:]
        return track


def track_of(conn: Conn) -> TcpTrack:
    """What is known of a connection. Changes count only if they are packed up, or its tracker's own."""
    kept = conn.kept
    if isinstance(kept, TcpTrack):
        return kept
    assert isinstance(kept, bytes), "a TCP connection keeps a TcpTrack"
    return TcpTrack.unpack(kept)


_STATE_AT: Final = Struct("=IIIIBB IIIIBB").size


def state_of(octets: bytes) -> int:
    """Only the state of what pack() gave."""
    return octets[_STATE_AT]
