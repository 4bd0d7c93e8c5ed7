"""Segments on their way out: what may be sent now, in which pieces, and the headers around it.

Linux: net/ipv4/tcp_output.c
"""

from __future__ import annotations

from collections import deque
from typing import Final

from pystack.packet import Packet
from pystack.sock.inet import IP_PMTUDISC_DO, IP_PMTUDISC_WANT
from pystack.sock.tcp_segment import Piece
from pystack.sock.tcp_seq import MASK, after, before, distance
from pystack.sock.tcp_sizes import (
    GSO_MAX_SIZE,
    advertised_mss,
    current_mss,
    octets_of_sacks,
    sacks_to_tell,
    way_of,
)
from pystack.sock.tcp_sock import ATO_MIN, CaState, TcpSock
from pystack.sock.tcp_states import TcpState
from pystack.sock.tcp_window import select_window
from pystack.wire import tcp
from pystack.wire.checksum import Buffer
from pystack.wire.ipv4 import IP_DF, IPPROTO_TCP, Ipv4Header
from pystack.wire.tcp import TcpHeader
from pystack.wire.tcp_options import build, build_syn

RESOURCE_PROBE_INTERVAL: Final = 0.5

# How Nagle's algorithm is overridden. Linux: include/net/tcp.h TCP_NAGLE_*
NAGLE_OFF: Final = 1
NAGLE_CORK: Final = 2
NAGLE_PUSH: Final = 4


def window_end(sk: TcpSock) -> int:
    """Linux: include/net/tcp.h tcp_wnd_end()"""
    return sk.snd_una + sk.snd_wnd & MASK


# -- one segment -------------------------------------------------------------------------------------------


def transmit(sk: TcpSock, seq: int, flags: int, payload: Buffer = b"") -> bool:
    """Send a segment; False if it cannot leave. Linux: net/ipv4/tcp_output.c __tcp_transmit_skb()"""
    if way_of(sk) is None:
        return False
    length, mss = len(payload), max(sk.mss - octets_of_sacks(sk), 1)
    segments = (length + mss - 1) // mss if length > mss else 1
    if segments > 1:
        flags |= tcp.PSH
    window = min(sk.rcv_wnd, 0xFFFF) if flags & tcp.SYN else select_window(sk)
    header = TcpHeader(
        sk.num,
        sk.dport,
        seq=seq,
        ack=sk.rcv_nxt if flags & tcp.ACK else 0,
        flags=flags,
        window=window,
        options=syn_options(sk) if flags & tcp.SYN else established_options(sk),
    )
    pkt = _wrap(sk, header, payload, segments, mss)
    if flags & tcp.ACK:
        _ack_was_sent(sk)
    counts = sk.counts
    counts.segs_out += segments
    if length:
        counts.data_segs_out += segments
        counts.bytes_sent += length
        _data_was_sent(sk)
    if not length or not before(seq, sk.snd_nxt):
        sk.tcp.stats.OutSegs += segments
    sk.context.output.ip_local_out(pkt)
    return True


def _wrap(sk: TcpSock, header: TcpHeader, payload: Buffer, segments: int, mss: int) -> Packet:
    """A packet around a segment. Linux: net/ipv4/ip_output.c __ip_queue_xmit()"""
    route, flow = sk.way_to_peer()
    output = sk.context.output
    ident, sk._ident = sk._ident, (sk._ident + segments) & 0xFFFF
    learns = sk.pmtudisc == IP_PMTUDISC_WANT and not route.is_mtu_locked
    df = IP_DF if learns or sk.pmtudisc == IP_PMTUDISC_DO else 0
    ttl = sk.ttl or output.ttl_for(route)
    own = Ipv4Header(flow.saddr, flow.daddr, IPPROTO_TCP, ttl=ttl, tos=sk.tos, id=ident, frag_off=df)
    pkt = output.build(own, tcp.build_unfinished(header, payload, flow.saddr, flow.daddr), route)
    pkt.offload = tcp.offload(pkt.transport_header, header, mss, len(payload))
    pkt.sock, pkt.mark = sk, sk.mark
    return pkt


