"""TCP sockets over IPv4 (RFC 9293), as a program uses them. Linux: net/ipv4/tcp.c

Sans-I/O: no call waits. connect() returns with the SYN on its way, send() takes what there is room for,
recv() gives what came. `on_event` says that something changed; who hears it acts later, not within the call.

Linux differs: it has more congestion controls than Reno; it learns of loss from SACK blocks and from timers
of its own (RACK, TLP, F-RTO) where duplicates are counted here; it takes back what it reduced in vain; and it
knows ECN, Fast Open, signatures, pacing, MTU probing and the IP options of a SYN.
"""

from __future__ import annotations

from typing import Final

from pystack.drop import DropReason
from pystack.errors import (
    EALREADY,
    ECONNABORTED,
    ECONNRESET,
    EINVAL,
    EISCONN,
    ENETDOWN,
    ENOTCONN,
    EPIPE,
    NetError,
)
from pystack.l3.fib_types import Flow
from pystack.sock import tcp_connect, tcp_input, tcp_listen, tcp_read, tcp_timers
from pystack.sock.errors import IcmpError
from pystack.sock.tcp_end import destroy, done, fail, fin_time, time_wait
from pystack.sock.tcp_icmp import take_error
from pystack.sock.tcp_output import (
    NAGLE_OFF,
    nagle_of,
    push_pending,
    send_reset,
    shut_down_sending,
    write_xmit,
)
from pystack.sock.tcp_segment import Piece, Segment
from pystack.sock.tcp_seq import MASK, after
from pystack.sock.tcp_sizes import current_mss, queued_cost, size_goal
from pystack.sock.tcp_sock import RCV_SHUTDOWN, SEND_SHUTDOWN, Listening, TcpSock
from pystack.sock.tcp_states import MAY_SEND, SENDS_FIN, TcpEvent, TcpState
from pystack.sock.tcp_timewait import TIMEWAIT_LENGTH
from pystack.wire import tcp
from pystack.wire.checksum import Buffer

SHUT_RD: Final = 0
SHUT_WR: Final = 1
SHUT_RDWR: Final = 2

_OPENING: Final = frozenset({TcpState.SYN_SENT, TcpState.SYN_RECV})
_UNDECIDED: Final = _OPENING | {TcpState.CLOSE}
_BOTH: Final = RCV_SHUTDOWN | SEND_SHUTDOWN
# States in which to vanish means to reset. Linux: net/ipv4/tcp.c tcp_need_reset()
_NEEDS_RESET: Final = frozenset(
    {TcpState.ESTABLISHED, TcpState.CLOSE_WAIT, TcpState.FIN_WAIT1, TcpState.FIN_WAIT2, TcpState.SYN_RECV}
)


