"""What happens when nothing comes: sending again, probing, acknowledging late, asking whether the peer lives.

Linux: net/ipv4/tcp_timer.c
"""

from __future__ import annotations

from typing import Final

from pystack.packet import Packet
from pystack.sock.tcp_end import done, fin_time, give_up, time_wait
from pystack.sock.tcp_output import (
    RESOURCE_PROBE_INTERVAL,
    probe,
    probe_base,
    send_ack,
    send_new,
    send_reset,
    window_end,
)
from pystack.sock.tcp_recovery import enter_loss, retransmit
from pystack.sock.tcp_seq import before, distance
from pystack.sock.tcp_sizes import current_mss, way_of
from pystack.sock.tcp_sock import ATO_MIN, RTO_INITIAL, TcpSock
from pystack.sock.tcp_states import TcpState
from pystack.sock.tcp_timewait import TIMEWAIT_LENGTH
from pystack.sock.tcp_window import is_pingpong
from pystack.wire import tcp

_OPENING: Final = frozenset({TcpState.SYN_SENT, TcpState.SYN_RECV})
_ORPHAN_RETRIES: Final = 8
_TICK: Final = 0.004
_SEQ_AT: Final = 4  # in a TCP header


def on_retransmit_timer(sk: TcpSock) -> None:
    """Linux: net/ipv4/tcp_timer.c tcp_write_timer_handler()"""
    if sk.state in (TcpState.CLOSE, TcpState.LISTEN):
        return
    if sk.timer_is_probe:
        _probe_window(sk)
    else:
        _retransmit(sk)


# -- retransmission ----------------------------------------------------------------------------------------


def _retransmit(sk: TcpSock) -> None:
    """Linux: net/ipv4/tcp_timer.c tcp_retransmit_timer()"""
    if not sk.rtx_queue:
        return
    if not sk.snd_wnd and not sk.is_orphan and sk.state not in _OPENING:
        if _window_stayed_shut(sk):
            return give_up(sk)
        enter_loss(sk)
        retransmit(sk, 0, 1)
        return _back_off(sk)
    sk.tcp.ext.TCPTimeouts += 1
    if _has_waited_enough(sk):
        return give_up(sk)
    enter_loss(sk)
    sk.retransmits += 1
    sk.total_timeouts += 1
    if _is_held_back(sk):
        sk.tcp.ext.TCPSpuriousRtxHostQueues += 1
    elif not retransmit(sk, 0, 1):
        return sk.arm(min(sk.rto, RESOURCE_PROBE_INTERVAL))
    _back_off(sk)


def _is_held_back(sk: TcpSock) -> bool:
    """Whether what is to go again has not even left: nobody yet knows the next hop's station address.

    Linux: net/ipv4/tcp_output.c skb_still_in_host_queue()
    """
    route, head = way_of(sk), sk.rtx_queue[0]
    waiting = () if route is None else sk.context.output.held_back(route, sk.daddr)
    return any(pkt.sock is sk and _sequence(pkt) == head.seq for pkt in waiting)


def _sequence(pkt: Packet) -> int:
    at = pkt.transport_header + _SEQ_AT
    return int.from_bytes(pkt.data[at : at + 4], "big")


def _back_off(sk: TcpSock) -> None:
    sysctl = sk.tcp.sysctl
    if sk.state is not TcpState.SYN_SENT or sk.total_timeouts > sysctl.tcp_syn_linear_timeouts:
        sk.backoff += 1
        sk.rto = min(sk.rto * 2, sysctl.tcp_rto_max_ms / 1000)
    sk.arm(_within_user_timeout(sk, sk.rto))
    if _waited_for(sk, sysctl.tcp_retries1 + 1):
        sk.forget_route()


def _within_user_timeout(sk: TcpSock, delay: float) -> float:
    """Not to be late for TCP_USER_TIMEOUT. Linux: net/ipv4/tcp_timer.c tcp_clamp_rto_to_user_timeout()"""
    if not sk.user_timeout:
        return delay
    remaining = sk.out_since + sk.user_timeout - sk.tcp.clock.now
    return min(delay, remaining) if remaining > 0 else _TICK


def _window_stayed_shut(sk: TcpSock) -> bool:
    """Linux: net/ipv4/tcp_timer.c tcp_rtx_probe0_timed_out()"""
    longest = sk.user_timeout or 2 * sk.tcp.sysctl.tcp_rto_max_ms / 1000
    now, out_since = sk.tcp.clock.now, sk.out_since or sk.rtx_queue[0].sent_at
    return now - sk.rcv_tstamp > longest and now - out_since > longest


def _has_waited_enough(sk: TcpSock) -> bool:
    """Whether it is time to give up. Linux: net/ipv4/tcp_timer.c tcp_write_timeout()"""
    sysctl = sk.tcp.sysctl
    if sk.state in _OPENING:
        most = sk.syn_retries or sysctl.tcp_syn_retries
        if sk.state is TcpState.SYN_SENT:
            most += sysctl.tcp_syn_linear_timeouts
        if sk.retransmits >= most:
            return True
        return bool(sk.user_timeout) and _waited_for(sk, most, sk.user_timeout)
    if _waited_for(sk, sysctl.tcp_retries1):
        sk.forget_route()
    most = sysctl.tcp_retries2
    if sk.is_orphan:
        most = _orphan_retries(sk)
    return _waited_for(sk, most, sk.user_timeout)


def _orphan_retries(sk: TcpSock) -> int:
    """Linux: net/ipv4/tcp_timer.c tcp_orphan_retries()"""
    is_alive = sk.rto < sk.tcp.sysctl.tcp_rto_max_ms / 1000
    if sk.soft_error and not is_alive:
        return 0
    retries = sk.tcp.sysctl.tcp_orphan_retries
    return _ORPHAN_RETRIES if not retries and is_alive else retries


