"""All that one TCP connection knows. What is done with it stands in the modules beside, as functions:

tcp_input (which segment means what) -> tcp_ack, tcp_receive -> tcp_recovery -> tcp_output -> tcp_window

Times are seconds, sequence numbers are taken modulo 2**32.
"""

from __future__ import annotations

from collections import deque
from enum import IntEnum
from typing import Final, Protocol

from pystack.sock.inet import InetSocket
from pystack.sock.lazy_timer import LazyTimer
from pystack.sock.tcp_context import Endpoint, TcpContext
from pystack.sock.tcp_counts import TcpCounts
from pystack.sock.tcp_segment import Piece, Waiting
from pystack.sock.tcp_states import COUNTED_AS_ESTABLISHED, TcpEvent, TcpState, next_state
from pystack.wire.ipv4 import IPPROTO_TCP
from pystack.wire.tcp_options import Block

RCV_SHUTDOWN: Final = 1
SEND_SHUTDOWN: Final = 2

MSS_DEFAULT: Final = 536
MIN_MSS: Final = 88
RTO_INITIAL: Final = 1.0
INITIAL_WINDOW: Final = 10  # segments
ATO_MIN: Final = 0.04
INFINITE_SSTHRESH: Final = 0x7FFFFFFF
NEVER: Final = -1e9
DEFAULT_SCALING_RATIO: Final = 128  # of 256: how much of a receive buffer is data


class CaState(IntEnum):
    """How sending goes. Linux: include/uapi/linux/tcp.h enum tcp_ca_state"""

    OPEN = 0
    DISORDER = 1
    RECOVERY = 3
    LOSS = 4


class HalfOpen(Protocol):
    """Somebody who knocks."""

    def leave(self) -> None:
        """Be forgotten."""


class Listening:
    """What a listener holds: those that knock, and those that wait to be let in.

    Linux: include/net/request_sock.h struct request_sock_queue
    """

    __slots__ = ("accepted", "last_overflow", "limit", "requests", "young")

    def __init__(self, limit: int) -> None:
        self.limit = limit
        self.requests: dict[int, HalfOpen] = {}  # half-open, by connection_key()
        self.young = 0  # those whose SYN-ACK was sent once only
        self.accepted: deque[TcpSock] = deque()
        self.last_overflow = NEVER

    @property
    def is_full(self) -> bool:
        """Linux: include/net/sock.h sk_acceptq_is_full()"""
        return len(self.accepted) > self.limit

    @property
    def has_many_requests(self) -> bool:
        """Linux: include/net/inet_connection_sock.h inet_csk_reqsk_queue_is_full()"""
        return len(self.requests) > self.limit


