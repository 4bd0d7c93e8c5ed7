"""What poll() would say of a TCP socket: for programs that wait. Linux: net/ipv4/tcp.c tcp_poll()"""

from __future__ import annotations

from pystack.sock.tcp_sizes import queued_cost
from pystack.sock.tcp_sock import RCV_SHUTDOWN, SEND_SHUTDOWN, TcpSock
from pystack.sock.tcp_states import TcpState

_BOTH = RCV_SHUTDOWN | SEND_SHUTDOWN
_OPENING = (TcpState.SYN_SENT, TcpState.SYN_RECV)


def is_opening(sk: TcpSock) -> bool:
    """Whether connect() has not come to an end yet."""
    return sk.state in _OPENING


def is_readable(sk: TcpSock) -> bool:
    """POLLIN: accept() or recv() would say something, be it that this is the end."""
    if sk.listening is not None:
        return bool(sk.listening.accepted)
    if is_opening(sk):
        return False
    return bool(sk.rcvq_length or sk.errors.pending) or has_hung_up(sk) or has_peer_ended(sk)


def is_writable(sk: TcpSock) -> bool:
    """POLLOUT: send() would take something, or fail. Linux: include/net/sock.h __sk_stream_is_writeable()"""
    if sk.listening is not None or is_opening(sk):
        return False
    queued = queued_cost(sk)
    has_room = sk.sndbuf - queued >= queued >> 1
    return has_room or bool(sk.shutdown & SEND_SHUTDOWN) or has_failed(sk)


def has_failed(sk: TcpSock) -> bool:
    """POLLERR"""
    return bool(sk.errors.pending)


def has_hung_up(sk: TcpSock) -> bool:
    """POLLHUP: nothing goes in either direction any more."""
    return sk.shutdown & _BOTH == _BOTH or sk.state is TcpState.CLOSE


def has_peer_ended(sk: TcpSock) -> bool:
    """POLLRDHUP"""
    return bool(sk.shutdown & RCV_SHUTDOWN) or sk.has_ended
