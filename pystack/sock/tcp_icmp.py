"""What routers and hosts say of a connection's segments. Linux: net/ipv4/tcp_ipv4.c tcp_v4_err()"""

from __future__ import annotations

from pystack.l3.fib_types import Flow
from pystack.sock.errors import IcmpError
from pystack.sock.inet import IP_PMTUDISC_DONT
from pystack.sock.tcp_end import fail
from pystack.sock.tcp_recovery import retransmit_lost
from pystack.sock.tcp_rtt import set_rto
from pystack.sock.tcp_seq import between
from pystack.sock.tcp_sizes import LONGEST_MTU, sync_first_mss, sync_mss, way_of
from pystack.sock.tcp_sock import RTO_INITIAL, CaState, TcpSock
from pystack.sock.tcp_states import TcpState
from pystack.wire import icmp

_OPENING = frozenset({TcpState.SYN_SENT, TcpState.SYN_RECV})


def take_error(sk: TcpSock, error: IcmpError, seq: int) -> list[Flow]:
    """Only an error about what is under way counts; none but a lost opening ends a connection."""
    if not between(seq, sk.snd_una, sk.snd_nxt):
        sk.tcp.ext.OutOfWindowIcmps += 1
        return []
    if error.type == icmp.ICMP_REDIRECT:
        return sk.flow_of(error)
    if error.type == icmp.ICMP_SOURCE_QUENCH:
        return []
    if error.is_frag_needed:
        _take_mtu(sk, error)
        return []
    errno, _ = error.meaning()
    if error.type == icmp.ICMP_DEST_UNREACH and error.code in (icmp.ICMP_NET_UNREACH, icmp.ICMP_HOST_UNREACH):
        _revert_backoff(sk, seq)
    if sk.state in _OPENING:
        if sk.recverr:
            sk.queue_error(error, errno)
        fail(sk, errno)
    elif sk.recverr:
        sk.queue_error(error, errno)
        sk.report_error(errno)
    else:
        sk.soft_error = errno
    return []


def _take_mtu(sk: TcpSock, error: IcmpError) -> None:
    """The way is narrower than thought. Linux: net/ipv4/tcp_ipv4.c tcp_v4_mtu_reduced()"""
    for flow in sk.flow_of(error):
        sk.context.learn_mtu(flow, error.info)
    sk.forget_route()
    route = way_of(sk)
    if route is None:
        return
    mtu = min(route.mtu, LONGEST_MTU)
    if sk.pmtudisc == IP_PMTUDISC_DONT or sk.pmtu <= mtu:
        return
    if sk.state is TcpState.SYN_SENT:
        return sync_first_mss(sk, mtu)
    sync_mss(sk, mtu)
    _simple_retransmit(sk)


def _simple_retransmit(sk: TcpSock) -> None:
    """What was too long is lost without congestion. Linux: tcp_simple_retransmit()"""
    too_long = [
        piece for piece in sk.rtx_queue if (piece.mss if piece.segments > 1 else len(piece.data)) > sk.mss
    ]
    if not too_long:
        return
    for piece in too_long:
        piece.is_lost, piece.is_resent = True, False
    if sk.ca_state is not CaState.LOSS:
        sk.high_seq = sk.snd_nxt
        sk.ssthresh = min(sk.ssthresh, sk.cwnd)
        sk.ca_state = CaState.LOSS
    retransmit_lost(sk)


def _revert_backoff(sk: TcpSock, seq: int) -> None:
    """The silence was the network's, not the peer's (RFC 6069). Linux: tcp_ld_RTO_revert()"""
    if seq != sk.snd_una or not sk.retransmits or not sk.backoff or not sk.rtx_queue:
        return
    sk.backoff -= 1
    if sk.srtt:
        set_rto(sk)
    else:
        sk.rto = RTO_INITIAL
    sk.rto = min(sk.rto * 2**sk.backoff, sk.tcp.sysctl.tcp_rto_max_ms / 1000)
    passed = sk.tcp.clock.now - sk.rtx_queue[0].sent_at
    sk.arm(max(sk.rto - passed, 0.0))
