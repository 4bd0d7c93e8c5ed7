"""setsockopt() of TCP: what may be set, by the kernel's names and with its checks.

Linux: net/ipv4/tcp.c do_tcp_setsockopt(), net/core/sock.c sk_setsockopt()
"""

from __future__ import annotations

from typing import Final

from pystack.errors import EINVAL, NetError
from pystack.sock import options
from pystack.sock.options import Number
from pystack.sock.tcp_output import NAGLE_OFF, push_pending
from pystack.sock.tcp_sock import TcpSock
from pystack.sock.tcp_states import TcpState
from pystack.sock.tcp_timers import keepalive_elapsed, keepalive_time

_MAX_SECONDS: Final = 32767
NUMBERS: Final = {
    "TCP_KEEPIDLE": Number("keepidle", 1, _MAX_SECONDS),
    "TCP_KEEPINTVL": Number("keepintvl", 1, _MAX_SECONDS),
    "TCP_KEEPCNT": Number("keepcnt", 1, 127),
    "TCP_SYNCNT": Number("syn_retries", 1, 127),
    "TCP_LINGER2": Number("linger2", -1, 120),
    "TCP_MAXSEG": Number("user_mss", 88, 32767),
}
_IDLE: Final = (TcpState.CLOSE, TcpState.LISTEN)
_RMEM_MIN: Final = 2304
_SNDBUF_MIN: Final = 4608
_SNDBUF_MAX: Final = 2 * 4_194_304


def setsockopt(sk: TcpSock, name: str, value: int) -> None:
    """Set an option that is a number. Raises NetError, NotModelled."""
    if name in NUMBERS:
        number = NUMBERS[name]
        if not number.low <= value <= number.high:
            raise NetError(EINVAL)
        setattr(sk, number.attribute, value)
        if name == "TCP_KEEPIDLE" and sk.keepopen and sk.state not in _IDLE:
            sk.keepalive_timer.set(max(value - keepalive_elapsed(sk), 0.0))
    elif name == "TCP_NODELAY":
        sk.nodelay = bool(value)
        if value:
            push_pending(sk, NAGLE_OFF)
    elif name == "TCP_CORK":
        sk.cork = bool(value)
        if not value:
            push_pending(sk)
    elif name == "TCP_USER_TIMEOUT":
        if value < 0:
            raise NetError(EINVAL)
        sk.user_timeout = value / 1000
    elif name == "TCP_DEFER_ACCEPT":
        sk.defer_accept = max(value, 0).bit_length()
    elif name == "TCP_QUICKACK":
        sk.pingpong = 0 if value else sk.tcp.sysctl.tcp_pingpong_thresh
    else:
        _set_socket_option(sk, name, value)


def _set_socket_option(sk: TcpSock, name: str, value: int) -> None:
    if name == "SO_KEEPALIVE":
        _set_keepalive(sk, bool(value))
    elif name == "SO_RCVBUF":
        sk.rcvbuf = max(2 * min(value & 0xFFFFFFFF, options.RMEM_MAX), _RMEM_MIN)
        sk.rcvbuf_is_locked = True
    elif name == "SO_SNDBUF":
        sk.sndbuf_is_locked = True
        sk.sndbuf = max(min(2 * (value & 0x7FFFFFFF), _SNDBUF_MAX), _SNDBUF_MIN)
    else:
        options.setsockopt(sk, name, value)


def _set_keepalive(sk: TcpSock, is_on: bool) -> None:
    """Linux: net/ipv4/tcp_timer.c tcp_set_keepalive()"""
    was_on, sk.keepopen = sk.keepopen, is_on
    if sk.state in _IDLE:
        return
    if is_on and not was_on:
        sk.keepalive_timer.set(keepalive_time(sk))
    elif not is_on:
        sk.keepalive_timer.stop()
