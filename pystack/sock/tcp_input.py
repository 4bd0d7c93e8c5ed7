"""What a segment means to a connection in each of its states.

Linux: net/ipv4/tcp_input.c tcp_rcv_established(), tcp_rcv_state_process(), tcp_validate_incoming()
"""

from __future__ import annotations

from typing import Final

from pystack.drop import (
    TCP_ABORT_ON_DATA,
    TCP_ACK_UNSENT_DATA,
    TCP_CLOSE,
    TCP_FLAGS,
    TCP_INVALID_SEQUENCE,
    TCP_INVALID_SYN,
    TCP_OLD_ACK,
    TCP_RESET,
    TCP_RFC7323_PAWS,
    TCP_TOO_OLD_ACK,
    DropReason,
)
from pystack.sock import tcp_sack
from pystack.sock.tcp_ack import Verdict, receive_ack, replace_ts_recent
from pystack.sock.tcp_end import done, fin_time, time_wait, was_reset
from pystack.sock.tcp_open import open_connection, receive_in_syn_sent
from pystack.sock.tcp_output import push_pending, send_ack
from pystack.sock.tcp_receive import check_ack, data_queue
from pystack.sock.tcp_reset import send_reset as answer_with_reset
from pystack.sock.tcp_segment import Segment
from pystack.sock.tcp_seq import MASK, after, before
from pystack.sock.tcp_sizes import note_room
from pystack.sock.tcp_sock import RCV_SHUTDOWN, TcpSock
from pystack.sock.tcp_states import PEER_IS_DONE, TcpEvent, TcpState
from pystack.sock.tcp_timewait import PAWS_24_DAYS, TIMEWAIT_LENGTH, is_rate_limited, is_too_soon
from pystack.sock.tcp_window import enter_quickack, receive_window
from pystack.wire import tcp
from pystack.wire.tcp_options import TIMESTAMP_ALIGNED

_ACK_PROBLEMS: Final = {
    Verdict.OLD: TCP_OLD_ACK,
    Verdict.TOO_OLD: TCP_TOO_OLD_ACK,
    Verdict.UNSENT: TCP_ACK_UNSENT_DATA,
}


def receive(sk: TcpSock, segment: Segment) -> DropReason | None:
    """Take a segment for this connection; why not, if it was good for nothing."""
    _count(sk, segment)
    state = sk.state
    if state is TcpState.ESTABLISHED:
        return _in_established(sk, segment)
    if state is TcpState.CLOSE:
        return TCP_CLOSE
    if state is TcpState.SYN_SENT:
        return receive_in_syn_sent(sk, segment)
    return _in_other_states(sk, segment)


def _count(sk: TcpSock, segment: Segment) -> None:
    """Linux: include/net/tcp.h tcp_segs_in()"""
    counts, length = sk.counts, len(segment.payload)
    if not length:
        counts.segs_in += 1
        return
    segments = (length + segment.mss - 1) // segment.mss
    counts.segs_in += segments
    counts.data_segs_in += segments


def _in_established(sk: TcpSock, segment: Segment) -> DropReason | None:
    """Linux: net/ipv4/tcp_input.c tcp_rcv_established()"""
    if not segment.flags & (tcp.ACK | tcp.RST | tcp.SYN):
        return TCP_FLAGS
    refused = _validate(sk, segment)
    if refused is not None:
        return refused
    was_expected = _was_expected(sk, segment)
    verdict = receive_ack(sk, segment, replaces_ts=True)
    if verdict is not Verdict.GOOD and was_expected:
        replace_ts_recent(sk, segment)
    if verdict in (Verdict.TOO_OLD, Verdict.UNSENT):
        challenge(sk)
        return _ACK_PROBLEMS[verdict]
    if was_expected:
        _send_more(sk)  # an ACK that waits for data to ride on goes on waiting
        return None
    _note_urgent(sk, segment)
    dropped = data_queue(sk, segment)
    answer(sk)
    return dropped


def _was_expected(sk: TcpSock, segment: Segment) -> bool:
    """Header prediction: an ACK that Linux takes the timestamp of before it looks at what is acknowledged.

    Linux differs: with data it does so, too, and takes the data, if the socket's memory has room left over.
    """
    tsval = segment.options.tsval
    return (
        segment.flags & ~tcp.PSH == tcp.ACK
        and segment.seq == segment.end_seq == sk.rcv_nxt
        and segment.window << sk.snd_wscale == sk.snd_wnd
        and segment.header_length == tcp.HEADER_LENGTH + (TIMESTAMP_ALIGNED if sk.ts_ok else 0)
        and not sk.ooo
        and sk.urgent_seq is None
        and not after(segment.ack, sk.snd_nxt)
        and bool(receive_window(sk))
        and (not sk.ts_ok or (tsval is not None and not before(tsval, sk.ts_recent)))
    )


def answer(sk: TcpSock) -> None:
    """Send what may go now, then acknowledge what that did not."""
    _send_more(sk)
    if not sk.is_closed:
        check_ack(sk)


