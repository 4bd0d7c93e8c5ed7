"""Half-open connections: a SYN was answered, the peer has not yet proved that it is there.

Linux: net/ipv4/inet_connection_sock.c reqsk_timer_handler(), net/ipv4/tcp_minisocks.c tcp_check_req()
"""

from __future__ import annotations

from typing import Final

from pystack.drop import (
    NO_SOCKET,
    TCP_FLAGS,
    TCP_INVALID_SEQUENCE,
    TCP_LISTEN_OVERFLOW,
    TCP_RESET,
    TCP_RFC7323_PAWS,
    TCP_RFC7323_TSECR,
    DropReason,
)
from pystack.l3.fib_types import Flow
from pystack.l3.route import Rtable
from pystack.sock.errors import IcmpError
from pystack.sock.tcp_context import Endpoint, connection_key
from pystack.sock.tcp_input import receive
from pystack.sock.tcp_reset import send_ack, send_reset
from pystack.sock.tcp_rtt import sample
from pystack.sock.tcp_segment import Segment
from pystack.sock.tcp_seq import MASK, after, before, between, in_window
from pystack.sock.tcp_sizes import advertised_mss, route_back, sync_mss
from pystack.sock.tcp_sock import NEVER, RTO_INITIAL, TcpSock
from pystack.sock.tcp_states import TcpEvent
from pystack.sock.tcp_timewait import is_rate_limited
from pystack.sock.tcp_window import LARGEST_WINDOW, InitialWindow, initialize_rcv_mss
from pystack.timers import Timer
from pystack.wire import icmp, tcp
from pystack.wire.ipv4 import IP_DF, IPPROTO_TCP, Ipv4Header
from pystack.wire.tcp import TcpHeader
from pystack.wire.tcp_options import TIMESTAMP_ALIGNED, build, build_syn

_MSS_WITHOUT_OPTION: Final = 536
_FINAL_ERRORS: Final = (icmp.ICMP_PARAMETERPROB, icmp.ICMP_TIME_EXCEEDED)
_FINAL_CODES: Final = (icmp.ICMP_NET_UNREACH, icmp.ICMP_HOST_UNREACH)
_COPIED: Final = (  # from the listener to its clones
    "reuse reuseport ifindex mark tos ttl pmtudisc transparent freebind rcvbuf rcvbuf_is_locked sndbuf "
    "sndbuf_is_locked keepopen keepidle keepintvl keepcnt linger linger_time linger2 nodelay cork "
    "user_timeout user_mss shutdown recverr min_ttl priority filter filter_is_locked told "
    "rcvtimeo sndtimeo bind_no_port"
).split()