class TcpSock(InetSocket, Endpoint):
    """Linux: include/linux/tcp.h struct tcp_sock"""

    __slots__ = (
        "ack_is_scheduled",
        "ack_now",
        "ack_pushed",
        "ack_pushed_twice",
        "ack_timer",
        "address_is_locked",
        "adv_mss",
        "ato",
        "backoff",
        "ca_state",
        "compressed",
        "copied_seq",
        "cork",
        "counts",
        "counts_as_orphan",
        "cwnd",
        "cwnd_counter",
        "cwnd_is_limited",
        "defer_accept",
        "dsack",
        "dup_acks",
        "gap_acks",
        "gap_at",
        "has_ended",
        "high_seq",
        "is_connecting",
        "is_disconnecting",
        "is_orphan",
        "keepalive_timer",
        "keepcnt",
        "keepidle",
        "keepintvl",
        "key",
        "last_length",
        "last_oow_ack",
        "last_received",
        "last_sent",
        "linger2",
        "listening",
        "max_packets_out",
        "max_window",
        "mdev",
        "mdev_max",
        "mss",
        "mss_clamp",
        "nodelay",
        "ooo",
        "out_since",
        "packets_out",
        "pingpong",
        "pmtu",
        "port_is_bound",
        "port_is_locked",
        "prior_cwnd",
        "probes_out",
        "prr_delivered",
        "prr_out",
        "pushed_seq",
        "quick",
        "rcv_mss",
        "rcv_nxt",
        "rcv_rtt",
        "rcv_ssthresh",
        "rcv_tstamp",
        "rcv_wnd",
        "rcv_wscale",
        "rcv_wup",
        "rcvbuf",
        "rcvbuf_is_locked",
        "rcvq",
        "rcvq_joined",
        "rcvq_length",
        "rcvq_truesize",
        "recovered_at",
        "reordering",
        "retransmit_timer",
        "retransmits",
        "rto",
        "rtt_seq",
        "rtt_tsecr",
        "rtt_window_end",
        "rtt_window_since",
        "rttvar",
        "rtx_queue",
        "sack_blocks",
        "sack_ok",
        "sacked_to",
        "scaling_ratio",
        "shutdown",
        "small_end",
        "snd_nxt",
        "snd_una",
        "snd_wl1",
        "snd_wnd",
        "snd_wscale",
        "sndbuf_is_locked",
        "soft_error",
        "space",
        "space_seq",
        "space_since",
        "sport",
        "srtt",
        "ssthresh",
        "state",
        "syn_retries",
        "tcp",
        "timer_is_probe",
        "total_timeouts",
        "ts_offset",
        "ts_ok",
        "ts_recent",
        "ts_recent_stamp",
        "urgent_seq",
        "usage_seq",
        "user_mss",
        "user_timeout",
        "wants_room",
        "window_clamp",
        "write_queue",
        "write_queued",
        "write_seq",
        "wscale_ok",
    )

    def __init__(self, tcp: TcpContext) -> None:
        super().__init__(tcp.context, IPPROTO_TCP)
        sysctl = tcp.sysctl
        self.tcp = tcp
        self.state = TcpState.CLOSE
        self.key = 0  # under which it is in tcp.connections; 0: it is not
        self.shutdown = 0
        self.is_orphan = False  # closed by the program, or not yet given to one
        self.counts_as_orphan = False
        self.counts = TcpCounts()
        self.has_ended = False  # the peer has said that it sends no more
        self.address_is_locked = False  # bind() named it, so it stays when a connection ends
        self.is_connecting = False  # the program has not yet asked how its connect() ended
        self.is_disconnecting = False  # shut down while it did not know; it connects no more
        self.port_is_bound = False  # it came by bind()
        self.port_is_locked = False  # bind() named it, so it stays when a connection ends
        self.sport = 0  # the port that it had, when it has none any more
        self.soft_error = 0  # what routers said; told only if all is given up
        # The stream out: what waits, what is under way.
        self.write_queue: deque[Piece] = deque()
        self.rtx_queue: deque[Piece] = deque()
        self.write_queued = 0  # octets in both
        self.sndbuf = sysctl.tcp_wmem[1]
        self.sndbuf_is_locked = False
        self.wants_room = False  # the program had more to send
        self.write_seq = self.snd_nxt = self.snd_una = 0
        self.pushed_seq = 0  # up to where PSH was asked for
        self.small_end = 0  # where the last segment that was not full ended (Minshall)
        self.snd_wnd = self.snd_wl1 = self.max_window = 0
        self.packets_out = 0
        self.mss = MSS_DEFAULT  # octets of data in a segment out, its options taken off
        self.mss_clamp = 0xFFFF  # what the peer takes
        self.user_mss = 0
        self.pmtu = 0
        self.nodelay = self.cork = False
        # The stream in.
        self.rcvq: deque[tuple[bytes, int]] = deque()  # and what each costs
        self.rcvq_length = 0
        self.rcvq_joined = 0  # segments in the last packet of it, as the kernel has it
        self.rcvq_truesize = 0
        self.ooo: list[Waiting] = []  # out of order, sorted, not overlapping
        self.rcvbuf = sysctl.tcp_rmem[1]
        self.rcvbuf_is_locked = False
        self.rcv_nxt = self.copied_seq = self.rcv_wup = 0
        self.rcv_wnd = self.rcv_ssthresh = self.window_clamp = 0
        self.scaling_ratio = DEFAULT_SCALING_RATIO
        self.adv_mss = MSS_DEFAULT
        self.space = self.space_seq = 0  # what the program read in a round trip, and since where
        self.space_since = 0.0
        self.rcv_rtt = 0.0  # as the receiver sees it
        self.rtt_tsecr = self.rtt_window_end = 0
        self.rtt_window_since = 0.0
        self.urgent_seq: int | None = None
        # What both sides agreed on.
        self.ts_ok = self.sack_ok = self.wscale_ok = False
        self.snd_wscale = self.rcv_wscale = 0
        self.ts_offset = 0
        self.ts_recent = 0
        self.ts_recent_stamp = 0.0  # 0: none yet
        self.sack_blocks: list[Block] = []
        self.dsack: Block | None = None
        # When to acknowledge.
        self.ack_is_scheduled = self.ack_now = False
        self.ack_pushed = self.ack_pushed_twice = False
        self.quick = 0
        self.pingpong = 0
        self.ato = 0.0
        self.rcv_mss = 0
        self.last_length = 0  # of a segment that was shorter, but seemed whole
        self.compressed = 0  # ACKs that were saved since the last one
        self.gap_at = self.gap_acks = 0  # how many ACKs told of this gap
        self.last_received = self.last_sent = self.rcv_tstamp = 0.0
        self.last_oow_ack = NEVER
        # Round trips, and how much may be under way.
        self.srtt = self.mdev = self.mdev_max = self.rttvar = 0.0
        self.rtt_seq = 0
        self.rto = RTO_INITIAL
        self.backoff = 0
        self.retransmits = 0
        self.total_timeouts = 0
        self.out_since = 0.0  # when the oldest thing that had to be sent again was sent first
        self.cwnd = INITIAL_WINDOW
        self.cwnd_counter = 0
        self.cwnd_is_limited = False
        self.max_packets_out = 0
        self.usage_seq = 0  # until which these two hold
        self.ssthresh = INFINITE_SSTHRESH
        self.ca_state = CaState.OPEN
        self.dup_acks = 0
        self.reordering = sysctl.tcp_reordering  # how many duplicates tell of a loss
        self.sacked_to = 0  # up to where the peer has told of what came to it
        self.high_seq = 0
        self.prior_cwnd = 0
        self.prr_delivered = self.prr_out = 0
        self.recovered_at: int | None = None
        # Timers, and what the program asked for.
        timers = tcp.timers
        self.retransmit_timer = LazyTimer(timers, self.on_retransmit_timer)
        self.ack_timer = LazyTimer(timers, self.on_ack_timer)
        self.keepalive_timer = LazyTimer(timers, self.on_keepalive_timer)
        self.timer_is_probe = False  # the retransmission timer waits for a window to open
        self.probes_out = 0
        self.keepidle = self.keepintvl = self.keepcnt = 0  # 0: as the sysctl says
        self.syn_retries = 0
        self.defer_accept = 0
        self.user_timeout = 0.0
        self.linger2 = 0
        self.listening: Listening | None = None

    @property
    def name(self) -> tuple[int, int]:
        return self.rcv_saddr or self.saddr, self.num or self.sport

    @property
    def owner(self) -> InetSocket:
        return self

    def on_retransmit_timer(self) -> None:
        """The three timers; tcp.py says what they do."""
        raise NotImplementedError

    def on_ack_timer(self) -> None:
        raise NotImplementedError

    def on_keepalive_timer(self) -> None:
        raise NotImplementedError

    def become(self, event: TcpEvent) -> None:
        """Go where the table says, and count it. Linux: net/ipv4/tcp.c tcp_set_state()"""
        old, new = self.state, next_state(self.state, event)
        self.state = new
        stats = self.tcp.stats
        if new is TcpState.CLOSE and old in COUNTED_AS_ESTABLISHED:
            stats.EstabResets += 1
        stats.CurrEstab += (new in COUNTED_AS_ESTABLISHED) - (old in COUNTED_AS_ESTABLISHED)

    @property
    def is_closed(self) -> bool:
        """Nothing is left of the connection."""
        return self.state is TcpState.CLOSE

    @property
    def in_flight(self) -> int:
        """Segments that are thought to be under way. Linux: tcp_packets_in_flight()"""
        lost = resent = 0
        if self.ca_state >= CaState.RECOVERY:
            for piece in self.rtx_queue:
                if piece.is_lost:
                    lost += piece.segments
                if piece.is_resent:
                    resent += piece.segments
        return self.packets_out - self.dup_acks - lost + resent

    def arm(self, delay: float, *, probe: bool = False) -> None:
        """One timer serves retransmissions and window probes. Linux: inet_csk_reset_xmit_timer()"""
        self.timer_is_probe = probe
        self.retransmit_timer.set(min(delay, self.tcp.sysctl.tcp_rto_max_ms / 1000))
