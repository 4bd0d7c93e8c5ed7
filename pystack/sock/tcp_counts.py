"""What one connection has sent and received, and how long it was busy: only TCP_INFO and `ss -i` tell it."""

from __future__ import annotations

from typing import Final

_MIN_RTT_WINDOW: Final = 300.0  # net.ipv4.tcp_min_rtt_wlen


class TcpCounts:
    """Names are those of struct tcp_info. Linux: include/uapi/linux/tcp.h (RFC 4898)"""

    __slots__ = (
        "_busy_since",
        "_busy_ticks",
        "_limited_since",
        "_limited_ticks",
        "_min_rtt_at",
        "bytes_acked",
        "bytes_received",
        "bytes_retrans",
        "bytes_sent",
        "data_segs_in",
        "data_segs_out",
        "delivered",
        "dsack_dups",
        "is_busy",
        "is_limited",
        "min_rtt",
        "rcv_ooopack",
        "segs_in",
        "segs_out",
        "total_retrans",
    )

    def __init__(self) -> None:
        self.bytes_sent = self.bytes_retrans = self.bytes_acked = self.bytes_received = 0
        self.segs_out = self.segs_in = self.data_segs_out = self.data_segs_in = 0
        self.total_retrans = self.delivered = self.dsack_dups = self.rcv_ooopack = 0
        self.min_rtt = self._min_rtt_at = 0.0
        # How long something was under way or waited, and how long of this the peer had no room. In ticks.
        self.is_busy = self.is_limited = False
        self._busy_since = self._busy_ticks = self._limited_since = self._limited_ticks = 0

    def note_rtt(self, seconds: float, now: float) -> None:
        """The shortest round trip of late.

        Linux: net/ipv4/tcp_input.c tcp_update_rtt_min(). Linux differs: the second and third shortest ones
        follow when the shortest is old.
        """
        if not self.min_rtt or seconds <= self.min_rtt or now - self._min_rtt_at > _MIN_RTT_WINDOW:
            self.min_rtt, self._min_rtt_at = seconds, now

    # -- busy ----------------------------------------------------------------------------------------------

    def begin_busy(self, tick: int) -> None:
        """Something is to be sent. Linux: net/ipv4/tcp_output.c tcp_chrono_start()"""
        self.is_busy, self._busy_since = True, tick

    def end_busy(self, tick: int) -> None:
        """All has arrived. Linux: net/ipv4/tcp_output.c tcp_chrono_stop()"""
        self._busy_ticks += tick - self._busy_since
        self.is_busy = False
        if self.is_limited:
            self.turn_limited(tick)

    def turn_limited(self, tick: int) -> None:
        """The peer's window holds us up, or no longer."""
        if self.is_limited:
            self._limited_ticks += tick - self._limited_since
        self.is_limited, self._limited_since = not self.is_limited, tick

    def busy_ticks(self, tick: int) -> int:
        """Linux: net/ipv4/tcp.c tcp_get_info_chrono_stats()"""
        return self._busy_ticks + (tick - self._busy_since if self.is_busy else 0)

    def limited_ticks(self, tick: int) -> int:
        """Of these, those in which the peer had no room."""
        return self._limited_ticks + (tick - self._limited_since if self.is_limited else 0)
