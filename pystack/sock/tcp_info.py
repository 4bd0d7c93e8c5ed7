"""TCP_INFO: how a connection goes, as tools and programs read it.

Linux differs: what is not counted here is 0 (octets and segments of a connection, pacing, delivery rates).
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from pystack.sock.tcp_sock import NEVER, TcpSock
from pystack.sock.tcp_states import TcpState

_BYTES: Final = Struct("<8B")
_WORDS: Final = Struct("<24I")
_TIMESTAMPS, _SACK, _WSCALE = 1, 2, 4


def tcp_info(sk: TcpSock) -> bytes:
    """struct tcp_info, up to tcpi_total_retrans. Linux: net/ipv4/tcp.c tcp_get_info()"""
    options = sk.ts_ok * _TIMESTAMPS | sk.sack_ok * _SACK | sk.wscale_ok * _WSCALE
    scales = sk.snd_wscale | sk.rcv_wscale << 4
    head = _BYTES.pack(sk.state, sk.ca_state, sk.retransmits, sk.probes_out, sk.backoff, options, scales, 0)
    if sk.state is TcpState.LISTEN:
        return head + _of_listener(sk)
    return head + _WORDS.pack(*_words(sk))


def _of_listener(sk: TcpSock) -> bytes:
    """How many wait to be accepted, and how many may."""
    assert sk.listening is not None
    words = [0] * 24
    words[0], words[4], words[5] = _micro(sk.rto), len(sk.listening.accepted), sk.listening.limit
    return _WORDS.pack(*words)


def _words(sk: TcpSock) -> tuple[int, ...]:
    now = sk.tcp.clock.now
    lost = sum(piece.segments for piece in sk.rtx_queue if piece.is_lost)
    resent = sum(piece.segments for piece in sk.rtx_queue if piece.is_resent)
    return (
        _micro(sk.rto),
        _micro(sk.ato),
        sk.mss,
        sk.rcv_mss,
        sk.packets_out,
        sk.dup_acks,
        lost,
        resent,
        0,
        _since(now, sk.last_sent),
        0,
        _since(now, sk.last_received),
        _since(now, sk.rcv_tstamp),
        sk.pmtu,
        sk.rcv_ssthresh,
        _micro(sk.srtt),
        _micro(sk.mdev),
        sk.ssthresh,
        sk.cwnd,
        sk.adv_mss,
        sk.tcp.sysctl.tcp_reordering,
        _micro(sk.rcv_rtt),
        sk.space,
        sk.total_timeouts,
    )


def _micro(seconds: float) -> int:
    return min(round(seconds * 1_000_000), 0xFFFFFFFF)


def _since(now: float, then: float) -> int:
    """Milliseconds."""
    return min(round(max(now - then, 0.0) * 1000), 0xFFFFFFFF) if then != NEVER else 0
