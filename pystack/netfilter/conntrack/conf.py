"""net.netfilter.nf_conntrack_*: what they hold, and how they get their names."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

from pystack.netfilter.conntrack.conn import Lifetimes
from pystack.netfilter.conntrack.sctp_states import State as SctpState
from pystack.netfilter.conntrack.tcp_states import State as TcpState
from pystack.sysctl import Knob, Sysctls

_OF_TCP: Final = tuple(f"tcp_timeout_{state.name.lower()}" for state in TcpState)
_ESTABLISHED: Final = TcpState.ESTABLISHED
_OF_SCTP: Final = tuple(f"sctp_timeout_{state.name.lower()}" for state in SctpState)


@dataclass(slots=True)
class Limits:
    """Of the whole host."""

    max: int = 262144  # connections in one namespace
    expect_max: int = 4096  # connections that one namespace expects


@dataclass(slots=True)
class ConntrackConf(Lifetimes):
    """Times in seconds. Linux: net/netfilter/nf_conntrack_standalone.c nf_ct_sysctl_table"""

    acct: int = 0
    checksum: int = 1
    events: int = 2
    generic_timeout: int = 600
    gre_timeout: int = 30
    gre_timeout_stream: int = 180
    icmp_timeout: int = 30
    icmpv6_timeout: int = 30
    log_invalid: int = 0
    sctp_timeout_closed: int = 10
    sctp_timeout_cookie_echoed: int = 3
    sctp_timeout_cookie_wait: int = 3
    sctp_timeout_established: int = 210
    sctp_timeout_heartbeat_sent: int = 30
    sctp_timeout_shutdown_ack_sent: int = 3
    sctp_timeout_shutdown_recd: int = 3
    sctp_timeout_shutdown_sent: int = 3
    tcp_be_liberal: int = 0
    tcp_ignore_invalid_rst: int = 0
    tcp_loose: int = 1
    tcp_max_retrans: int = 3
    tcp_timeout_close: int = 10
    tcp_timeout_close_wait: int = 60
    tcp_timeout_established: int = 432000
    tcp_timeout_fin_wait: int = 120
    tcp_timeout_last_ack: int = 30
    tcp_timeout_max_retrans: int = 300
    tcp_timeout_syn_recv: int = 60
    tcp_timeout_syn_sent: int = 120
    tcp_timeout_syn_sent2: int = 120  # which Linux gives no name
    tcp_timeout_time_wait: int = 120
    tcp_timeout_unacknowledged: int = 300
    timestamp: int = 0
    udp_timeout: int = 30
    udp_timeout_stream: int = 120

    def tcp_timeout(self, state: int) -> int:
        """How long a TCP connection stays in a state when nothing comes."""
        if state == _ESTABLISHED:  # as nearly always
            return self.tcp_timeout_established
        return _timeout(self, _OF_TCP[state])

    def sctp_timeout(self, state: int) -> int:
        """How long an SCTP association stays in a state when nothing comes."""
        return _timeout(self, _OF_SCTP[state])


def _timeout(conf: ConntrackConf, name: str) -> int:
    seconds = getattr(conf, name)
    assert isinstance(seconds, int), f"{name} is a number of seconds"
    return seconds


def bind(sysctls: Sysctls, conf: ConntrackConf) -> None:
    """Give all of them their names."""
    for field in fields(conf):
        if field.name != "tcp_timeout_syn_sent2":
            sysctls.bind(("net", "netfilter", f"nf_conntrack_{field.name}"), Knob(conf, field.name))