def _send_more(sk: TcpSock) -> None:
    """Linux: net/ipv4/tcp_input.c tcp_data_snd_check()"""
    if not sk.is_closed:
        push_pending(sk)
        note_room(sk)


def _in_other_states(sk: TcpSock, segment: Segment) -> DropReason | None:
    """Linux: net/ipv4/tcp_input.c tcp_rcv_state_process()"""
    if not segment.flags & (tcp.ACK | tcp.RST | tcp.SYN):
        return TCP_FLAGS
    refused = _validate(sk, segment)
    if refused is not None:
        return refused
    verdict = receive_ack(sk, segment, replaces_ts=True)
    if sk.is_closed:
        return None
    if verdict is not Verdict.GOOD and sk.state is TcpState.SYN_RECV:
        answer_with_reset(sk.context, segment)
        return _ACK_PROBLEMS[verdict]
    if verdict in (Verdict.TOO_OLD, Verdict.UNSENT):
        challenge(sk)
        return _ACK_PROBLEMS[verdict]
    if _our_fin_is_acknowledged(sk, segment):
        return None
    if sk.is_closed:
        return TCP_ABORT_ON_DATA
    _note_urgent(sk, segment)
    dropped = _take_data(sk, segment)
    answer(sk)
    return dropped


def _our_fin_is_acknowledged(sk: TcpSock, segment: Segment) -> bool:
    """What the ACK means besides; whether that was all that the segment is good for."""
    state, all_arrived = sk.state, sk.snd_una == sk.write_seq
    if state is TcpState.SYN_RECV:
        open_connection(sk, segment)
    elif state is TcpState.FIN_WAIT1 and all_arrived:
        sk.become(TcpEvent.FIN_ACKED)
        if sk.is_orphan:
            return _orphan_in_fin_wait2(sk, segment)
        sk.on_event()
    elif state is TcpState.CLOSING and all_arrived:
        time_wait(sk, TcpState.TIME_WAIT)
        return True
    elif state is TcpState.LAST_ACK and all_arrived:
        done(sk, TcpEvent.FIN_ACKED)
        return True
    return False


def _orphan_in_fin_wait2(sk: TcpSock, segment: Segment) -> bool:
    """Nobody will read what the peer still sends: wait for its FIN, and for nothing else."""
    if sk.linger2 < 0 or _brings_data(sk, segment):
        done(sk)
        sk.tcp.ext.TCPAbortOnData += 1
        answer_with_reset(sk.context, segment)
        return True
    wait = fin_time(sk)
    if wait > TIMEWAIT_LENGTH:
        sk.keepalive_timer.set(wait - TIMEWAIT_LENGTH)
    elif segment.flags & tcp.FIN:
        sk.keepalive_timer.set(wait)
    else:
        time_wait(sk, TcpState.FIN_WAIT2, wait)
        return True
    return False


def _brings_data(sk: TcpSock, segment: Segment) -> bool:
    end = segment.end_seq - (segment.flags & tcp.FIN) & MASK
    return segment.end_seq != segment.seq and after(end, sk.rcv_nxt)


def _take_data(sk: TcpSock, segment: Segment) -> DropReason | None:
    state = sk.state
    if state in PEER_IS_DONE and not before(segment.seq, sk.rcv_nxt):
        return None
    if sk.shutdown & RCV_SHUTDOWN and state is not TcpState.ESTABLISHED and _brings_data(sk, segment):
        sk.tcp.ext.TCPAbortOnData += 1
        answer_with_reset(sk.context, segment)
        was_reset(sk)
        return TCP_ABORT_ON_DATA
    return data_queue(sk, segment)


# -- is it believable? -------------------------------------------------------------------------------------


def _validate(sk: TcpSock, segment: Segment) -> DropReason | None:
    """Timestamp, sequence, RST, SYN, in this order. Linux: tcp_validate_incoming()"""
    flags = segment.flags
    if _is_old(sk, segment) and not flags & tcp.RST:
        if flags & tcp.SYN:
            return _challenge_syn(sk)
        if flags & tcp.ACK and segment.seq == segment.end_seq and before(segment.seq, sk.rcv_nxt):
            sk.tcp.ext.PAWSOldAck += 1  # other paths overtook it
            return TCP_RFC7323_PAWS
        sk.tcp.ext.PAWSEstab += 1
        if not is_rate_limited(sk, segment, "TCPACKSkippedPAWS"):
            _send_duplicate_ack(sk, segment)
        return TCP_RFC7323_PAWS
    if not _is_in_window(sk, segment):
        return _out_of_window(sk, segment)
    if flags & tcp.RST:
        return _take_reset(sk, segment)
    if flags & tcp.SYN:
        return _take_syn(sk, segment)
    return None


def _is_old(sk: TcpSock, segment: Segment) -> bool:
    """PAWS. Linux: net/ipv4/tcp_input.c tcp_paws_discard()"""
    tsval = segment.options.tsval
    if not sk.ts_ok or tsval is None or not sk.ts_recent or not before(tsval + 1 & MASK, sk.ts_recent):
        return False
    if sk.tcp.clock.now - sk.ts_recent_stamp >= PAWS_24_DAYS:
        return False
    return not _is_disordered_ack(sk, segment)


