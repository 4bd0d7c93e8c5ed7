"""The stream in: data in order, out of order, twice, beyond the window; and when to acknowledge it.

Linux: net/ipv4/tcp_input.c tcp_data_queue() and what it calls
"""

from __future__ import annotations

from typing import Final

from pystack.drop import (
    SOCKET_RCVBUFF,
    TCP_OFO_DROP,
    TCP_OFOMERGE,
    TCP_OLD_DATA,
    TCP_OVERWINDOW,
    TCP_ZEROWINDOW,
    DropReason,
)
from pystack.sock import tcp_sack
from pystack.sock.tcp_autotune import measure_by_timestamp, measure_by_window
from pystack.sock.tcp_end import time_wait
from pystack.sock.tcp_output import send_ack
from pystack.sock.tcp_segment import Segment, Waiting
from pystack.sock.tcp_seq import MASK, after, before, distance
from pystack.sock.tcp_sizes import route_wants_quick_acks
from pystack.sock.tcp_sock import ATO_MIN, RCV_SHUTDOWN, TcpSock
from pystack.sock.tcp_states import TcpEvent, TcpState
from pystack.sock.tcp_window import (
    candidate,
    enter_quickack,
    grow_window,
    is_pingpong,
    measure_rcv_mss,
    raise_quickacks,
    receive_window,
)
from pystack.wire import tcp

_DELACK_MAX: Final = 0.2
_MOST_JOINED: Final = 17  # fragments in one packet. Linux: include/linux/skbuff.h MAX_SKB_FRAGS
_DUP_ACKS_AT_ONCE: Final = 3
_COMPRESSED_DELAY: Final = 0.001
_STOLEN_HEAD: Final = 256  # a segment that joins the one before it needs no head of its own


def data_queue(sk: TcpSock, segment: Segment) -> DropReason | None:
    """Take the data and the FIN of a segment that touches the window."""
    seq, end_seq = segment.seq, segment.end_seq
    if seq == end_seq:
        return None
    measure_by_timestamp(sk, segment)
    window = receive_window(sk)
    if seq == sk.rcv_nxt:
        if not window and segment.payload:
            return _zero_window(sk)
        return _take(sk, segment)
    if not after(end_seq, sk.rcv_nxt):
        sk.tcp.ext.DelayedACKLost += 1
        tcp_sack.set_duplicate(sk, seq, end_seq)
        return _out_of_window(sk, TCP_OLD_DATA)
    if not before(seq, sk.rcv_nxt + window & MASK):
        return _out_of_window(sk, TCP_OVERWINDOW)
    if before(seq, sk.rcv_nxt):
        tcp_sack.set_duplicate(sk, seq, sk.rcv_nxt)
        return _take(sk, segment) if window else _zero_window(sk)
    return _queue_out_of_order(sk, segment)


def _zero_window(sk: TcpSock) -> DropReason:
    sk.tcp.ext.TCPZeroWindowDrop += 1
    return _out_of_window(sk, TCP_ZEROWINDOW)


def _out_of_window(sk: TcpSock, reason: DropReason) -> DropReason:
    enter_quickack(sk)
    sk.ack_is_scheduled = True
    return reason


# -- in order ----------------------------------------------------------------------------------------------


def _take(sk: TcpSock, segment: Segment) -> DropReason | None:
    if not _has_room(sk, segment):
        sk.tcp.ext.TCPRcvQDrop += 1
        sk.ack_is_scheduled = sk.ack_now = True
        return SOCKET_RCVBUFF
    was_next = sk.rcv_nxt
    known = distance(segment.seq, was_next)
    if payload := segment.payload[known:]:
        _append(sk, bytes(payload), segment.truesize, follows=not known)
    sk.rcv_nxt = segment.end_seq
    if segment.payload:
        _note_data(sk, segment)
    if segment.flags & tcp.FIN:
        receive_fin(sk)
        if sk.state is TcpState.CLOSE:
            return None
    if sk.ooo:
        _take_waiting(sk)
        if not sk.ooo:
            sk.ack_now = True
    if sk.sack_blocks:
        tcp_sack.forget_old(sk)
    sk.counts.bytes_received += distance(was_next, sk.rcv_nxt)
    sk.on_event()
    return None


def _append(sk: TcpSock, payload: bytes, truesize: int, *, follows: bool) -> None:
    """What follows right on the last packet joins it. Linux: net/ipv4/tcp_input.c tcp_try_coalesce()"""
    if follows and sk.rcvq and sk.rcvq_joined < _MOST_JOINED:
        before_, cost = sk.rcvq[-1]
        sk.rcvq[-1] = before_, 0  # one packet now: its memory is free once all of it was read
        truesize = max(truesize - _STOLEN_HEAD, 0)
        sk.rcvq_joined += 1
        sk.tcp.ext.TCPRcvCoalesce += 1
    else:
        cost = sk.rcvq_joined = 0
    sk.rcvq.append((payload, cost + truesize))
    sk.rcvq_length += len(payload)
    sk.rcvq_truesize += truesize


