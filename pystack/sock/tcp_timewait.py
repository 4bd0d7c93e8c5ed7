"""What is left of a connection: it answers for a while, so that late segments meet no later connection.

Linux: net/ipv4/tcp_minisocks.c tcp_timewait_state_process()
"""

from __future__ import annotations

from typing import Final, Protocol

from pystack.counters import TcpExtStats
from pystack.drop import TCP_RFC7323_PAWS, TCP_TIMEWAIT, DropReason
from pystack.sock.tcp_context import Endpoint, TcpContext
from pystack.sock.tcp_reset import send_ack, send_reset
from pystack.sock.tcp_segment import Segment
from pystack.sock.tcp_seq import MASK, after, before, in_window
from pystack.sock.tcp_sock import TcpSock
from pystack.sock.tcp_states import TcpEvent, TcpState, next_state
from pystack.sock.tcp_window import LARGEST_WINDOW, receive_window
from pystack.timers import Timer
from pystack.wire import tcp
from pystack.wire.tcp_options import build

TIMEWAIT_LENGTH: Final = 60.0
PAWS_24_DAYS: Final = 24 * 86400.0
_SOON_OVER: Final = 4.0
_ISN_STEP: Final = 65535 + 2


class TimeWait(Endpoint):
    """Linux: include/linux/tcp.h struct tcp_timewait_sock"""

    __slots__ = (
        "cookie",
        "daddr",
        "dport",
        "ifindex",
        "key",
        "last_oow_ack",
        "num",
        "rcv_nxt",
        "rcv_saddr",
        "rcv_window",
        "rcv_wscale",
        "reuse",
        "reuseport",
        "snd_nxt",
        "state",
        "tcp",
        "timer",
        "tos",
        "ts_offset",
        "ts_recent",
        "ts_recent_stamp",
    )
    port_is_bound = False

    def __init__(self, sk: TcpSock, state: TcpState, seconds: float) -> None:
        self.tcp: TcpContext = sk.tcp
        self.key = sk.key
        self.cookie = sk.cookie
        self.state = state  # FIN_WAIT2 or TIME_WAIT
        self.rcv_saddr, self.num = sk.rcv_saddr, sk.num
        self.daddr, self.dport = sk.daddr, sk.dport
        self.ifindex, self.reuse, self.reuseport = sk.ifindex, sk.reuse, sk.reuseport
        self.rcv_nxt, self.snd_nxt = sk.rcv_nxt, sk.snd_nxt
        self.rcv_window, self.rcv_wscale = receive_window(sk), sk.rcv_wscale
        self.tos = sk.tos
        self.ts_offset, self.ts_recent = sk.ts_offset, sk.ts_recent
        self.ts_recent_stamp = sk.ts_recent_stamp
        self.last_oow_ack = sk.last_oow_ack
        least = sk.rto * 3.5
        wait = TIMEWAIT_LENGTH if state is TcpState.TIME_WAIT else max(seconds, least)
        self.tcp.time_waits += 1
        if wait > _SOON_OVER:
            self.tcp.ext.TW += 1
        else:
            self.tcp.ext.TWKilled += 1
        self.tcp.connections[self.key] = self
        self.tcp.ports.hold(self, sk.num)
        self.timer: Timer = self.tcp.timers.after(wait, self._leave)

    def kill(self) -> None:
        """End before the time. Linux: inet_twsk_deschedule_put()"""
        self.timer.cancel()
        self._leave()

    def vanish(self) -> None:
        self.kill()

    def _leave(self) -> None:
        self.state = next_state(self.state, TcpEvent.END)
        self.tcp.time_waits -= 1
        if self.tcp.connections.get(self.key) is self:
            del self.tcp.connections[self.key]
        self.tcp.ports.release(self)

    def _restart(self) -> None:
        self.timer.cancel()
        self.timer = self.tcp.timers.after(TIMEWAIT_LENGTH, self._leave)

    # -- segments ------------------------------------------------------------------------------------------

    def receive(self, segment: Segment) -> DropReason | None:
        if self.state is TcpState.FIN_WAIT2:
            return self._in_fin_wait2(segment)
        return self._in_time_wait(segment)

    def _is_old(self, segment: Segment) -> bool:
        """Linux: include/net/tcp.h tcp_paws_reject()"""
        tsval = segment.options.tsval
        if tsval is None or not self.ts_recent_stamp or not before(tsval, self.ts_recent):
            return False
        age = self.tcp.clock.now - self.ts_recent_stamp
        return not (segment.flags & tcp.RST and age >= TIMEWAIT_LENGTH) and age < PAWS_24_DAYS

    def _learn(self, segment: Segment) -> None:
        if segment.options.tsval is not None and self.ts_recent_stamp:
            self.ts_recent, self.ts_recent_stamp = segment.options.tsval, self.tcp.clock.now or 1e-9

    def _in_fin_wait2(self, segment: Segment) -> DropReason | None:
        """The program has closed, the peer has not yet."""
        seq, end_seq, flags = segment.seq, segment.end_seq, segment.flags
        window_end = self.rcv_nxt + self.rcv_window & MASK
        if self._is_old(segment) or not in_window(seq, end_seq, self.rcv_nxt, window_end):
            return self._answer(segment, "TCPACKSkippedFinWait2")
        if flags & tcp.RST:
            self.kill()
            return None
        if flags & tcp.SYN and not before(seq, self.rcv_nxt):
            return self._reset(segment)
        if not flags & tcp.ACK or not after(end_seq, self.rcv_nxt) or end_seq == seq:
            return None
        if not flags & tcp.FIN or end_seq != self.rcv_nxt + 1 & MASK:
            return self._reset(segment)
        self.state = next_state(self.state, TcpEvent.FIN)
        self.rcv_nxt = end_seq
        self._learn(segment)
        self._restart()
        self._ack(segment)
        return None

    def _in_time_wait(self, segment: Segment) -> DropReason | None:
        seq, flags = segment.seq, segment.flags
        is_old = self._is_old(segment)
        if not is_old and seq == self.rcv_nxt and (seq == segment.end_seq or flags & tcp.RST):
            if flags & tcp.RST and not self.tcp.sysctl.tcp_rfc1337:
                self.kill()
                return None
            self._restart()
            self._learn(segment)
            return None
        if flags & tcp.SYN and not flags & (tcp.RST | tcp.ACK) and not is_old and self._may_begin(segment):
            isn = self.snd_nxt + _ISN_STEP & MASK or 1
            if self.tcp.begin_again(segment, isn):
                return None
        if is_old:
            self.tcp.ext.PAWSTimewait += 1
        if not flags & tcp.RST:
            if is_old or flags & tcp.ACK:
                self._restart()
            return self._answer(segment, "TCPACKSkippedTimeWait")
        return TCP_TIMEWAIT

    def _may_begin(self, segment: Segment) -> bool:
        """Whether a SYN cannot be a late one of the old connection."""
        tsval = segment.options.tsval
        is_later = self.ts_recent_stamp and tsval is not None and before(self.ts_recent, tsval)
        return after(segment.seq, self.rcv_nxt) or bool(is_later)

    def _reset(self, segment: Segment) -> DropReason | None:
        send_reset(self.tcp.context, segment)
        self.kill()
        return TCP_TIMEWAIT

    def _answer(self, segment: Segment, skipped: str) -> DropReason | None:
        """An ACK, if not one too many. Linux: tcp_timewait_check_oow_rate_limit()"""
        if not is_rate_limited(self, segment, skipped):
            self._ack(segment)
        return TCP_RFC7323_PAWS if self._is_old(segment) else TCP_TIMEWAIT

    def _ack(self, segment: Segment) -> None:
        """Linux: net/ipv4/tcp_ipv4.c tcp_v4_timewait_ack()"""
        tsval = self.tcp.now_ms + self.ts_offset & MASK if self.ts_recent else None
        options = build(tsval, self.ts_recent, [])
        window = self.rcv_window >> self.rcv_wscale & LARGEST_WINDOW  # of a larger one the low bits
        send_ack(self.tcp.context, segment, self.snd_nxt, self.rcv_nxt, window, options, self.tos)


class Limited(Protocol):
    """Somebody who answers what is out of its window."""

    tcp: TcpContext
    last_oow_ack: float


def is_rate_limited(end: Limited, segment: Segment, skipped: str) -> bool:
    """Whether an ACK for what is out of the window would be one too many: two ends must not play ball.

    Linux: net/ipv4/tcp_input.c tcp_oow_rate_limited()
    """
    if segment.payload and not segment.flags & tcp.SYN:
        return False
    return is_too_soon(end, skipped)


def is_too_soon(end: Limited, skipped: str) -> bool:
    """Linux: net/ipv4/tcp_input.c __tcp_oow_rate_limited()"""
    now, limit = end.tcp.clock.now, end.tcp.sysctl.tcp_invalid_ratelimit / 1000
    if 0 <= now - end.last_oow_ack < limit:
        ext: TcpExtStats = end.tcp.ext
        setattr(ext, skipped, getattr(ext, skipped) + 1)
        return True
    end.last_oow_ack = now
    return False
