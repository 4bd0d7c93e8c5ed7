"""How large the receive buffer should be: twice what the program reads in a round trip, more while it grows.

Linux: net/ipv4/tcp_input.c tcp_rcv_space_adjust(), tcp_rcv_rtt_measure()
"""

from __future__ import annotations

from pystack.sock.tcp_segment import Segment
from pystack.sock.tcp_seq import MASK, before, distance
from pystack.sock.tcp_sock import TcpSock
from pystack.sock.tcp_window import set_window_clamp, space_from_win, win_from_space

_SHORTEST = 1e-6


def measure_by_window(sk: TcpSock) -> None:
    """A round trip has passed at the latest when what we allowed then is all there."""
    now = sk.tcp.clock.now
    if sk.rtt_window_since:
        if before(sk.rcv_nxt, sk.rtt_window_end):
            return
        _note(sk, now - sk.rtt_window_since, is_bound=True)
    sk.rtt_window_end = sk.rcv_nxt + sk.rcv_wnd & MASK
    sk.rtt_window_since = now


def measure_by_timestamp(sk: TcpSock, segment: Segment) -> None:
    """The peer echoes when we sent what it answers."""
    options = segment.options
    if not sk.ts_ok or options.tsval is None or options.tsecr == sk.rtt_tsecr:
        return
    sk.rtt_tsecr = options.tsecr
    if len(segment.payload) < sk.rcv_mss:
        return
    passed = distance(options.tsecr - sk.ts_offset & MASK, sk.tcp.now_ms & MASK)
    if passed < 1 << 31:
        _note(sk, max(passed / 1000, _SHORTEST), is_bound=False)


def _note(sk: TcpSock, seconds: float, *, is_bound: bool) -> None:
    """Linux: net/ipv4/tcp_input.c tcp_rcv_rtt_update()"""
    seconds = max(seconds, _SHORTEST)
    if not sk.rcv_rtt:
        sk.rcv_rtt = seconds
    elif not is_bound:
        sk.rcv_rtt += (seconds - sk.rcv_rtt) / 8
    else:
        sk.rcv_rtt = min(sk.rcv_rtt, seconds)


def adjust(sk: TcpSock) -> None:
    """The program has read: let the buffer follow."""
    now = sk.tcp.clock.now
    if not sk.rcv_rtt or now - sk.space_since < sk.rcv_rtt:
        return
    copied = distance(sk.space_seq, sk.copied_seq) - sk.rcvq_length
    if copied > sk.space:
        _grow(sk, copied)
    sk.space_seq, sk.space_since = sk.copied_seq, now


def _grow(sk: TcpSock, copied: int) -> None:
    """Linux: net/ipv4/tcp_input.c tcp_rcvbuf_grow()"""
    old, sk.space = sk.space, copied
    sysctl = sk.tcp.sysctl
    if not sysctl.tcp_moderate_rcvbuf or sk.rcvbuf_is_locked:
        return
    window = 2 * copied
    window += 2 * (window * (copied - old) // max(old, 1))
    if sk.ooo:
        window += distance(sk.rcv_nxt, sk.ooo[-1].end_seq)
    rcvbuf = min(space_from_win(sk, window), sysctl.tcp_rmem[2])
    if rcvbuf > sk.rcvbuf:
        sk.rcvbuf = rcvbuf
        set_window_clamp(sk, win_from_space(sk, rcvbuf))