def _has_room(sk: TcpSock, segment: Segment) -> bool:
    """Whether the buffer takes a segment; what waits out of order gives way.

    Linux: net/ipv4/tcp_input.c tcp_try_rmem_schedule(), tcp_prune_queue()
    """
    if sk.rcvq_truesize <= sk.rcvbuf:
        return True
    sk.tcp.ext.PruneCalled += 1
    if not sk.rcvbuf_is_locked and sk.rcvbuf < sk.tcp.sysctl.tcp_rmem[2]:
        sk.rcvbuf = min(sk.rcvq_truesize, sk.tcp.sysctl.tcp_rmem[2])  # tcp_clamp_window()
    if sk.ooo and sk.rcvq_truesize > sk.rcvbuf:
        sk.tcp.ext.OfoPruned += 1
        while sk.ooo and sk.rcvq_truesize > sk.rcvbuf:
            sk.rcvq_truesize -= sk.ooo.pop().truesize
        sk.sack_blocks.clear()
    if sk.rcvq_truesize <= sk.rcvbuf:
        return True
    sk.tcp.ext.RcvPruned += 1
    return False


def _note_data(sk: TcpSock, segment: Segment) -> None:
    """Linux: net/ipv4/tcp_input.c tcp_event_data_recv()"""
    sk.ack_is_scheduled = True
    measure_rcv_mss(sk, segment)
    measure_by_window(sk)
    now = sk.tcp.clock.now
    if not sk.ato:
        raise_quickacks(sk)
        sk.ato = ATO_MIN
    else:
        passed = now - sk.last_received
        if passed <= ATO_MIN / 2:
            sk.ato = sk.ato / 2 + ATO_MIN / 2
        elif passed < sk.ato:
            sk.ato = min(sk.ato / 2 + passed, sk.rto)
        elif passed > sk.rto:
            raise_quickacks(sk)
    sk.last_received = now
    if len(segment.payload) >= 128:
        grow_window(sk, len(segment.payload), segment.truesize)


def receive_fin(sk: TcpSock) -> None:
    """The peer sends no more. Linux: net/ipv4/tcp_input.c tcp_fin()"""
    sk.ack_is_scheduled = True
    sk.shutdown |= RCV_SHUTDOWN
    sk.has_ended = True
    state = sk.state
    if state is TcpState.ESTABLISHED:
        sk.become(TcpEvent.FIN)
        sk.pingpong = sk.tcp.sysctl.tcp_pingpong_thresh
    elif state is TcpState.FIN_WAIT1:
        send_ack(sk)
        sk.become(TcpEvent.FIN)
    elif state is TcpState.FIN_WAIT2:
        send_ack(sk)
        return time_wait(sk, TcpState.TIME_WAIT)
    _forget_out_of_order(sk)
    sk.on_event()


def _forget_out_of_order(sk: TcpSock) -> None:
    sk.rcvq_truesize -= sum(waiting.truesize for waiting in sk.ooo)
    sk.ooo.clear()
    sk.sack_blocks.clear()
    sk.dsack = None


# -- out of order ------------------------------------------------------------------------------------------


def _take_waiting(sk: TcpSock) -> None:
    """What waited follows now. Linux: net/ipv4/tcp_input.c tcp_ofo_queue()"""
    ooo, taken, duplicate_end = sk.ooo, 0, sk.rcv_nxt
    for waiting in ooo:
        if after(waiting.seq, sk.rcv_nxt):
            break
        taken += 1
        sk.rcvq_truesize -= waiting.truesize
        if before(waiting.seq, duplicate_end):
            end = waiting.end_seq if before(waiting.end_seq, duplicate_end) else duplicate_end
            tcp_sack.extend_duplicate(sk, waiting.seq, end)
        if not after(waiting.end_seq, sk.rcv_nxt):
            continue
        known = distance(waiting.seq, sk.rcv_nxt)
        if payload := waiting.payload[known:]:
            _append(sk, payload, waiting.truesize, follows=not known)
        sk.rcv_nxt = waiting.end_seq
        if waiting.has_fin:
            del ooo[:taken]
            return receive_fin(sk)
    del ooo[:taken]