def _is_disordered_ack(sk: TcpSock, segment: Segment) -> bool:
    """A pure ACK that was overtaken does no harm. Linux: tcp_disordered_ack_check()"""
    return bool(
        segment.flags & tcp.ACK
        and segment.seq == segment.end_seq
        and segment.seq == sk.rcv_nxt
        and segment.ack == sk.snd_una
        and not _may_update_window(sk, segment)
        and (sk.ts_recent - (segment.options.tsval or 0)) & MASK <= sk.rto * 1024
    )


def _may_update_window(sk: TcpSock, segment: Segment) -> bool:
    window = segment.window << sk.snd_wscale
    opens_or_shuts = window > sk.snd_wnd or not window
    return after(segment.seq, sk.snd_wl1) or (segment.seq == sk.snd_wl1 and opens_or_shuts)


def _is_in_window(sk: TcpSock, segment: Segment) -> bool:
    """Linux: net/ipv4/tcp_input.c tcp_sequence()"""
    if before(segment.end_seq, sk.rcv_wup):
        return False
    end = sk.rcv_nxt + receive_window(sk) & MASK
    if not after(segment.end_seq, end):
        return True
    if after(segment.seq, end):
        return False
    if sk.rcvq_length:
        sk.tcp.ext.BeyondWindow += 1
        return False
    return True


def _out_of_window(sk: TcpSock, segment: Segment) -> DropReason:
    if segment.flags & tcp.RST:
        if _is_reset_of_fin(sk, segment):
            was_reset(sk)
            return TCP_RESET
    elif segment.flags & tcp.SYN:
        return _challenge_syn(sk)
    elif not is_rate_limited(sk, segment, "TCPACKSkippedSeq"):
        _send_duplicate_ack(sk, segment)
    return TCP_INVALID_SEQUENCE


def _is_reset_of_fin(sk: TcpSock, segment: Segment) -> bool:
    """A peer that forgot its FIN resets one number below. Linux: tcp_reset_check()"""
    return segment.seq == sk.rcv_nxt - 1 & MASK and sk.state in PEER_IS_DONE


def _take_reset(sk: TcpSock, segment: Segment) -> DropReason:
    """Only an exact number is believed (RFC 5961 section 3.2)."""
    exact = segment.seq == sk.rcv_nxt or _is_reset_of_fin(sk, segment)
    if not exact and sk.sack_blocks:
        highest = sk.sack_blocks[0][1]
        for _, end in sk.sack_blocks:
            highest = end if after(end, highest) else highest
        exact = segment.seq == highest
    if exact:
        was_reset(sk)
    else:
        challenge(sk)
    return TCP_RESET


def _take_syn(sk: TcpSock, segment: Segment) -> DropReason | None:
    """RFC 5961 section 4.2; the second SYN of a simultaneous open is well."""
    if (
        sk.state is TcpState.SYN_RECV
        and segment.flags & tcp.ACK
        and segment.seq + 1 & MASK == segment.end_seq
        and segment.end_seq == sk.rcv_nxt
        and segment.ack == sk.snd_nxt
    ):
        return None
    return _challenge_syn(sk)


def _challenge_syn(sk: TcpSock) -> DropReason:
    sk.tcp.ext.TCPSYNChallenge += 1
    challenge(sk)
    return TCP_INVALID_SYN


def challenge(sk: TcpSock) -> None:
    """Ask the peer what it means (RFC 5961). Linux: tcp_send_challenge_ack()"""
    if is_too_soon(sk, "TCPACKSkippedChallenge") or not sk.tcp.may_challenge():
        return
    sk.tcp.ext.TCPChallengeACK += 1
    send_ack(sk)


def _send_duplicate_ack(sk: TcpSock, segment: Segment) -> None:
    """Linux: net/ipv4/tcp_input.c tcp_send_dupack()"""
    seq, end = segment.seq, segment.end_seq
    if seq != end and before(seq, sk.rcv_nxt):
        sk.tcp.ext.DelayedACKLost += 1
        enter_quickack(sk)
        tcp_sack.set_duplicate(sk, seq, sk.rcv_nxt if after(end, sk.rcv_nxt) else end)
    send_ack(sk)


def _note_urgent(sk: TcpSock, segment: Segment) -> None:
    """Where the urgent octet is, which read() leaves out. Linux: net/ipv4/tcp_input.c tcp_check_urg()

    Linux differs: MSG_OOB gives that octet, and SIGURG tells of it.
    """
    if not segment.flags & tcp.URG:
        return
    mark = segment.seq + (segment.urgent - 1 if segment.urgent else 0) & MASK
    if after(sk.copied_seq, mark) or before(mark, sk.rcv_nxt):
        return
    if sk.urgent_seq is None or after(mark, sk.urgent_seq):
        sk.urgent_seq = mark
