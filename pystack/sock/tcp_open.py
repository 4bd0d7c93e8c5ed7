"""How a connection opens: our SYN and what answers it, the peer's SYN that crosses ours, and the last ACK.

Linux: net/ipv4/tcp_output.c tcp_connect(), net/ipv4/tcp_input.c tcp_rcv_synsent_state_process()
"""

from __future__ import annotations

from typing import Final

from pystack.drop import TCP_FLAGS, TCP_RESET, TCP_RFC7323_PAWS, DropReason
from pystack.sock.tcp_ack import receive_ack
from pystack.sock.tcp_counts import TcpCounts
from pystack.sock.tcp_end import was_reset
from pystack.sock.tcp_output import push_pending, send_ack, shut_down_sending, transmit
from pystack.sock.tcp_reset import send_reset
from pystack.sock.tcp_segment import Piece, Segment
from pystack.sock.tcp_seq import MASK, after, before, between
from pystack.sock.tcp_sizes import advertised_mss, expand_sndbuf, sync_first_mss, sync_mss, way_of
from pystack.sock.tcp_sock import INITIAL_WINDOW, MSS_DEFAULT, RTO_INITIAL, SEND_SHUTDOWN, TcpSock
from pystack.sock.tcp_states import TcpEvent, TcpState
from pystack.sock.tcp_window import (
    LARGEST_WINDOW,
    InitialWindow,
    enter_quickack,
    init_buffer_space,
    initialize_rcv_mss,
    is_pingpong,
)
from pystack.wire import tcp
from pystack.wire.tcp_options import TIMESTAMP_ALIGNED

_SOON: Final = 0.008  # two ticks
_DELACK_MAX: Final = 0.2


def start(sk: TcpSock, isn: int) -> None:
    """Send the SYN. Linux: net/ipv4/tcp_output.c tcp_connect()"""
    route, _ = sk.way_to_peer()
    sysctl = sk.tcp.sysctl
    sk.mss_clamp = sk.user_mss or MSS_DEFAULT  # until the peer says more
    sk.max_window = sk.errors.pending = 0
    sk.counts = TcpCounts()
    sk.counts.begin_busy(sk.tcp.clock.jiffies)
    sync_first_mss(sk, route.mtu)
    sk.adv_mss = min(advertised_mss(route), sk.user_mss or LARGEST_WINDOW)
    initialize_rcv_mss(sk)
    wscale_ok = bool(sysctl.tcp_window_scaling)
    first = InitialWindow(sk, sk.adv_mss, wscale_ok=wscale_ok)
    sk.rcv_wnd = sk.rcv_ssthresh = first.window
    sk.rcv_wscale, sk.window_clamp = first.wscale, first.clamp
    sk.snd_wnd = sk.snd_wl1 = 0
    sk.snd_una = sk.small_end = sk.snd_nxt = isn
    sk.rcv_nxt = sk.rcv_wup = sk.copied_seq = 0
    sk.rto = RTO_INITIAL
    sk.retransmits = sk.backoff = 0
    syn = Piece(isn, b"", tcp.SYN)
    syn.sent_at = sk.out_since = sk.tcp.clock.now
    sk.rtx_queue.append(syn)
    sk.packets_out = 1
    transmit(sk, isn, tcp.SYN)
    sk.write_seq = sk.snd_nxt = sk.pushed_seq = syn.end_seq
    sk.tcp.stats.ActiveOpens += 1
    sk.arm(sk.rto)


def receive_in_syn_sent(sk: TcpSock, segment: Segment) -> DropReason | None:
    """Linux: net/ipv4/tcp_input.c tcp_rcv_synsent_state_process()"""
    flags = segment.flags
    if flags & tcp.ACK:
        if not _is_acceptable(sk, segment):
            send_reset(sk.context, segment)
            return TCP_FLAGS
        if flags & tcp.RST:
            was_reset(sk)
            return TCP_RESET
        if not flags & tcp.SYN:
            return TCP_FLAGS
        return _opened(sk, segment)
    if flags & tcp.RST:
        return TCP_RESET
    if _is_paws_reject(sk, segment):
        return TCP_RFC7323_PAWS
    if flags & tcp.SYN:
        return _crossed(sk, segment)
    return TCP_FLAGS


def _is_acceptable(sk: TcpSock, segment: Segment) -> bool:
    if not after(segment.ack, sk.snd_una) or after(segment.ack, sk.snd_nxt):
        if not sk.retransmits:
            sk.arm(_SOON)
        return False
    options = segment.options
    if options.tsval is None or not options.tsecr or not sk.tcp.sysctl.tcp_timestamps:
        return True
    echoed = options.tsecr - sk.ts_offset & MASK
    if between(echoed, int(sk.out_since * 1000) & MASK, sk.tcp.now_ms & MASK):
        return True
    sk.tcp.ext.PAWSActive += 1
    return False