def _waited_for(sk: TcpSock, boundary: int, timeout: float = 0.0) -> bool:
    """Whether as much time passed as that many timeouts take. Linux: retransmits_timed_out()"""
    if not sk.retransmits:
        return False
    if not timeout:
        sysctl = sk.tcp.sysctl
        base = RTO_INITIAL if sk.state in _OPENING else sysctl.tcp_rto_min_us / 1e6
        longest = sysctl.tcp_rto_max_ms / 1000
        doublings = max(int(longest / base).bit_length() - 1, 0)
        timeout = ((2 << min(boundary, doublings)) - 1) * base
        timeout += max(boundary - doublings, 0) * longest
    return sk.tcp.clock.now - sk.out_since >= timeout - 1e-9


# -- window probes -----------------------------------------------------------------------------------------


def _probe_window(sk: TcpSock) -> None:
    """Linux: net/ipv4/tcp_timer.c tcp_probe_timer(), net/ipv4/tcp_output.c tcp_send_probe0()"""
    if sk.packets_out or not sk.write_queue:
        sk.probes_out = 0
        return
    sysctl = sk.tcp.sysctl
    most = sysctl.tcp_retries2
    if sk.is_orphan:
        most = _orphan_retries(sk)
        if probe_base(sk) * 2**sk.backoff >= sysctl.tcp_rto_max_ms / 1000 and sk.backoff >= most:
            return give_up(sk)
    if sk.probes_out >= most:
        return give_up(sk)
    went = write_wakeup(sk, "TCPWinProbe")
    if sk.packets_out or not sk.write_queue:
        sk.probes_out = sk.backoff = 0
        return
    sk.probes_out += 1
    if not went:
        return sk.arm(RESOURCE_PROBE_INTERVAL, probe=True)
    if sk.backoff < sysctl.tcp_retries2:
        sk.backoff += 1
    sk.arm(probe_base(sk) * 2**sk.backoff, probe=True)


def write_wakeup(sk: TcpSock, counter: str) -> bool:
    """Send what makes the peer answer: data, if the window takes some. Linux: tcp_write_wakeup()"""
    if sk.state is TcpState.CLOSE:
        return False
    head = sk.write_queue[0] if sk.write_queue else None
    if head is None or not before(head.seq, window_end(sk)):
        setattr(sk.tcp.ext, counter, getattr(sk.tcp.ext, counter) + 1)
        return probe(sk)
    mss, room = current_mss(sk), distance(head.seq, window_end(sk))
    if room < len(head.data) or len(head.data) > mss:
        head.flags |= tcp.PSH
        sk.write_queue.insert(1, head.split(min(room, mss)))
    head.flags |= tcp.PSH
    send_new(sk, head, mss)
    return True


# -- acknowledging late ------------------------------------------------------------------------------------


def on_ack_timer(sk: TcpSock) -> None:
    """Linux: net/ipv4/tcp_timer.c tcp_delack_timer_handler()"""
    if sk.state in (TcpState.CLOSE, TcpState.LISTEN) or not sk.ack_is_scheduled:
        return
    if is_pingpong(sk):
        sk.pingpong = 0
        sk.ato = ATO_MIN
    else:
        sk.ato = min(sk.ato * 2, sk.rto)
    send_ack(sk)
    sk.tcp.ext.DelayedACKs += 1


# -- keepalive ---------------------------------------------------------------------------------------------


def on_keepalive_timer(sk: TcpSock) -> None:
    """Linux: net/ipv4/tcp_timer.c tcp_keepalive_timer()"""
    if sk.state is TcpState.FIN_WAIT2 and sk.is_orphan:
        return _end_orphan(sk)
    if not sk.keepopen or sk.state in (TcpState.CLOSE, TcpState.SYN_SENT):
        return
    idle_time = keepalive_time(sk)
    if sk.packets_out or sk.write_queue:
        return sk.keepalive_timer.set(idle_time)
    elapsed = keepalive_elapsed(sk)
    if elapsed < idle_time:
        return sk.keepalive_timer.set(idle_time - elapsed)
    most = sk.keepcnt or sk.tcp.sysctl.tcp_keepalive_probes
    if sk.user_timeout:
        is_over = elapsed >= sk.user_timeout and sk.probes_out > 0
    else:
        is_over = sk.probes_out >= most
    if is_over:
        send_reset(sk)
        return give_up(sk)
    if write_wakeup(sk, "TCPKeepAlive"):
        sk.probes_out += 1
        sk.keepalive_timer.set(float(sk.keepintvl or sk.tcp.sysctl.tcp_keepalive_intvl))
    else:
        sk.keepalive_timer.set(RESOURCE_PROBE_INTERVAL)


def keepalive_time(sk: TcpSock) -> float:
    """Linux: include/net/tcp.h keepalive_time_when()"""
    return float(sk.keepidle or sk.tcp.sysctl.tcp_keepalive_time)


def keepalive_elapsed(sk: TcpSock) -> float:
    """Since when nothing came. Linux: include/net/tcp.h keepalive_time_elapsed()"""
    return sk.tcp.clock.now - max(sk.last_received, sk.rcv_tstamp)


def _end_orphan(sk: TcpSock) -> None:
    """The peer's FIN did not come in time."""
    if sk.linger2 >= 0:
        wait = fin_time(sk) - TIMEWAIT_LENGTH
        if wait > 0:
            return time_wait(sk, TcpState.FIN_WAIT2, wait)
    send_reset(sk)
    done(sk)
