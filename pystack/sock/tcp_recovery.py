"""What follows from loss: sending again, and sending less (Reno with NewReno's recovery, RFC 6582, RFC 6937).

Linux: net/ipv4/tcp_input.c, net/ipv4/tcp_cong.c, net/ipv4/tcp_output.c
"""

from __future__ import annotations

from typing import Final

from pystack.sock.tcp_output import transmit, window_end
from pystack.sock.tcp_segment import Piece
from pystack.sock.tcp_seq import MASK, after, before, distance
from pystack.sock.tcp_sizes import current_mss
from pystack.sock.tcp_sock import CaState, TcpSock
from pystack.wire import tcp

_MIN_SSTHRESH: Final = 2
_MAX_REORDERING: Final = 300  # net.ipv4.tcp_max_reordering, as it is by default


# -- sending again -----------------------------------------------------------------------------------------


def retransmit(sk: TcpSock, at: int, segments: int) -> bool:
    """Send the piece at this place again, at most so many segments of it. Linux: tcp_retransmit_skb()"""
    mss, piece = current_mss(sk), sk.rtx_queue[at]
    if before(piece.seq, sk.snd_una):
        _trim(piece, distance(piece.seq, sk.snd_una))
    room = distance(piece.seq, window_end(sk)) if not after(piece.seq, window_end(sk)) else 0
    if not room:
        if piece.seq != sk.snd_una:
            return False  # the peer has shrunk its window
        room = mss  # one segment serves as a probe
    most = mss * segments
    if most > room:
        most = room // mss * mss or room
    length = len(piece.data)
    if length > most:
        _recount(sk, piece, most, mss, at)
    elif length < min(room, mss):
        _collapse(sk, piece, at, min(room, mss))
    sent = max((len(piece.data) + mss - 1) // mss, 1)
    _adjust(sk, piece, sent)
    sk.tcp.stats.RetransSegs += sent
    sk.counts.total_retrans += sent
    sk.counts.bytes_retrans += len(piece.data)
    if piece.flags & tcp.SYN:
        sk.tcp.ext.TCPSynRetrans += 1
    piece.sent_at, piece.mss = sk.tcp.clock.now, mss
    piece.was_resent = piece.is_resent = True
    if not sk.out_since:
        sk.out_since = sk.tcp.clock.now
    return transmit(sk, piece.seq, piece.flags, piece.data)


def _trim(piece: Piece, octets: int) -> None:
    piece.data = piece.data[octets:]
    piece.seq = piece.seq + octets & MASK


def _recount(sk: TcpSock, piece: Piece, at: int, mss: int, place: int) -> None:
    """Cut a piece that is under way. Linux: net/ipv4/tcp_output.c tcp_fragment()"""
    rest = piece.split(at)
    sk.rtx_queue.insert(place + 1, rest)
    rest.segments = max((len(rest.data) + mss - 1) // mss, 1)
    sk.packets_out += rest.segments
    _adjust(sk, piece, max((len(piece.data) + mss - 1) // mss, 1))


def _collapse(sk: TcpSock, piece: Piece, place: int, room: int) -> None:
    """Small pieces go again as one. Linux: net/ipv4/tcp_output.c tcp_retrans_try_collapse()"""
    queue = sk.rtx_queue
    while place + 1 < len(queue) and not (piece.flags & (tcp.SYN | tcp.FIN)):
        following = queue[place + 1]
        if len(piece.data) + len(following.data) > room or after(following.end_seq, window_end(sk)):
            return
        piece.data = bytes(piece.data) + bytes(following.data)
        piece.end_seq = following.end_seq
        piece.flags |= following.flags
        sk.packets_out -= following.segments
        del queue[place + 1]


def _adjust(sk: TcpSock, piece: Piece, segments: int) -> None:
    sk.packets_out += segments - piece.segments
    piece.segments = segments


def retransmit_lost(sk: TcpSock) -> None:
    """Send again what was lost, as far as the window goes. Linux: tcp_xmit_retransmit_queue()"""
    queue, at = sk.rtx_queue, -1
    while at + 1 < len(queue):
        at += 1
        piece, room = queue[at], sk.cwnd - sk.in_flight
        if room <= 0:
            return
        if not piece.is_lost or piece.is_resent:
            continue
        if not retransmit(sk, at, room):
            return
        if sk.ca_state is CaState.RECOVERY:
            sk.prr_out += piece.segments
        if sk.ca_state is CaState.LOSS:
            sk.tcp.ext.TCPSlowStartRetrans += piece.segments
        else:
            sk.tcp.ext.TCPFastRetrans += piece.segments
        if not at:
            sk.arm(sk.rto)


# -- states ------------------------------------------------------------------------------------------------


def enter_loss(sk: TcpSock) -> None:
    """The timer ran out: all that is under way is taken for lost. Linux: tcp_enter_loss()"""
    if sk.ca_state is not CaState.LOSS or not after(sk.high_seq, sk.snd_una) or not sk.retransmits:
        sk.prior_cwnd = sk.cwnd
        sk.ssthresh = max(sk.cwnd >> 1, _MIN_SSTHRESH)
    sk.ca_state = CaState.LOSS
    sk.dup_acks = 0
    for piece in sk.rtx_queue:
        piece.is_lost, piece.is_resent = True, False
    sk.cwnd, sk.cwnd_counter = 1, 0
    sk.high_seq = sk.snd_nxt


def enter_recovery(sk: TcpSock) -> None:
    """Duplicates tell of one loss. Linux: net/ipv4/tcp_input.c tcp_enter_recovery()"""
    if sk.sack_ok:
        sk.tcp.ext.TCPSackRecovery += 1
    else:
        sk.tcp.ext.TCPRenoRecovery += 1
    sk.prior_cwnd = sk.cwnd
    sk.high_seq = sk.snd_nxt
    sk.cwnd_counter = sk.prr_delivered = sk.prr_out = 0
    sk.ssthresh = max(sk.cwnd >> 1, _MIN_SSTHRESH)
    sk.ca_state = CaState.RECOVERY


def alert(sk: TcpSock, *, advanced: bool, is_duplicate: bool) -> bool:
    """What an ACK says about loss; whether there is something to send again.

    Linux: net/ipv4/tcp_input.c tcp_fastretrans_alert()
    """
    if not sk.packets_out:
        sk.dup_acks = 0
    if sk.ca_state is CaState.RECOVERY and sk.snd_una == sk.high_seq and not sk.sack_ok:
        sk.dup_acks = 0  # until more is acknowledged, duplicates may be of what recovery itself sent
        return False
    if sk.ca_state is not CaState.OPEN and not before(sk.snd_una, sk.high_seq) and advanced:
        _leave(sk)
        return False
    if advanced and sk.ca_state is not CaState.RECOVERY:
        sk.dup_acks = 0
    if is_duplicate and sk.ca_state is not CaState.LOSS:
        _add_duplicate(sk)
    if sk.ca_state is CaState.LOSS:
        return True
    if sk.ca_state is CaState.RECOVERY:
        if advanced:
            _mark_head(sk)
        return True
    if sk.dup_acks >= sk.reordering and sk.rtx_queue and not _is_held(sk):
        _mark_head(sk)
        enter_recovery(sk)
        return True
    sk.ca_state = CaState.DISORDER if sk.dup_acks else CaState.OPEN
    return False


def _is_held(sk: TcpSock) -> bool:
    """Duplicates right after a recovery are of what that recovery sent (RFC 6582 section 3.2)."""
    return sk.recovered_at is not None and sk.snd_una == sk.recovered_at


def _add_duplicate(sk: TcpSock) -> None:
    """Linux: net/ipv4/tcp_input.c tcp_add_reno_sack(), tcp_check_reno_reordering()"""
    lost = sum(piece.segments for piece in sk.rtx_queue if piece.is_lost)
    sk.dup_acks, most = sk.dup_acks + 1, max(sk.packets_out - max(lost, 1), 0)
    if sk.dup_acks <= most:
        return
    sk.dup_acks = most
    if not sk.sack_ok:  # more than are under way, so the network had changed the order
        sk.reordering = min(sk.packets_out, _MAX_REORDERING)


def _mark_head(sk: TcpSock) -> None:
    """Linux: net/ipv4/tcp_input.c tcp_newreno_mark_lost()"""
    head = sk.rtx_queue[0]
    if head.is_lost:
        return
    mss = sk.mss
    if head.segments > 1 and len(head.data) > mss:
        _recount(sk, head, mss, mss, 0)
    head.is_lost, head.is_resent = True, False


def _leave(sk: TcpSock) -> None:
    """All that was under way when it began has arrived. Linux: tcp_try_undo_recovery()"""
    if sk.ca_state is CaState.RECOVERY:
        sk.cwnd = sk.ssthresh
        sk.recovered_at = sk.high_seq
    sk.dup_acks = 0
    sk.out_since = 0.0
    sk.ca_state = CaState.OPEN


# -- how much ----------------------------------------------------------------------------------------------


def control(sk: TcpSock, delivered: int, *, advanced: bool) -> None:
    """Let the congestion window follow an ACK. Linux: net/ipv4/tcp_input.c tcp_cong_control()"""
    if sk.ca_state is CaState.RECOVERY:
        _reduce(sk, delivered, advanced=advanced)
    elif advanced and delivered and _is_limited(sk):
        _grow(sk, delivered)


def _is_limited(sk: TcpSock) -> bool:
    """Whether more could have been sent. Linux: include/net/tcp.h tcp_is_cwnd_limited()"""
    return sk.cwnd_is_limited or sk.cwnd < min(sk.ssthresh, 2 * sk.max_packets_out)


def _reduce(sk: TcpSock, delivered: int, *, advanced: bool) -> None:
    """Proportional rate reduction. Linux: net/ipv4/tcp_input.c tcp_cwnd_reduction()"""
    if delivered <= 0 or not sk.prior_cwnd:
        return
    in_flight = sk.in_flight
    delta = sk.ssthresh - in_flight
    sk.prr_delivered += delivered
    if delta < 0:
        count = (sk.ssthresh * sk.prr_delivered + sk.prior_cwnd - 1) // sk.prior_cwnd - sk.prr_out
    else:
        count = max(sk.prr_delivered - sk.prr_out, delivered) + advanced
        count = min(delta, count)
    sk.cwnd = in_flight + max(count, 0 if sk.prr_out else 1)


def _grow(sk: TcpSock, acked: int) -> None:
    """Linux: net/ipv4/tcp_cong.c tcp_reno_cong_avoid()"""
    if sk.cwnd < sk.ssthresh:
        cwnd = min(sk.cwnd + acked, sk.ssthresh)
        acked -= cwnd - sk.cwnd
        sk.cwnd = cwnd
        if not acked:
            return
    sk.cwnd_counter += acked
    if sk.cwnd_counter >= sk.cwnd:
        more = sk.cwnd_counter // sk.cwnd
        sk.cwnd_counter -= more * sk.cwnd
        sk.cwnd += more