def syn_options(sk: TcpSock) -> bytes:
    """Linux: net/ipv4/tcp_output.c tcp_syn_options()"""
    sysctl, timestamps = sk.tcp.sysctl, None
    if sysctl.tcp_timestamps:
        timestamps = sk.tcp.now_ms + sk.ts_offset & MASK, sk.ts_recent
    wscale = sk.rcv_wscale if sysctl.tcp_window_scaling else None
    route = way_of(sk)
    if route is not None:
        sk.adv_mss = min(sk.adv_mss, advertised_mss(route))
    return build_syn(sk.adv_mss, timestamps, bool(sysctl.tcp_sack), wscale)


def established_options(sk: TcpSock) -> bytes:
    """Linux: net/ipv4/tcp_output.c tcp_established_options()"""
    tsval = sk.tcp.now_ms + sk.ts_offset & MASK if sk.ts_ok else None
    blocks = sacks_to_tell(sk)
    sk.dsack = None
    return build(tsval, sk.ts_recent, blocks)


def _ack_was_sent(sk: TcpSock) -> None:
    """Linux: net/ipv4/tcp_output.c tcp_event_ack_sent(), include/net/tcp.h tcp_dec_quickack_mode()"""
    if sk.quick:
        used = 1 if sk.ack_is_scheduled else 0
        if used >= sk.quick:
            sk.quick = 0
            sk.ato = ATO_MIN
        else:
            sk.quick -= used
    if sk.compressed:
        sk.tcp.ext.TCPAckCompressed += sk.compressed
        sk.compressed = 0
    sk.ack_is_scheduled = sk.ack_now = sk.ack_pushed = sk.ack_pushed_twice = False
    sk.ack_timer.stop()


def _data_was_sent(sk: TcpSock) -> None:
    """Linux: net/ipv4/tcp_output.c tcp_event_data_sent()"""
    now = sk.tcp.clock.now
    if not sk.packets_out:
        _restart_window(sk, now)
    sk.last_sent = now
    if now - sk.last_received < sk.ato and sk.pingpong < 255:
        sk.pingpong += 1


def _restart_window(sk: TcpSock, now: float) -> None:
    """A connection that was idle begins slowly again. Linux: tcp_slow_start_after_idle_check()"""
    idle = now - sk.last_sent
    if not sk.tcp.sysctl.tcp_slow_start_after_idle or idle <= sk.rto:
        return
    restart = min(10, sk.cwnd)
    sk.ssthresh = max(sk.ssthresh, (sk.cwnd >> 1) + (sk.cwnd >> 2))
    while idle > sk.rto and sk.cwnd > restart:
        idle -= sk.rto
        sk.cwnd >>= 1
    sk.cwnd = max(sk.cwnd, restart)


def acceptable_seq(sk: TcpSock) -> int:
    """A number that the peer takes. Linux: net/ipv4/tcp_output.c tcp_acceptable_seq()"""
    end = window_end(sk)
    beyond = distance(end, sk.snd_nxt)
    if not before(end, sk.snd_nxt) or (sk.wscale_ok and beyond < 1 << sk.rcv_wscale):
        return sk.snd_nxt
    return end


def send_ack(sk: TcpSock) -> None:
    """Linux: net/ipv4/tcp_output.c tcp_send_ack()"""
    if sk.state is not TcpState.CLOSE:
        transmit(sk, acceptable_seq(sk), tcp.ACK)


def send_reset(sk: TcpSock) -> None:
    """End the connection for the peer too. Linux: net/ipv4/tcp_output.c tcp_send_active_reset()"""
    sk.tcp.stats.OutRsts += 1
    transmit(sk, acceptable_seq(sk), tcp.ACK | tcp.RST)


def probe(sk: TcpSock, *, urgent: bool = False) -> bool:
    """A segment that the peer must answer. Linux: net/ipv4/tcp_output.c tcp_xmit_probe_skb()"""
    return transmit(sk, sk.snd_una - (not urgent) & MASK, tcp.ACK)


# -- the stream --------------------------------------------------------------------------------------------


