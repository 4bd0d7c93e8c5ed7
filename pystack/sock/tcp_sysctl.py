"""net.ipv4.tcp_*, as far as TCP reads them."""

from __future__ import annotations

from dataclasses import dataclass, fields

from pystack.sysctl import Knob, Sysctls


@dataclass(slots=True)
class TcpSysctl:
    """Linux: include/net/netns/ipv4.h"""

    tcp_abort_on_overflow: int = 0
    tcp_challenge_ack_limit: int = 0x7FFFFFFF
    tcp_comp_sack_nr: int = 44
    tcp_dsack: int = 1
    tcp_fin_timeout: int = 60
    tcp_invalid_ratelimit: int = 500
    tcp_keepalive_intvl: int = 75
    tcp_keepalive_probes: int = 9
    tcp_keepalive_time: int = 7200
    tcp_max_syn_backlog: int = 2048
    tcp_max_tw_buckets: int = 131072
    tcp_min_snd_mss: int = 48
    tcp_moderate_rcvbuf: int = 1
    tcp_orphan_retries: int = 0
    tcp_pingpong_thresh: int = 1
    tcp_reordering: int = 3
    tcp_retries1: int = 3
    tcp_retries2: int = 15
    tcp_rfc1337: int = 0
    tcp_rmem: tuple[int, ...] = (4096, 131072, 33554432)
    tcp_rto_max_ms: int = 120_000
    tcp_rto_min_us: int = 200_000
    tcp_sack: int = 1
    tcp_slow_start_after_idle: int = 1
    tcp_syn_linear_timeouts: int = 4
    tcp_syn_retries: int = 6
    tcp_synack_retries: int = 5
    tcp_syncookies: int = 1
    tcp_timestamps: int = 1
    tcp_tso_win_divisor: int = 3
    tcp_tw_reuse: int = 2
    tcp_tw_reuse_delay: int = 1000
    tcp_window_scaling: int = 1
    tcp_wmem: tuple[int, ...] = (4096, 16384, 4194304)
    somaxconn: int = 4096

    def bind(self, sysctls: Sysctls) -> None:
        """Give each its name."""
        for entry in fields(self):
            folder = "core" if entry.name == "somaxconn" else "ipv4"
            sysctls.bind(("net", folder, entry.name), Knob(self, entry.name))
