"""TCP_INFO: how a connection goes, as tools and programs read it.

Linux differs: it measures the rate of delivery and whether the program limited it, how long the send buffer
was too small, and reordering; these are 0 here. The pacing rate is what it would be now: nothing is paced.
"""

from __future__ import annotations

from struct import Struct
from typing import Final, NamedTuple

from pystack.sock.tcp_seq import MASK, distance
from pystack.sock.tcp_sock import NEVER, TcpSock

_LAYOUT: Final = Struct("<8B24I4Q6I4Q2I2Q4I")
_TIMESTAMPS, _SACK, _WSCALE = 1, 2, 4
_NO_LIMIT: Final = 0xFFFFFFFFFFFFFFFF
_NONE_YET: Final = 0xFFFFFFFF
_FASTER_AT_FIRST, _FASTER = (
    2.0,
    1.2,
)  # than a window in a round trip. net.ipv4.tcp_pacing_ss_ratio, …_ca_ratio


class TcpInfo(NamedTuple):
    """Linux: include/uapi/linux/tcp.h struct tcp_info"""

    state: int = 0
    ca_state: int = 0
    retransmits: int = 0
    probes: int = 0
    backoff: int = 0
    options: int = 0
    scales: int = 0  # the peer's, and ours 4 bits above
    delivery_rate_app_limited: int = 0
    rto: int = 0  # microseconds, as all times but the four `last_`
    ato: int = 0
    snd_mss: int = 0
    rcv_mss: int = 0
    unacked: int = 0
    sacked: int = 0
    lost: int = 0
    retrans: int = 0
    fackets: int = 0
    last_data_sent: int = 0
    last_ack_sent: int = 0
    last_data_recv: int = 0
    last_ack_recv: int = 0
    pmtu: int = 0
    rcv_ssthresh: int = 0
    rtt: int = 0
    rttvar: int = 0
    snd_ssthresh: int = 0
    snd_cwnd: int = 0
    advmss: int = 0
    reordering: int = 0
    rcv_rtt: int = 0
    rcv_space: int = 0
    total_retrans: int = 0
    pacing_rate: int = _NO_LIMIT  # octets a second
    max_pacing_rate: int = _NO_LIMIT
    bytes_acked: int = 0
    bytes_received: int = 0
    segs_out: int = 0
    segs_in: int = 0
    notsent_bytes: int = 0
    min_rtt: int = 0
    data_segs_in: int = 0
    data_segs_out: int = 0
    delivery_rate: int = 0
    busy_time: int = 0
    rwnd_limited: int = 0
    sndbuf_limited: int = 0
    delivered: int = 0
    delivered_ce: int = 0
    bytes_sent: int = 0
    bytes_retrans: int = 0
    dsack_dups: int = 0
    reord_seen: int = 0
    rcv_ooopack: int = 0
    snd_wnd: int = 0

    @property
    def has_timestamps(self) -> bool:
        """Both sides send them."""
        return bool(self.options & _TIMESTAMPS)

    @property
    def has_sack(self) -> bool:
        """Both sides tell of what came out of order."""
        return bool(self.options & _SACK)

    @property
    def wscales(self) -> tuple[int, int] | None:
        """The peer's and ours, if both scale."""
        return (self.scales & 15, self.scales >> 4) if self.options & _WSCALE else None


def tcp_info(sk: TcpSock) -> bytes:
    """What getsockopt() gives."""
    return _LAYOUT.pack(*info_of(sk))