class Request(Endpoint):
    """Linux: include/net/request_sock.h struct request_sock, include/linux/tcp.h struct tcp_request_sock"""

    __slots__ = (
        "cookie",
        "isn",
        "key",
        "last_oow_ack",
        "listener",
        "mss",
        "peer_isn",
        "resent",
        "sack_ok",
        "sent_at",
        "snd_wscale",
        "tcp",
        "timeouts",
        "timer",
        "ts_offset",
        "ts_ok",
        "ts_recent",
        "tsval_first",
        "tsval_last",
        "was_acked",
        "window",
        "wscale_ok",
    )

    def __init__(self, listener: TcpSock, segment: Segment, isn: int, route: Rtable) -> None:
        self.tcp = tcp_ = listener.tcp
        self.listener = listener
        options, sysctl, ip = segment.options, tcp_.sysctl, segment.ip
        self.key = connection_key(ip.daddr, segment.dport, ip.saddr, segment.sport)
        self.peer_isn, self.isn = segment.seq, isn
        offered = min(options.mss or LARGEST_WINDOW, listener.user_mss or LARGEST_WINDOW)
        self.mss = offered if options.mss else _MSS_WITHOUT_OPTION
        self.wscale_ok = options.wscale is not None and bool(sysctl.tcp_window_scaling)
        self.snd_wscale = options.wscale or 0
        self.ts_ok = options.tsval is not None and bool(sysctl.tcp_timestamps)
        self.ts_recent = options.tsval or 0
        self.ts_offset = tcp_.timestamp_offset(ip.daddr, ip.saddr)
        self.tsval_first = self.tsval_last = 0  # of our SYN-ACKs
        self.sack_ok = options.sack_perm and bool(sysctl.tcp_sack)
        mss = self.advertised(route) - (TIMESTAMP_ALIGNED if self.ts_ok else 0)
        self.window = InitialWindow(listener, mss, wscale_ok=self.wscale_ok)
        self.timeouts = 0
        self.cookie = 0
        self.resent = 0
        self.was_acked = False
        self.sent_at = tcp_.clock.now
        self.last_oow_ack = NEVER
        self.timer: Timer | None = None

    def advertised(self, route: Rtable) -> int:
        """The MSS that our SYN-ACK tells."""
        return min(advertised_mss(route), self.listener.user_mss or LARGEST_WINDOW)

    # -- the queue -----------------------------------------------------------------------------------------

    def enqueue(self) -> None:
        """Wait for the peer's ACK. Linux: inet_csk_reqsk_queue_hash_add()"""
        listening = self.listener.listening
        assert listening is not None
        listening.requests[self.key] = self
        listening.young += 1
        self.tcp.connections[self.key] = self
        self.timer = self.tcp.timers.after(RTO_INITIAL, self._expire)

    @property
    def is_abandoned(self) -> bool:
        """Whether the listener has gone: the next segment finds that out, or the timer."""
        return self.listener.listening is None

    def leave(self) -> None:
        """Linux: inet_csk_reqsk_queue_drop()"""
        if self.timer is not None:
            self.timer.cancel()
            self.timer = None
        listening = self.listener.listening
        if listening is not None and listening.requests.pop(self.key, None) is not None:
            listening.young -= not self.timeouts
        if self.tcp.connections.get(self.key) is self:
            del self.tcp.connections[self.key]

    def vanish(self) -> None:
        self.leave()

    def _expire(self) -> None:
        """Send the SYN-ACK again, or give up. Linux: reqsk_timer_handler()"""
        self.timer = None
        self.tcp.ext.TCPTimeouts += 1
        listening = self.listener.listening
        if listening is None or self.timeouts >= self._most_retries(len(listening.requests), listening.young):
            return self.leave()
        self._resend()
        if not self.timeouts:
            listening.young -= 1
        self.timeouts += 1
        delay = min(RTO_INITIAL * 2**self.timeouts, self.tcp.sysctl.tcp_rto_max_ms / 1000)
        self.timer = self.tcp.timers.after(delay, self._expire)

    def _most_retries(self, waiting: int, young: int) -> int:
        """The fuller the queue is of old ones, the sooner they go."""
        most = self.listener.syn_retries or self.tcp.sysctl.tcp_synack_retries
        limit = self.listener.listening.limit if self.listener.listening is not None else 0
        if waiting << 1 > max(8, limit):
            young <<= 1
            while most > 2 and waiting >= young:
                most -= 1
                young <<= 1
        return most

    def _resend(self) -> None:
        """Linux: net/ipv4/tcp_output.c tcp_rtx_synack()"""
        route = self.route()
        if route is not None:
            self.send_synack(*route)
            self.resent += 1
            self.tcp.stats.RetransSegs += 1
            self.tcp.ext.TCPSynRetrans += 1

    # -- out -----------------------------------------------------------------------------------------------

    @property
    def ends(self) -> tuple[int, int, int, int]:
        """Our address and port, and the peer's."""
        ours, theirs = self.key >> 48, self.key & 0xFFFFFFFFFFFF
        return ours >> 16, ours & 0xFFFF, theirs >> 16, theirs & 0xFFFF

    def route(self) -> tuple[Rtable, Flow] | None:
        """Linux: net/ipv4/inet_connection_sock.c inet_csk_route_req()"""
        return route_back(self.listener, *self.ends)

    def send_synack(self, route: Rtable, flow: Flow, tsval: int | None = None) -> None:
        """Linux: net/ipv4/tcp_ipv4.c tcp_v4_send_synack(), tcp_make_synack()"""
        sk, tcp_ = self.listener, self.tcp
        timestamps = None
        if self.ts_ok:
            self.tsval_last = tcp_.now_ms + self.ts_offset & MASK if tsval is None else tsval
            self.tsval_first = self.tsval_first or self.tsval_last
            timestamps = self.tsval_last, self.ts_recent
        header = TcpHeader(
            flow.sport,
            flow.dport,
            seq=self.isn,
            ack=self.peer_isn + 1 & MASK,
            flags=tcp.SYN | tcp.ACK,
            window=min(self.window.window, LARGEST_WINDOW),
            options=build_syn(
                self.advertised(route),
                timestamps,
                self.sack_ok,
                self.window.wscale if self.wscale_ok else None,
            ),
        )
        output = sk.context.output
        ttl = sk.ttl or output.ttl_for(route)
        own = Ipv4Header(flow.saddr, flow.daddr, IPPROTO_TCP, ttl=ttl, tos=sk.tos, frag_off=IP_DF)
        pkt = output.build(own, tcp.build_unfinished(header, b"", flow.saddr, flow.daddr), route)
        pkt.offload = tcp.offload(pkt.transport_header, header, self.mss, 0)
        pkt.mark = sk.mark
        tcp_.stats.OutSegs += 1
        output.ip_local_out(pkt)

    # -- in ------------------------------------------------------------------------------------------------

    @property
    def owner(self) -> TcpSock:
        return self.listener

    def receive(self, segment: Segment) -> DropReason | None:
        """Linux: net/ipv4/tcp_minisocks.c tcp_check_req()"""
        seq, flags = segment.seq, segment.flags
        is_old = self._is_old(segment)
        control = flags & (tcp.RST | tcp.SYN | tcp.ACK)
        if seq == self.peer_isn and control == tcp.SYN and not is_old:
            if not is_rate_limited(self, segment, "TCPACKSkippedSynRecv"):
                self._resend_now()
            return NO_SOCKET
        start = self.peer_isn + 1 & MASK
        is_inside = in_window(seq, segment.end_seq, start, start + self.window.window & MASK)
        is_rejected = is_old or self._echoes_nothing_sent(segment)
        if flags & tcp.RST and is_inside and not is_rejected:
            return self._give_up(segment) if seq == start else self._challenge(segment)
        if flags & tcp.ACK and segment.ack != self.isn + 1 & MASK:
            send_reset(self.tcp.context, segment)
            return NO_SOCKET
        if is_rejected or not is_inside:
            return self._out_of_window(segment, is_old)
        if seq == self.peer_isn:
            flags &= ~tcp.SYN  # the SYN itself is below the window
        if flags & tcp.SYN:
            return self._give_up(segment)
        if not flags & tcp.ACK:
            return TCP_FLAGS
        return self._open(segment)

    def icmp_error(self, error: IcmpError, seq: int) -> list[Flow]:
        """Who cannot be reached, or not in time, is forgotten. Linux: net/ipv4/tcp_ipv4.c tcp_req_err()"""
        is_final = error.type in _FINAL_ERRORS or (
            error.type == icmp.ICMP_DEST_UNREACH and error.code in _FINAL_CODES
        )
        if seq != self.isn:
            self.tcp.ext.OutOfWindowIcmps += 1
        elif is_final:
            self.leave()
            self.listener.queue.dropped += 1
            self.tcp.ext.ListenDrops += 1
        return []

    def _is_old(self, segment: Segment) -> bool:
        tsval = segment.options.tsval
        return bool(self.ts_ok and tsval is not None and self.ts_recent and before(tsval, self.ts_recent))

    def _echoes_nothing_sent(self, segment: Segment) -> bool:
        """A timestamp that no SYN-ACK told, come back. Linux: tcp_check_req(), tsecr_reject"""
        echo = segment.options.tsecr if self.ts_ok and segment.options.tsval is not None else 0
        return bool(echo) and not between(echo, self.tsval_first, self.tsval_last)

    def _resend_now(self) -> None:
        """The peer asks again: so do we, and the next time is moved."""
        self._resend()
        if self.timer is not None:
            self.timer.cancel()
            delay = min(RTO_INITIAL * 2**self.timeouts, self.tcp.sysctl.tcp_rto_max_ms / 1000)
            self.timer = self.tcp.timers.after(delay, self._expire)

    def _out_of_window(self, segment: Segment, is_old: bool) -> DropReason:
        if not segment.flags & tcp.RST:
            self._answer(segment)
        if is_old:
            self.tcp.ext.PAWSEstab += 1
            return TCP_RFC7323_PAWS
        if self._echoes_nothing_sent(segment):
            self.tcp.ext.TSEcrRejected += 1
            return TCP_RFC7323_TSECR
        return TCP_INVALID_SEQUENCE

    def _challenge(self, segment: Segment) -> DropReason:
        """Only a reset with the exact number is believed (RFC 5961)."""
        self._answer(segment)
        return TCP_RESET

    def _answer(self, segment: Segment) -> None:
        if not is_rate_limited(self, segment, "TCPACKSkippedSynRecv"):
            tsval = self.tcp.now_ms + self.ts_offset & MASK if self.ts_ok else None
            window = min(self.window.window >> self.window.wscale, LARGEST_WINDOW)
            numbers = self.isn + 1 & MASK, self.peer_isn + 1 & MASK, window
            options = build(tsval, self.ts_recent, [])
            send_ack(self.tcp.context, segment, *numbers, options, segment.ip.tos & ~3)

    def _give_up(self, segment: Segment) -> DropReason:
        self.tcp.stats.AttemptFails += 1
        if not segment.flags & tcp.RST:
            send_reset(self.tcp.context, segment)
        self.leave()
        self.tcp.ext.EmbryonicRsts += 1
        return TCP_RESET

    def _open(self, segment: Segment) -> DropReason | None:
        listener, listening = self.listener, self.listener.listening
        brings_nothing = segment.end_seq == self.peer_isn + 1 & MASK
        if brings_nothing and self.timeouts < listener.defer_accept:
            self.was_acked = True
            return None
        if listening is None or listening.is_full:
            self.tcp.ext.ListenOverflows += 1
            self.tcp.ext.ListenDrops += 1
            if self.tcp.sysctl.tcp_abort_on_overflow:
                return self._give_up(segment)
            self.was_acked = True
            return TCP_LISTEN_OVERFLOW
        self.leave()
        return accept_clone(self, segment)


