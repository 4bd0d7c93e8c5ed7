"""recv(): what came, up to an urgent octet or to the end. Linux: net/ipv4/tcp.c tcp_recvmsg_locked()"""

from __future__ import annotations

from pystack.errors import ENOTCONN, NetError
from pystack.sock.tcp_autotune import adjust
from pystack.sock.tcp_receive import after_reading
from pystack.sock.tcp_seq import MASK, distance
from pystack.sock.tcp_sock import RCV_SHUTDOWN, TcpSock
from pystack.sock.tcp_states import TcpState


def read(sk: TcpSock, limit: int) -> bytes | None:
    """At most so much; None if nothing came yet, nothing at all at the end. Raises NetError."""
    if sk.state is TcpState.LISTEN:
        raise NetError(ENOTCONN)
    data = _take(sk, _up_to_urgent(sk, limit)) if sk.rcvq else b""
    if sk.has_ended and not sk.rcvq:
        sk.copied_seq = sk.rcv_nxt  # the FIN was read, too
    if not data:
        return _nothing_to_read(sk)
    adjust(sk)
    after_reading(sk, len(data))
    return data


def _up_to_urgent(sk: TcpSock, limit: int) -> int:
    """One read ends before the urgent octet, the next one leaves it out."""
    if sk.urgent_seq is None:
        return limit
    ahead = distance(sk.copied_seq, sk.urgent_seq)
    if ahead >= sk.rcvq_length:
        return limit
    if not ahead:
        sk.urgent_seq = None
        _take(sk, 1)
        return limit
    return min(limit, ahead)


def _take(sk: TcpSock, limit: int) -> bytes:
    parts, left = [], limit
    while sk.rcvq and left:
        chunk, cost = sk.rcvq.popleft()
        if len(chunk) > left:
            sk.rcvq.appendleft((chunk[left:], cost))
            chunk, cost = chunk[:left], 0
        parts.append(chunk)
        left -= len(chunk)
        sk.rcvq_truesize -= cost
    data = parts[0] if len(parts) == 1 else b"".join(parts)
    sk.rcvq_length -= len(data)
    sk.copied_seq = sk.copied_seq + len(data) & MASK
    return data


def _nothing_to_read(sk: TcpSock) -> bytes | None:
    if sk.has_ended:
        return b""
    if sk.errors.pending:
        raise NetError(sk.errors.take_pending())
    if sk.shutdown & RCV_SHUTDOWN:
        return b""
    if sk.state is TcpState.CLOSE:
        raise NetError(ENOTCONN)
    return None