def _is_paws_reject(sk: TcpSock, segment: Segment) -> bool:
    tsval = segment.options.tsval
    return bool(sk.ts_recent_stamp and tsval is not None and before(tsval, sk.ts_recent))


def _take_options(sk: TcpSock, segment: Segment) -> None:
    """What the peer's SYN says, as far as we said it too. Linux: tcp_parse_options()"""
    options, sysctl = segment.options, sk.tcp.sysctl
    if options.mss:
        sk.mss_clamp = min(options.mss, sk.user_mss or LARGEST_WINDOW)
    sk.sack_ok = options.sack_perm and bool(sysctl.tcp_sack)
    sk.wscale_ok = options.wscale is not None and bool(sysctl.tcp_window_scaling)
    sk.snd_wscale = (options.wscale or 0) if sk.wscale_ok else 0
    sk.ts_ok = options.tsval is not None and bool(sysctl.tcp_timestamps)
    if sk.ts_ok:
        sk.ts_recent, sk.ts_recent_stamp = options.tsval or 0, sk.tcp.clock.now or 1e-9


def _opened(sk: TcpSock, segment: Segment) -> DropReason | None:
    """The SYN-ACK to our SYN."""
    _take_options(sk, segment)
    sk.snd_wl1 = segment.seq
    receive_ack(sk, segment, replaces_ts=False)
    sk.rcv_nxt = sk.rcv_wup = sk.copied_seq = segment.seq + 1 & MASK
    sk.snd_wnd = segment.window
    if not sk.wscale_ok:
        sk.rcv_wscale = 0
        sk.window_clamp = min(sk.window_clamp, LARGEST_WINDOW)
    if sk.ts_ok:
        sk.adv_mss -= TIMESTAMP_ALIGNED
    sync_mss(sk, sk.pmtu)
    initialize_rcv_mss(sk)
    sk.become(TcpEvent.OPENED)
    sk.last_sent = sk.last_received = sk.tcp.clock.now
    init_transfer(sk)
    sk.on_event()
    if sk.state is not TcpState.ESTABLISHED:
        return None
    if sk.defer_accept or is_pingpong(sk):
        sk.ack_is_scheduled = True
        enter_quickack(sk)
        sk.ack_timer.set(_DELACK_MAX)
    else:
        send_ack(sk)
        push_pending(sk)
    return None


def _crossed(sk: TcpSock, segment: Segment) -> DropReason | None:
    """A SYN meets ours: both ends open at once (RFC 9293 section 3.5)."""
    sk.become(TcpEvent.SYN)
    _take_options(sk, segment)
    sk.rcv_nxt = sk.rcv_wup = sk.copied_seq = segment.seq + 1 & MASK
    sk.snd_wnd = sk.max_window = segment.window
    sk.snd_wl1 = segment.seq
    sync_mss(sk, sk.pmtu)
    initialize_rcv_mss(sk)
    syn = sk.rtx_queue[0]
    syn.flags |= tcp.ACK
    transmit(sk, syn.seq, syn.flags)
    return None


def open_connection(sk: TcpSock, segment: Segment) -> None:
    """The ACK of our SYN came, in SYN_RECV. Linux: tcp_rcv_state_process(), case TCP_SYN_RECV"""
    sk.counts.delivered += 1
    if sk.ts_ok:
        sk.adv_mss -= TIMESTAMP_ALIGNED
    sk.out_since = 0.0
    init_transfer(sk)
    sk.copied_seq = sk.rcv_nxt
    sk.become(TcpEvent.OPENED)
    sk.snd_una = segment.ack
    sk.snd_wnd = segment.window << sk.snd_wscale
    sk.snd_wl1 = segment.seq
    sk.last_sent = sk.tcp.clock.now
    initialize_rcv_mss(sk)
    sk.on_event()
    if sk.shutdown & SEND_SHUTDOWN:
        sk.become(TcpEvent.CLOSE)
        shut_down_sending(sk)


def init_transfer(sk: TcpSock) -> None:
    """Linux: net/ipv4/tcp_input.c tcp_init_transfer(), tcp_finish_connect()"""
    route = way_of(sk)
    metrics = {} if route is None or route.result is None else route.result.info.metrics
    sk.cwnd = 1 if sk.total_timeouts > 1 else metrics.get("initcwnd", INITIAL_WINDOW)
    init_buffer_space(sk)
    expand_sndbuf(sk)
    if sk.keepopen:
        sk.keepalive_timer.set(float(sk.keepidle or sk.tcp.sysctl.tcp_keepalive_time))