def info_of(sk: TcpSock) -> TcpInfo:
    """Linux: net/ipv4/tcp.c tcp_get_info()"""
    reordering = sk.reordering
    if sk.listening is not None:
        queued, room = len(sk.listening.accepted), sk.listening.limit
        return TcpInfo(sk.state, snd_cwnd=sk.cwnd, reordering=reordering, unacked=queued, sacked=room)
    return TcpInfo(
        state=sk.state,
        ca_state=sk.ca_state,
        retransmits=sk.retransmits,
        probes=sk.probes_out,
        backoff=sk.backoff,
        options=sk.ts_ok * _TIMESTAMPS | sk.sack_ok * _SACK | sk.wscale_ok * _WSCALE,
        scales=sk.snd_wscale | sk.rcv_wscale << 4 if sk.wscale_ok else 0,
        reordering=reordering,
        pacing_rate=_pacing_rate(sk),
        **_lengths(sk),
        **_under_way(sk),
        **_times(sk),
        **_counts(sk),
    )


def _lengths(sk: TcpSock) -> dict[str, int]:
    return {
        "snd_mss": sk.mss,
        "rcv_mss": sk.rcv_mss,
        "pmtu": sk.pmtu,
        "advmss": sk.adv_mss,
        "rcv_ssthresh": sk.rcv_ssthresh,
        "rcv_space": sk.space,
        "snd_wnd": sk.snd_wnd,
    }


def _under_way(sk: TcpSock) -> dict[str, int]:
    return {
        "unacked": sk.packets_out,
        "sacked": sk.dup_acks,
        "lost": sum(piece.segments for piece in sk.rtx_queue if piece.is_lost),
        "retrans": sum(piece.segments for piece in sk.rtx_queue if piece.is_resent),
        "snd_ssthresh": sk.ssthresh,
        "snd_cwnd": sk.cwnd,
        "notsent_bytes": distance(sk.snd_nxt, sk.write_seq),
    }


def _times(sk: TcpSock) -> dict[str, int]:
    now, counts, tick = sk.tcp.clock.now, sk.counts, 1_000_000 // sk.tcp.clock.hz
    jiffies = sk.tcp.clock.jiffies
    limited = counts.limited_ticks(jiffies)
    return {
        "rto": _micro(sk.rto),
        "ato": _micro(sk.ato),
        "last_data_sent": _since(now, sk.last_sent),
        "last_data_recv": _since(now, sk.last_received),
        "last_ack_recv": _since(now, sk.rcv_tstamp),
        "rtt": _micro(sk.srtt),
        "rttvar": _micro(sk.mdev / 4),
        "rcv_rtt": _micro(sk.rcv_rtt),
        "min_rtt": _micro(counts.min_rtt) if counts.min_rtt else _NONE_YET,
        "busy_time": counts.busy_ticks(jiffies) * tick,
        "rwnd_limited": limited * tick,
    }


def _counts(sk: TcpSock) -> dict[str, int]:
    counts = sk.counts
    return {
        "bytes_sent": counts.bytes_sent,
        "bytes_retrans": counts.bytes_retrans,
        "bytes_acked": counts.bytes_acked,
        "bytes_received": counts.bytes_received,
        "segs_out": counts.segs_out & MASK,
        "segs_in": counts.segs_in & MASK,
        "data_segs_out": counts.data_segs_out & MASK,
        "data_segs_in": counts.data_segs_in & MASK,
        "delivered": counts.delivered & MASK,
        "total_retrans": counts.total_retrans & MASK,
        "dsack_dups": counts.dsack_dups & MASK,
        "rcv_ooopack": counts.rcv_ooopack & MASK,
    }


def _pacing_rate(sk: TcpSock) -> int:
    """Linux: net/ipv4/tcp_input.c tcp_update_pacing_rate()"""
    if not sk.srtt:
        return _NO_LIMIT
    faster = _FASTER_AT_FIRST if sk.cwnd < sk.ssthresh // 2 else _FASTER
    return int(sk.mss * max(sk.cwnd, sk.packets_out) * faster / sk.srtt)


def _micro(seconds: float) -> int:
    return min(round(seconds * 1_000_000), 0xFFFFFFFF)


def _since(now: float, then: float) -> int:
    """Milliseconds."""
    return min(round(max(now - then, 0.0) * 1000), 0xFFFFFFFF) if then != NEVER else 0