def nagle_of(sk: TcpSock) -> int:
    """What the program asked for."""
    return (NAGLE_OFF if sk.nodelay else 0) | (NAGLE_CORK if sk.cork else 0)


def push_pending(sk: TcpSock, nonagle: int | None = None) -> None:
    """Send what may be sent; watch a closed window. Linux: __tcp_push_pending_frames()"""
    if not sk.write_queue or sk.state is TcpState.CLOSE:
        return
    if not sk.counts.is_busy:
        sk.counts.begin_busy(sk.tcp.clock.jiffies)
    wanted = nagle_of(sk) if nonagle is None else nonagle
    mss = current_mss(sk)
    if write_xmit(sk, mss, wanted):
        check_probe_timer(sk)
    if (bool(sk.write_queue) and _waits_for_window(sk, mss)) is not sk.counts.is_limited:
        sk.counts.turn_limited(sk.tcp.clock.jiffies)


def _waits_for_window(sk: TcpSock, mss: int) -> bool:
    """Whether the peer has no room for the next segment. Linux: net/ipv4/tcp_output.c tcp_snd_wnd_test()"""
    head = sk.write_queue[0]
    return after(head.seq + mss & MASK if len(head.data) > mss else head.end_seq, window_end(sk))


def check_probe_timer(sk: TcpSock) -> None:
    """Linux: include/net/tcp.h tcp_check_probe_timer()"""
    if not sk.packets_out and not sk.retransmit_timer.pending:
        sk.arm(probe_base(sk), probe=True)


def probe_base(sk: TcpSock) -> float:
    """Linux: include/net/tcp.h tcp_probe0_base()"""
    return max(sk.rto, sk.tcp.sysctl.tcp_rto_min_us / 1e6)


