"""How long the peer takes to answer, and how long to wait before sending again (RFC 6298)."""

from __future__ import annotations

from math import ceil
from typing import Final

from pystack.sock.tcp_seq import after
from pystack.sock.tcp_sock import TcpSock

_SHORTEST: Final = 1e-6
_SECOND: Final = 1_000_000


def sample(sk: TcpSock, seconds: float) -> None:
    """One more round trip was measured. Linux: net/ipv4/tcp_input.c tcp_rtt_estimator()

    `mdev` and what is made of it are four times the deviation, so that the RTO is a sum.
    """
    least, m = sk.tcp.sysctl.tcp_rto_min_us / 1e6, max(seconds, _SHORTEST)
    sk.counts.note_rtt(m, sk.tcp.clock.now)
    if not sk.srtt:
        sk.srtt = m
        sk.mdev = 2 * m
        sk.rttvar = sk.mdev_max = max(sk.mdev, least)
        sk.rtt_seq = sk.snd_nxt
    else:
        error = m - sk.srtt
        sk.srtt += error / 8
        change = abs(error) - sk.mdev / 4
        if error < 0 < change:
            change /= 8  # a shorter round trip is no reason to wait longer
        sk.mdev += change
        if sk.mdev > sk.mdev_max:
            sk.mdev_max = sk.mdev
            sk.rttvar = max(sk.rttvar, sk.mdev_max)
        if after(sk.snd_una, sk.rtt_seq):
            if sk.mdev_max < sk.rttvar:
                sk.rttvar -= (sk.rttvar - sk.mdev_max) / 4
            sk.rtt_seq = sk.snd_nxt
            sk.mdev_max = least
    set_rto(sk)
    sk.backoff = 0


def set_rto(sk: TcpSock) -> None:
    """In whole ticks of the kernel's clock. Linux: net/ipv4/tcp_input.c tcp_set_rto()"""
    hz = sk.tcp.clock.hz
    microseconds = int((sk.srtt + sk.rttvar) * _SECOND)
    sk.rto = min(ceil(microseconds * hz / _SECOND) / hz, sk.tcp.sysctl.tcp_rto_max_ms / 1000)
