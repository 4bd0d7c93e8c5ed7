"""What the peer acknowledges: the stream moves on, the window opens, the round trip is known.

Linux: net/ipv4/tcp_input.c tcp_ack()
"""

from __future__ import annotations

from enum import Enum, auto

from pystack.sock import tcp_sack
from pystack.sock.tcp_output import probe_base, window_end
from pystack.sock.tcp_recovery import alert, control, retransmit_lost
from pystack.sock.tcp_rtt import sample
from pystack.sock.tcp_segment import Piece, Segment
from pystack.sock.tcp_seq import MASK, after, before, distance
from pystack.sock.tcp_sizes import sync_mss
from pystack.sock.tcp_sock import TcpSock
from pystack.wire import tcp


class Verdict(Enum):
    """What is thought of an acknowledgment."""

    GOOD = auto()
    OLD = auto()  # of what was acknowledged before
    TOO_OLD = auto()  # so old that it may be forged (RFC 5961)
    UNSENT = auto()  # of what was never sent


def receive_ack(sk: TcpSock, segment: Segment, *, replaces_ts: bool) -> Verdict:
    """Take the ACK of a segment whose sequence number was found right."""
    ack, prior = segment.ack, sk.snd_una
    if before(ack, prior):
        known = min(sk.max_window, sk.counts.bytes_acked)  # nobody can have acknowledged more
        return Verdict.TOO_OLD if before(ack, prior - known & MASK) else Verdict.OLD
    if after(ack, sk.snd_nxt):
        return Verdict.UNSENT
    advanced = ack != prior
    if advanced:
        sk.retransmits = 0
        sk.counts.bytes_acked += distance(prior, ack)
    if replaces_ts:
        replace_ts_recent(sk, segment)
    has_data = segment.seq != segment.end_seq
    if not has_data:
        sk.tcp.ext.TCPPureAcks += 1
    opens = _update_window(sk, segment)
    sk.snd_una = ack
    sk.soft_error = 0
    sk.probes_out = 0
    sk.rcv_tstamp = sk.tcp.clock.now
    repeated = tcp_sack.note_duplicate(sk, segment) if segment.options.sacks else 0
    if not sk.rtx_queue:
        _count_delivered(sk, repeated)
        _ack_probe(sk)
        return Verdict.GOOD
    held = sk.dup_acks
    acked = _clean_queue(sk, segment) if advanced else 0
    delivered = max(acked - held, 1) if acked else 0  # what duplicates told of was counted then
    is_duplicate = not (advanced or has_data or opens) and (not sk.sack_ok or _tells_of_more(sk, segment))
    held = sk.dup_acks
    again = alert(sk, advanced=advanced, is_duplicate=is_duplicate)
    delivered += max(sk.dup_acks - held, 0) + repeated
    _count_delivered(sk, delivered)
    control(sk, delivered, advanced=advanced)
    if again:
        retransmit_lost(sk)
    return Verdict.GOOD


def _count_delivered(sk: TcpSock, segments: int) -> None:
    """Linux: net/ipv4/tcp_input.c tcp_newly_delivered()"""
    sk.counts.delivered += segments
    sk.tcp.ext.TCPDelivered += segments


def _tells_of_more(sk: TcpSock, segment: Segment) -> bool:
    """Where blocks are told, only an ACK with a new one is a duplicate (RFC 6675)."""
    ends = [end for _, end in segment.options.sacks if after(end, sk.snd_una) and not after(end, sk.snd_nxt)]
    highest = sk.sacked_to if after(sk.sacked_to, sk.snd_una) else sk.snd_una
    for end in ends:
        highest = end if after(end, highest) else highest
    is_more, sk.sacked_to = highest not in (sk.sacked_to, sk.snd_una), highest
    return is_more