class TcpSocket(TcpSock):
    """What socket(AF_INET, SOCK_STREAM, 0) gives."""

    __slots__ = ()

    # -- opening -------------------------------------------------------------------------------------------

    def bind(self, address: int = 0, port: int = 0) -> None:
        """bind(). Linux: net/ipv4/af_inet.c __inet_bind()"""
        old = self.rcv_saddr, self.saddr, self._way
        self.bind_address(address)
        if self.num or self.state is not TcpState.CLOSE:
            self.rcv_saddr, self.saddr, self._way = old
            raise NetError(EINVAL)
        if not port and self.bind_no_port:
            self.port_is_bound, self.address_is_locked = True, bool(self.rcv_saddr)
            return
        try:
            self.tcp.ports.bind(self, port)
        except NetError:
            self.rcv_saddr = self.saddr = 0
            raise
        self.port_is_bound = True
        self.port_is_locked, self.address_is_locked = bool(port), bool(self.rcv_saddr)

    def listen(self, backlog: int) -> None:
        """listen(). Linux: net/ipv4/af_inet.c inet_listen()"""
        if self.state not in (TcpState.CLOSE, TcpState.LISTEN) or self._is_taken():
            raise NetError(EINVAL)
        limit = min(backlog & 0xFFFFFFFF, self.tcp.sysctl.somaxconn)
        if self.listening is not None:
            self.listening.limit = limit
            return
        if self.num:
            self.tcp.ports.check(self)
        else:
            self.tcp.ports.bind(self, 0)
        self.listening = Listening(limit)
        self.become(TcpEvent.LISTEN)
        self.tcp.listeners.add(self)

    def _is_taken(self) -> bool:
        return self.is_connecting or self.is_connected or self.is_disconnecting

    def accept(self) -> TcpSocket | None:
        """The connection that waits longest, None if none does. Raises NetError."""
        if self.listening is None:
            raise NetError(EINVAL)
        if not self.listening.accepted:
            return None
        child = self.listening.accepted.popleft()
        assert isinstance(child, TcpSocket)
        return child

    def connect(self, daddr: int, dport: int) -> None:
        """connect(): the SYN leaves; `state` and `error` tell the rest. A second call tells them too.

        Linux: net/ipv4/af_inet.c __inet_stream_connect(), net/ipv4/tcp_ipv4.c tcp_v4_connect()
        """
        if self.is_disconnecting:
            raise NetError(EINVAL)
        if self.is_connecting:
            return self._tell_of_connecting()
        if self.state is not TcpState.CLOSE or self.is_connected:
            raise NetError(EISCONN)
        tcp_connect.connect(self, daddr, dport)
        self.is_connecting = True

    def _tell_of_connecting(self) -> None:
        if self.state in _OPENING:
            raise NetError(EALREADY)
        self.is_connecting = False
        if self.state is TcpState.CLOSE:
            error = self.errors.take_pending() or ECONNABORTED
            tcp_connect.forget_peer(self)
            raise NetError(error)

    # -- the stream ----------------------------------------------------------------------------------------

    @property
    def error(self) -> int:
        """getsockopt(SO_ERROR): told once, what routers said too."""
        number = self.errors.take_pending()
        if not number:
            number, self.soft_error = self.soft_error, 0
        return number

    def send(self, data: Buffer, *, more: bool = False) -> int:
        """How many octets were taken, 0 if there is no room now. Raises NetError.

        Linux: net/ipv4/tcp.c tcp_sendmsg_locked()
        """
        if self.state in _OPENING:
            return 0
        if self.errors.pending:
            raise NetError(self.errors.take_pending())
        if self.shutdown & SEND_SHUTDOWN:
            raise NetError(EPIPE)
        if self.state not in MAY_SEND:
            raise NetError(EPIPE)
        mss = current_mss(self)
        goal, taken, view = size_goal(self, mss), 0, memoryview(data)
        while taken < len(view) and self._has_room(goal):
            taken += self._append(view[taken : taken + goal], goal)
            if taken == len(view):
                break
            self._push_what_is_full(mss)
        self.wants_room = taken < len(view)
        if taken:
            self._push(mss, more=more)
        return taken

    def _has_room(self, goal: int) -> bool:
        """The last piece is filled at all events. Linux: sk_stream_memory_free(), in tcp_sendmsg_locked()"""
        if queued_cost(self) < self.sndbuf:
            return True
        return bool(self.write_queue) and len(self.write_queue[-1].data) < goal

    def _append(self, part: memoryview, goal: int) -> int:
        """Into the last piece while it has room, else into a new one."""
        tail = self.write_queue[-1] if self.write_queue else None
        if tail is None or len(tail.data) >= goal:
            tail = Piece(self.write_seq, bytearray(), tcp.ACK)
            self.write_queue.append(tail)
        part = part[: goal - len(tail.data)]
        if not isinstance(tail.data, bytearray):
            tail.data = bytearray(tail.data)
        tail.data += part
        taken = len(part)
        tail.end_seq = self.write_seq = self.write_seq + taken & MASK
        tail.flags &= ~tcp.PSH
        self.write_queued += taken
        return taken

    def _push_what_is_full(self, mss: int) -> None:
        """Linux: net/ipv4/tcp.c forced_push()"""
        if after(self.write_seq, self.pushed_seq + (self.max_window >> 1) & MASK):
            self._mark_push()
            push_pending(self, NAGLE_OFF | nagle_of(self))
        elif len(self.write_queue) == 1:
            write_xmit(self, mss, NAGLE_OFF, only_one=True)

    def _mark_push(self) -> None:
        if self.write_queue:
            self.write_queue[-1].flags |= tcp.PSH
            self.pushed_seq = self.write_seq

    def _push(self, mss: int, *, more: bool) -> None:
        """Linux: net/ipv4/tcp.c tcp_push()"""
        if not self.write_queue:
            return
        if not more or after(self.write_seq, self.pushed_seq + (self.max_window >> 1) & MASK):
            self._mark_push()
        push_pending(self, nagle_of(self) | (2 if more else 0))

    def recv(self, limit: int = 1 << 20) -> bytes | None:
        """What came, at most so much; None if nothing did yet, nothing at all at the end. Raises NetError."""
        return tcp_read.read(self, limit)

    # -- ending --------------------------------------------------------------------------------------------

    def shut_down(self, how: int) -> None:
        """shutdown(). Linux: net/ipv4/af_inet.c inet_shutdown(), net/ipv4/tcp.c tcp_shutdown()"""
        if how not in (SHUT_RD, SHUT_WR, SHUT_RDWR):
            raise NetError(EINVAL)
        what = how + 1
        self.is_disconnecting |= self.is_connecting and self.state in _UNDECIDED
        if self.state is TcpState.CLOSE:
            self.shutdown |= what
            raise NetError(ENOTCONN)
        if self.state is TcpState.LISTEN:
            if what & RCV_SHUTDOWN:
                self._stop_listening()
            return
        if self.state is TcpState.SYN_SENT:
            self._disconnect()
            self.is_disconnecting = False
            return tcp_connect.forget_peer(self)
        self.shutdown |= what
        if what & SEND_SHUTDOWN and self.state is not TcpState.SYN_RECV:
            self._send_fin()
        self.on_event()

    def _send_fin(self) -> None:
        """Linux: net/ipv4/tcp.c tcp_close_state()"""
        if self.state in SENDS_FIN:
            self.become(TcpEvent.CLOSE)
            shut_down_sending(self)

    def close(self) -> None:
        """close(): what was sent still arrives, unless something was left unread or linger says no.

        Linux: net/ipv4/tcp.c __tcp_close()
        """
        self.on_event = _nobody_waits
        self.memberships.leave_all()
        self.shutdown = _BOTH
        unread, self.rcvq_length = self.rcvq_length, 0
        self.rcvq_truesize -= sum(cost for _, cost in self.rcvq)
        self.rcvq.clear()
        if self.state is TcpState.LISTEN:
            self._stop_listening()
        elif self.state is TcpState.SYN_SENT:
            done(self, TcpEvent.CLOSE)
        elif self.state is TcpState.CLOSE:
            pass
        elif unread:
            self.tcp.ext.TCPAbortOnClose += 1
            self._abort()
        elif self.linger == 0:
            self._disconnect()
            self.tcp.ext.TCPAbortOnData += 1
        else:
            self._send_fin()
        self._become_orphan()

    def _become_orphan(self) -> None:
        self.is_orphan = True
        if self.state is TcpState.CLOSE:
            return destroy(self)
        self.tcp.orphans += 1
        self.counts_as_orphan = True
        if self.state is not TcpState.FIN_WAIT2:
            return
        if self.linger2 < 0:
            self._abort()
            self.tcp.ext.TCPAbortOnLinger += 1
            return
        wait = fin_time(self)
        if wait > TIMEWAIT_LENGTH:
            self.keepalive_timer.set(wait - TIMEWAIT_LENGTH)
        else:
            time_wait(self, TcpState.FIN_WAIT2, wait)

    def _abort(self) -> None:
        send_reset(self)
        done(self)

    def _disconnect(self) -> None:
        """Vanish; the peer is told if it must be. Linux: net/ipv4/tcp.c tcp_disconnect()"""
        if self.state in _NEEDS_RESET or self.snd_nxt != self.write_seq:
            send_reset(self)
            self.errors.pending = ECONNRESET
        elif self.state is TcpState.SYN_SENT:
            self.errors.pending = ECONNRESET
        done(self)

    def _stop_listening(self) -> None:
        """Linux: net/ipv4/inet_connection_sock.c inet_csk_listen_stop()"""
        listening, self.listening = self.listening, None
        assert listening is not None
        self.become(TcpEvent.CLOSE)
        self.tcp.listeners.remove(self)
        for child in listening.accepted:
            assert isinstance(child, TcpSocket)
            child._disconnect()
            child._become_orphan()
        if not self.port_is_locked:
            self.sport = self.num
            self.tcp.ports.release(self)

    def vanish(self) -> None:
        if self.listening is not None:
            self.listening = None
            self.tcp.listeners.remove(self)
        fail(self, ENETDOWN)

    # -- what comes in -------------------------------------------------------------------------------------

    def receive(self, segment: Segment) -> DropReason | None:
        return tcp_input.receive(self, segment)

    def receive_as_listener(self, segment: Segment, isn: int = 0) -> DropReason | None:
        """A segment for no connection that is known."""
        return tcp_listen.receive(self, segment, isn)

    def icmp_error(self, error: IcmpError, seq: int) -> list[Flow]:
        return take_error(self, error, seq)

    def on_retransmit_timer(self) -> None:
        tcp_timers.on_retransmit_timer(self)

    def on_ack_timer(self) -> None:
        tcp_timers.on_ack_timer(self)

    def on_keepalive_timer(self) -> None:
        tcp_timers.on_keepalive_timer(self)


def _nobody_waits() -> None:
    pass
