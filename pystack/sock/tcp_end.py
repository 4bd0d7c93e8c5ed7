"""How a connection ends: at once, by a wait, or with an error for the program.

Linux: net/ipv4/tcp.c tcp_done(), net/ipv4/tcp_minisocks.c tcp_time_wait(), net/ipv4/tcp_timer.c
"""

from __future__ import annotations

from pystack.errors import ECONNREFUSED, ECONNRESET, EPIPE, ETIMEDOUT
from pystack.sock.tcp_sock import RCV_SHUTDOWN, SEND_SHUTDOWN, TcpSock
from pystack.sock.tcp_states import TcpEvent, TcpState
from pystack.sock.tcp_timewait import TimeWait


def unhash(sk: TcpSock) -> None:
    """No segment finds the socket any more."""
    connections = sk.tcp.connections
    if sk.key and connections.get(sk.key) is sk:
        del connections[sk.key]
    sk.key = 0


def done(sk: TcpSock, event: TcpEvent = TcpEvent.END) -> None:
    """The connection is over. Linux: net/ipv4/tcp.c tcp_done()"""
    if sk.state in (TcpState.SYN_SENT, TcpState.SYN_RECV):
        sk.tcp.stats.AttemptFails += 1
    sk.become(event)
    kill_timers(sk)
    unhash(sk)
    sk.shutdown = RCV_SHUTDOWN | SEND_SHUTDOWN
    purge_writes(sk)
    if sk.is_orphan:
        destroy(sk)
        return
    if not sk.port_is_locked:
        sk.sport = sk.num
        sk.tcp.ports.release(sk)
    sk.on_event()


def destroy(sk: TcpSock) -> None:
    """Nobody holds the socket: its port is free. Linux: inet_csk_destroy_sock()"""
    kill_timers(sk)
    sk.tcp.ports.release(sk)
    sk.rcvq.clear()
    sk.ooo.clear()
    sk.rcvq_length = sk.rcvq_truesize = 0
    if sk.counts_as_orphan:
        sk.counts_as_orphan = False
        sk.tcp.orphans -= 1


def kill_timers(sk: TcpSock) -> None:
    """Linux: net/ipv4/tcp_timer.c tcp_clear_xmit_timers()"""
    sk.retransmit_timer.kill()
    sk.ack_timer.kill()
    sk.keepalive_timer.kill()


def purge_writes(sk: TcpSock) -> None:
    """Forget what was to be sent. Linux: net/ipv4/tcp.c tcp_write_queue_purge()"""
    sk.write_queue.clear()
    sk.rtx_queue.clear()
    sk.write_queued = sk.packets_out = sk.dup_acks = 0


def fail(sk: TcpSock, errno: int) -> None:
    """End with an error that the next call tells."""
    sk.errors.pending = errno
    done(sk)


def was_reset(sk: TcpSock) -> None:
    """The peer reset the connection. Linux: net/ipv4/tcp_input.c tcp_reset()"""
    if sk.state is TcpState.SYN_SENT:
        return fail(sk, ECONNREFUSED)
    if sk.state is TcpState.CLOSE_WAIT:
        return fail(sk, EPIPE)
    if sk.state is not TcpState.CLOSE:
        fail(sk, ECONNRESET)


def give_up(sk: TcpSock) -> None:
    """The peer does not answer. Linux: net/ipv4/tcp_timer.c tcp_write_err()"""
    sk.tcp.ext.TCPAbortOnTimeout += 1
    fail(sk, sk.soft_error or ETIMEDOUT)


def fin_time(sk: TcpSock) -> float:
    """How long an orphan waits for the peer's FIN. Linux: include/net/tcp.h tcp_fin_time()"""
    return max(float(sk.linger2 or sk.tcp.sysctl.tcp_fin_timeout), sk.rto * 3.5)


def time_wait(sk: TcpSock, state: TcpState, seconds: float = 0.0) -> None:
    """Leave the rest to a small record. Linux: net/ipv4/tcp_minisocks.c tcp_time_wait()"""
    tcp = sk.tcp
    if tcp.time_waits < tcp.sysctl.tcp_max_tw_buckets:
        TimeWait(sk, state, seconds)
    else:
        tcp.ext.TCPTimeWaitOverflow += 1
    done(sk)