def replace_ts_recent(sk: TcpSock, segment: Segment) -> None:
    """Remember the timestamp that the next ACK echoes. Linux: tcp_replace_ts_recent()"""
    tsval = segment.options.tsval
    if sk.ts_ok and tsval is not None and not after(segment.seq, sk.rcv_wup) and _is_newer(sk, tsval):
        sk.ts_recent, sk.ts_recent_stamp = tsval, sk.tcp.clock.now or 1e-9


def _is_newer(sk: TcpSock, tsval: int) -> bool:
    return not sk.ts_recent_stamp or not before(tsval, sk.ts_recent)


def _update_window(sk: TcpSock, segment: Segment) -> bool:
    """Linux: net/ipv4/tcp_input.c tcp_ack_update_window()"""
    window = segment.window if segment.flags & tcp.SYN else segment.window << sk.snd_wscale
    is_newer = after(segment.ack, sk.snd_una) or after(segment.seq, sk.snd_wl1)
    if not is_newer and not (segment.seq == sk.snd_wl1 and (window > sk.snd_wnd or not window)):
        return False
    sk.snd_wl1 = segment.seq
    sk.snd_wnd = window
    if window > sk.max_window:
        sk.max_window = window
        sync_mss(sk, sk.pmtu)
    return True


def _clean_queue(sk: TcpSock, segment: Segment) -> int:
    """Forget what arrived; how many segments that was. Linux: tcp_clean_rtx_queue()"""
    queue, una, acked = sk.rtx_queue, sk.snd_una, 0
    was_resent, first_sent = False, None
    while queue:
        piece = queue[0]
        if after(piece.end_seq, una):
            if before(piece.seq, una):
                acked += _take_front(sk, piece, una)
                was_resent |= piece.was_resent
                first_sent = piece.sent_at if first_sent is None else first_sent
            break
        acked += piece.segments
        was_resent |= piece.was_resent
        first_sent = piece.sent_at if first_sent is None else first_sent
        sk.write_queued -= len(piece.data)
        queue.popleft()
    sk.packets_out -= acked
    if sk.dup_acks and acked:
        sk.dup_acks = max(sk.dup_acks - (acked - 1), 0)
    if first_sent is not None:
        _update_rtt(sk, segment, None if was_resent else first_sent)
    if queue:
        sk.arm(sk.rto)
    elif not sk.timer_is_probe:
        sk.retransmit_timer.stop()
    if not queue and not sk.write_queue and sk.counts.is_busy:
        sk.counts.end_busy(sk.tcp.clock.jiffies)
    return acked


def _take_front(sk: TcpSock, piece: Piece, una: int) -> int:
    """Part of a large segment arrived. Linux: net/ipv4/tcp_input.c tcp_tso_acked()"""
    octets = distance(piece.seq, una)
    sk.write_queued -= octets
    piece.data = piece.data[octets:]
    piece.seq = una
    before_ = piece.segments
    piece.segments = max((len(piece.data) + sk.mss - 1) // sk.mss, 1)
    return before_ - piece.segments


def _update_rtt(sk: TcpSock, segment: Segment, sent_at: float | None) -> None:
    """A segment sent once tells the round trip; else only a timestamp does. Linux: tcp_ack_update_rtt()"""
    if sent_at is not None:
        return sample(sk, sk.tcp.clock.now - sent_at)
    if sk.ts_ok and segment.options.tsval is not None and segment.options.tsecr:
        sent_ms = segment.options.tsecr - sk.ts_offset & MASK
        passed = distance(sent_ms, sk.tcp.now_ms & MASK)
        if passed < 1 << 31:
            sample(sk, passed / 1000)


def _ack_probe(sk: TcpSock) -> None:
    """An ACK while nothing is under way may open a window. Linux: tcp_ack_probe()"""
    if not sk.write_queue:
        return
    if not after(sk.write_queue[0].end_seq, window_end(sk)):
        sk.backoff = 0
        if sk.timer_is_probe:
            sk.retransmit_timer.stop()
    else:
        sk.arm(probe_base(sk) * 2**sk.backoff, probe=True)