def accept_clone(request: Request, segment: Segment) -> DropReason | None:
    """Let the peer in: a socket for it waits to be accepted. Linux: tcp_v4_syn_recv_sock()"""
    listener = request.listener
    assert listener.listening is not None
    child = _clone(request, segment)
    tsval = segment.options.tsval if child.tcp.sysctl.tcp_timestamps else None
    if tsval is not None and not after(segment.seq, child.rcv_nxt):
        child.ts_recent = tsval  # even where timestamps were not agreed on: TIME_WAIT tells it
    listener.listening.accepted.append(child)
    if not request.resent:
        sample(child, child.tcp.clock.now - request.sent_at)
    dropped = receive(child, segment)
    listener.on_event()
    return dropped


def _clone(request: Request, segment: Segment) -> TcpSock:
    """Linux: net/ipv4/tcp_minisocks.c tcp_create_openreq_child()"""
    listener, tcp_ = request.listener, request.tcp
    child = type(listener)(tcp_)
    for name in _COPIED:
        setattr(child, name, getattr(listener, name))
    ours, our_port, theirs, their_port = request.ends
    child.rcv_saddr = child.saddr = ours
    child.daddr, child.dport = theirs, their_port
    child.is_connected = True
    child._ident = tcp_.rng.below(0x10000)
    child.rcv_nxt = child.rcv_wup = child.copied_seq = request.peer_isn + 1 & MASK
    child.snd_una = child.snd_nxt = child.small_end = request.isn + 1 & MASK
    child.write_seq = child.pushed_seq = child.snd_nxt
    child.snd_wl1 = request.peer_isn
    child.last_received = child.last_sent = tcp_.clock.now
    child.ts_ok, child.sack_ok, child.wscale_ok = request.ts_ok, request.sack_ok, request.wscale_ok
    child.window_clamp = request.window.clamp
    child.rcv_ssthresh = child.rcv_wnd = request.window.window
    if request.wscale_ok:
        child.snd_wscale, child.rcv_wscale = request.snd_wscale, request.window.wscale
    else:
        child.window_clamp = min(child.window_clamp, LARGEST_WINDOW)
    child.snd_wnd = child.max_window = segment.window << child.snd_wscale
    if request.ts_ok:
        child.ts_recent, child.ts_recent_stamp = request.ts_recent, tcp_.clock.now or 1e-9
    child.ts_offset = request.ts_offset
    child.total_timeouts = request.timeouts
    child.counts.segs_in, child.counts.total_retrans = 1, request.resent
    child.cookie = request.cookie
    child.mss_clamp = request.mss
    tcp_.stats.PassiveOpens += 1
    _find_way(child, request)
    child.become(TcpEvent.CLONE)
    child.key = request.key
    tcp_.connections[child.key] = child
    tcp_.ports.hold(child, our_port)
    return child


def _find_way(child: TcpSock, request: Request) -> None:
    child.num = request.ends[1]
    found = request.route()
    if found is None:
        sync_mss(child, 1500)
    else:
        sync_mss(child, found[0].mtu)
        child.adv_mss = min(advertised_mss(found[0]), child.user_mss or LARGEST_WINDOW)
    initialize_rcv_mss(child)