def write_xmit(sk: TcpSock, mss: int, nonagle: int, *, only_one: bool = False) -> bool:
    """Send pieces while both windows allow; True if something waits though nothing is under way.

    Linux: net/ipv4/tcp_output.c tcp_write_xmit()
    """
    queue, sent = sk.write_queue, 0
    limit_segments = max(GSO_MAX_SIZE // mss, 1)
    is_cwnd_limited = False
    while queue:
        quota = cwnd_quota(sk)
        if not quota:
            is_cwnd_limited = True
            break
        piece = queue[0]
        _grow(queue, piece, min(quota, limit_segments) * mss)
        length = len(piece.data)
        segments = (length + mss - 1) // mss if length > mss else 1
        if after(piece.seq + min(length, mss) & MASK if length > mss else piece.end_seq, window_end(sk)):
            break
        is_last = len(queue) == 1
        if segments == 1:
            if not _may_go(sk, piece, mss, nonagle if is_last else NAGLE_PUSH):
                break
        elif not only_one and _should_defer(sk, piece, mss, limit_segments, is_last):
            break
        if segments > 1:
            at = _split_point(sk, piece, mss, min(quota, limit_segments), nonagle, is_last)
            if length > at:
                queue.insert(1, piece.split(at))
        sent += send_new(sk, piece, mss)
        if only_one:
            break
    if sent:
        _note_use(sk, is_cwnd_limited or sk.in_flight >= sk.cwnd)
        return False
    return bool(queue) and not sk.packets_out


def _grow(queue: deque[Piece], piece: Piece, full: int) -> None:
    """Fill the first piece from the second one. Linux: net/ipv4/tcp_output.c tcp_grow_skb()"""
    missing = full - len(piece.data)
    if missing <= 0 or len(queue) == 1:
        return
    following = queue[1]
    rest = following.split(min(missing, len(following.data))) if missing < len(following.data) else None
    piece.data = bytes(piece.data) + bytes(following.data)
    piece.end_seq = following.end_seq
    piece.flags |= following.flags & (tcp.FIN | tcp.PSH)
    del queue[1]
    if rest is not None:
        queue.insert(1, rest)


def send_new(sk: TcpSock, piece: Piece, mss: int) -> int:
    """The first piece that waits goes; how many segments it is. Linux: tcp_event_new_data_sent()"""
    length = len(piece.data)
    piece.segments = segments = (length + mss - 1) // mss if length > mss else 1
    piece.sent_at, piece.mss = sk.tcp.clock.now, mss
    sk.write_queue.popleft()
    transmit(sk, piece.seq, piece.flags, piece.data)
    if length < segments * mss:
        sk.small_end = piece.end_seq
    sk.snd_nxt = piece.end_seq
    had = sk.packets_out
    sk.packets_out += segments
    sk.rtx_queue.append(piece)
    sk.tcp.ext.TCPOrigDataSent += segments
    if not had or sk.timer_is_probe or not sk.retransmit_timer.pending:
        sk.arm(sk.rto)
    return segments


def cwnd_quota(sk: TcpSock) -> int:
    """How many segments the network may take now. Linux: tcp_cwnd_test()"""
    in_flight = sk.in_flight
    if in_flight >= sk.cwnd:
        return 0
    return min(max(sk.cwnd >> 1, 1), sk.cwnd - in_flight)


def _note_use(sk: TcpSock, is_limited: bool) -> None:
    """Linux: net/ipv4/tcp_output.c tcp_cwnd_validate()"""
    is_more = not sk.cwnd_is_limited and sk.packets_out > sk.max_packets_out
    if is_limited or is_more or not before(sk.snd_una, sk.usage_seq):
        sk.cwnd_is_limited = is_limited
        sk.max_packets_out = sk.packets_out
        sk.usage_seq = sk.snd_nxt


def _holds(sk: TcpSock, is_partial: bool, nonagle: int) -> bool:
    """Nagle, with Minshall's change. Linux: net/ipv4/tcp_output.c tcp_nagle_check()"""
    if not is_partial:
        return False
    if nonagle & NAGLE_CORK:
        return True
    small_is_out = after(sk.small_end, sk.snd_una) and not after(sk.small_end, sk.snd_nxt)
    return not nonagle and bool(sk.packets_out) and small_is_out


def _may_go(sk: TcpSock, piece: Piece, mss: int, nonagle: int) -> bool:
    """Linux: net/ipv4/tcp_output.c tcp_nagle_test()"""
    if nonagle & NAGLE_PUSH or piece.flags & tcp.FIN:
        return True
    return not _holds(sk, len(piece.data) < mss, nonagle)


def _split_point(sk: TcpSock, piece: Piece, mss: int, segments: int, nonagle: int, is_last: bool) -> int:
    """Linux: net/ipv4/tcp_output.c tcp_mss_split_point()"""
    window, most = distance(piece.seq, window_end(sk)), mss * segments
    if most <= window and not is_last:
        return most
    needed = min(len(piece.data), window)
    if most <= needed:
        return most
    partial = needed % mss
    return needed - partial if _holds(sk, partial != 0, nonagle) else needed


def _should_defer(sk: TcpSock, piece: Piece, mss: int, most: int, is_last: bool) -> bool:
    """Wait a moment for a larger segment; an ACK is on its way. Linux: tcp_tso_should_defer()"""
    if sk.ca_state >= CaState.RECOVERY or not sk.rtx_queue or piece.flags & tcp.FIN:
        return False
    if sk.tcp.clock.now - sk.rtx_queue[0].sent_at < sk.srtt / 2:
        return False  # the next ACK is far
    window = distance(piece.seq, window_end(sk))
    limit = min(window, (sk.cwnd - sk.in_flight) * mss)
    if limit >= most * mss or (not is_last and limit >= len(piece.data)):
        return False
    return limit < min(sk.snd_wnd, sk.cwnd * mss) // sk.tcp.sysctl.tcp_tso_win_divisor


def shut_down_sending(sk: TcpSock) -> None:
    """Send a FIN behind all that waits. Linux: net/ipv4/tcp_output.c tcp_send_fin()"""
    tail = sk.write_queue[-1] if sk.write_queue else None
    if tail is not None:
        tail.flags |= tcp.FIN
        tail.end_seq = tail.end_seq + 1 & MASK
    else:
        sk.write_queue.append(Piece(sk.write_seq, b"", tcp.ACK | tcp.FIN))
    sk.write_seq = sk.write_seq + 1 & MASK
    push_pending(sk, NAGLE_OFF)