def _queue_out_of_order(sk: TcpSock, segment: Segment) -> DropReason | None:
    """Linux: net/ipv4/tcp_input.c tcp_data_queue_ofo()"""
    if not _has_room(sk, segment):
        sk.tcp.ext.TCPOFODrop += 1
        return TCP_OFO_DROP
    sk.ack_is_scheduled = True
    measure_rcv_mss(sk, segment)
    sk.tcp.ext.TCPOFOQueue += 1
    sk.counts.rcv_ooopack += max(-(-len(segment.payload) // (segment.mss or 1)), 1)
    ooo, seq, end = sk.ooo, segment.seq, segment.end_seq
    at = len(ooo)
    while at and after(ooo[at - 1].seq, seq):
        at -= 1
    if at and seq == ooo[at - 1].end_seq:
        _join_waiting(sk, segment, at)
        return None
    if at and before(seq, ooo[at - 1].end_seq):
        previous = ooo[at - 1]
        if not after(end, previous.end_seq):
            sk.tcp.ext.TCPOFOMerge += 1
            tcp_sack.set_duplicate(sk, seq, end)
            tcp_sack.add(sk, seq, end)
            return TCP_OFOMERGE
        if previous.seq == seq:
            at -= 1  # the longer one covers it
        else:
            tcp_sack.set_duplicate(sk, seq, previous.end_seq)
    _drop_covered(sk, at, end)
    has_fin = bool(segment.flags & tcp.FIN)
    ooo.insert(at, Waiting(seq, end, bytes(segment.payload), has_fin, segment.truesize))
    tcp_sack.add(sk, seq, end)
    if sk.sack_ok:  # without, an ACK must not change its window, or it is no duplicate
        grow_window(sk, len(segment.payload), segment.truesize)
    sk.rcvq_truesize += segment.truesize
    return None


def _join_waiting(sk: TcpSock, segment: Segment, at: int) -> None:
    """What follows on a segment is one with it, even if it reaches into the next.

    Linux: net/ipv4/tcp_input.c tcp_ooo_try_coalesce()
    """
    previous = sk.ooo[at - 1]
    cost = max(segment.truesize - _STOLEN_HEAD, 0) if segment.payload else 0
    sk.ooo[at - 1] = Waiting(
        previous.seq,
        segment.end_seq,
        previous.payload + bytes(segment.payload),
        previous.has_fin or bool(segment.flags & tcp.FIN),
        previous.truesize + cost,
    )
    tcp_sack.add(sk, segment.seq, segment.end_seq)
    if sk.sack_ok:
        grow_window(sk, len(segment.payload), segment.truesize if segment.payload else 0)
    sk.rcvq_truesize += cost


def _drop_covered(sk: TcpSock, at: int, end: int) -> None:
    """A later segment makes those needless that it covers."""
    ooo = sk.ooo
    while at < len(ooo) and after(end, ooo[at].seq):
        following = ooo[at]
        if before(end, following.end_seq):
            return tcp_sack.extend_duplicate(sk, following.seq, end)
        tcp_sack.extend_duplicate(sk, following.seq, following.end_seq)
        sk.tcp.ext.TCPOFOMerge += 1
        sk.rcvq_truesize -= following.truesize
        del ooo[at]


# -- acknowledging -----------------------------------------------------------------------------------------


def check_ack(sk: TcpSock) -> None:
    """Acknowledge now, or soon. Linux: net/ipv4/tcp_input.c __tcp_ack_snd_check()"""
    if not sk.ack_is_scheduled:
        return
    unacknowledged = distance(sk.rcv_wup, sk.rcv_nxt)
    if (
        sk.ack_now
        or (sk.quick and not is_pingpong(sk))
        or route_wants_quick_acks(sk)
        or (unacknowledged > sk.rcv_mss and (not sk.rcvq_length or candidate(sk) >= sk.rcv_wnd))
        or (sk.ooo and not _may_compress(sk))
    ):
        return send_ack(sk)
    if not sk.ooo:
        send_delayed_ack(sk)


def _may_compress(sk: TcpSock) -> bool:
    """Where blocks tell all, not every segment behind a gap needs its own ACK, once three went out."""
    if not sk.sack_ok or sk.compressed >= sk.tcp.sysctl.tcp_comp_sack_nr:
        return False
    if sk.gap_at != sk.rcv_nxt:
        sk.gap_at, sk.gap_acks = sk.rcv_nxt, 0
    if sk.gap_acks < _DUP_ACKS_AT_ONCE:
        sk.gap_acks += 1
        return False
    sk.compressed += 1
    if not sk.ack_timer.pending:
        sk.ack_timer.set(min(_COMPRESSED_DELAY, sk.srtt / 20))
    return True


def send_delayed_ack(sk: TcpSock) -> None:
    """Linux: net/ipv4/tcp_output.c tcp_send_delayed_ack()"""
    ato = sk.ato
    if ato > ATO_MIN:
        longest = _DELACK_MAX if is_pingpong(sk) or sk.ack_pushed else 0.5
        if sk.srtt:
            longest = min(longest, max(sk.srtt, ATO_MIN))
        ato = min(ato, longest)
    ato = min(ato, _DELACK_MAX)
    timer = sk.ack_timer
    if timer.pending:
        if timer.seconds_left <= ato / 4:
            return send_ack(sk)
        ato = min(ato, timer.seconds_left)
    sk.ack_is_scheduled = True
    timer.set(ato)


def after_reading(sk: TcpSock, copied: int) -> None:
    """The program made room: tell the peer if that matters. Linux: net/ipv4/tcp.c tcp_cleanup_rbuf()"""
    is_time = False
    if sk.ack_is_scheduled:
        is_time = distance(sk.rcv_wup, sk.rcv_nxt) > sk.rcv_mss or (
            copied > 0
            and (sk.ack_pushed_twice or (sk.ack_pushed and not is_pingpong(sk)))
            and not sk.rcvq_length
        )
    if copied > 0 and not is_time and not sk.shutdown & RCV_SHUTDOWN:
        now = receive_window(sk)
        if 2 * now <= sk.window_clamp:
            new = candidate(sk)
            is_time = bool(new) and new >= 2 * now
    if is_time:
        send_ack(sk)
