"""`ss -i`: how a TCP connection goes, in the real one's words and order. What is zero is left out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pystack.sock.tcp_context import Endpoint
from pystack.sock.tcp_info import TcpInfo, info_of
from pystack.sock.tcp_sock import TcpSock
from pystack.sock.tcp_states import TcpState

CONGESTION_CONTROL: Final = "reno"
_RTO_OF_OLD: Final = 3_000_000  # which kernels told where there was none
_SSTHRESH_TOLD: Final = 0xFFFF
_REORDERING: Final = 3
_NO_LIMIT: Final = 0xFFFFFFFFFFFFFFFF
_NO_RTT: Final = 0xFFFFFFFF


def info_text(end: Endpoint, *, with_options: bool, is_numeric: bool) -> str:
    """Nothing of what is no socket yet or no more. Reading: iproute2 misc/ss.c tcp_stats_print()"""
    if not isinstance(end, TcpSock):
        return ""
    info = info_of(end)
    words = [
        *(_options(info) if with_options else ()),
        CONGESTION_CONTROL,
        *_agreed(info),
        *_counted(info),
        *_rates(info, is_numeric),
        *_busy(info),
        *_losses(info),
        *_receiving(info),
    ]
    return "".join(f" {word}" for word in words)


def _options(info: TcpInfo) -> Iterator[str]:
    if info.has_timestamps:
        yield "ts"
    if info.has_sack:
        yield "sack"


def _agreed(info: TcpInfo) -> Iterator[str]:
    if info.wscales is not None:
        yield "wscale:{},{}".format(*info.wscales)
    if info.rto != _RTO_OF_OLD:
        yield from _unless_zero(rto=info.rto / 1000)
    yield from _unless_zero(backoff=info.backoff)
    if info.rtt:
        yield f"rtt:{info.rtt / 1000:g}/{info.rttvar / 1000:g}"
    ssthresh = info.snd_ssthresh if info.snd_ssthresh < _SSTHRESH_TOLD else 0
    yield from _unless_zero(
        ato=info.ato / 1000,
        mss=info.snd_mss,
        pmtu=info.pmtu,
        rcvmss=info.rcv_mss,
        advmss=info.advmss,
        cwnd=info.snd_cwnd,
        ssthresh=ssthresh,
    )


def _counted(info: TcpInfo) -> Iterator[str]:
    return _unless_zero(
        bytes_sent=info.bytes_sent,
        bytes_retrans=info.bytes_retrans,
        bytes_acked=info.bytes_acked,
        bytes_received=info.bytes_received,
        segs_out=info.segs_out,
        segs_in=info.segs_in,
        data_segs_out=info.data_segs_out,
        data_segs_in=info.data_segs_in,
    )


def _rates(info: TcpInfo, is_numeric: bool) -> Iterator[str]:
    if info.rtt and info.snd_mss and info.snd_cwnd:
        yield f"send {_bandwidth(info.snd_cwnd * info.snd_mss * 8e6 / info.rtt, is_numeric)}bps"
    yield from _unless_zero(
        lastsnd=info.last_data_sent, lastrcv=info.last_data_recv, lastack=info.last_ack_recv
    )
    if info.pacing_rate not in (0, _NO_LIMIT):
        yield f"pacing_rate {_bandwidth(info.pacing_rate * 8.0, is_numeric)}bps"
    yield from _unless_zero(delivered=info.delivered)


def _bandwidth(bits: float, is_numeric: bool) -> str:
    """Linux: iproute2 misc/ss.c sprint_bw()"""
    if is_numeric:
        return f"{bits:.0f}"
    if bits > 1e6:
        return f"{bits / 1e6:.1f}M"
    if bits > 1e3:
        return f"{bits / 1e3:.1f}K"
    return f"{bits:g}"


def _busy(info: TcpInfo) -> Iterator[str]:
    if not info.busy_time:
        return
    yield f"busy:{info.busy_time // 1000}ms"
    if info.rwnd_limited:
        share = 100 * info.rwnd_limited / info.busy_time
        yield f"rwnd_limited:{info.rwnd_limited // 1000}ms({share:.1f}%)"


def _losses(info: TcpInfo) -> Iterator[str]:
    yield from _unless_zero(unacked=info.unacked)
    if info.retrans or info.total_retrans:
        yield f"retrans:{info.retrans}/{info.total_retrans}"
    yield from _unless_zero(
        lost=info.lost,
        sacked=info.sacked if info.state != TcpState.LISTEN else 0,
        dsack_dups=info.dsack_dups,
        reordering=info.reordering if info.reordering != _REORDERING else 0,
    )


def _receiving(info: TcpInfo) -> Iterator[str]:
    return _unless_zero(
        rcv_rtt=info.rcv_rtt / 1000,
        rcv_space=info.rcv_space,
        rcv_ssthresh=info.rcv_ssthresh,
        notsent=info.notsent_bytes,
        minrtt=info.min_rtt / 1000 if info.min_rtt != _NO_RTT else 0,
        rcv_ooopack=info.rcv_ooopack,
        snd_wnd=info.snd_wnd,
    )


def _unless_zero(**values: float) -> Iterator[str]:
    for name, value in values.items():
        if value:
            yield f"{name}:{value if isinstance(value, int) else format(value, 'g')}"
