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

FIN_TIMEOUT_MAX: Final = 120  # seconds
_MAX_SECONDS: Final = 32767
_ECN_BITS: Final = 3
NUMBERS: Final = {
    "TCP_KEEPIDLE": Number("keepidle", 1, _MAX_SECONDS),
    "TCP_KEEPINTVL": Number("keepintvl", 1, _MAX_SECONDS),
    "TCP_KEEPCNT": Number("keepcnt", 1, 127),
    "TCP_SYNCNT": Number("syn_retries", 1, 127),
}
KNOWN: Final = (
    *NUMBERS,
    "TCP_CORK",
    "TCP_DEFER_ACCEPT",
    "TCP_LINGER2",
    "TCP_MAXSEG",
    "TCP_NODELAY",
    "TCP_QUICKACK",
    "TCP_USER_TIMEOUT",
)
# What streams refuse of what datagrams may set. Linux: net/ipv4/ip_sockglue.c do_ip_setsockopt()
_FOR_DATAGRAMS: Final = ("IP_MULTICAST_TTL",)
_IDLE: Final = (TcpState.CLOSE, TcpState.LISTEN)
_MIN_USER_MSS: Final = 88
_MAX_USER_MSS: Final = 32767


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
    elif name in KNOWN:
        _set_time_or_size(sk, name, value)
    else:
        _set_socket_option(sk, name, value)


def _set_time_or_size(sk: TcpSock, name: str, value: int) -> None:
    if name == "TCP_LINGER2":
        sk.linger2 = -1 if value < 0 else min(value, FIN_TIMEOUT_MAX)
    elif name == "TCP_MAXSEG":
        if value and not _MIN_USER_MSS <= value <= _MAX_USER_MSS:
            raise NetError(EINVAL)
        sk.user_mss = value
    elif name == "TCP_USER_TIMEOUT":
        if value < 0:
            raise NetError(EINVAL)
        sk.user_timeout = value / 1000
    elif name == "TCP_DEFER_ACCEPT":
        sk.defer_accept = retries_within(value)
    else:
        sk.pingpong = 0 if value else sk.tcp.sysctl.tcp_pingpong_thresh


def retries_within(seconds: int) -> int:
    """After how many SYN-ACKs so much time has passed. Linux: net/ipv4/tcp.c secs_to_retrans()"""
    retries = period = 0
    timeout = 1
    while seconds > period and retries < 255:
        retries += 1
        period += timeout
        timeout = min(timeout * 2, FIN_TIMEOUT_MAX)
    return retries


def time_of_retries(retries: int) -> int:
    """The seconds that so many SYN-ACKs take. Linux: net/ipv4/tcp.c retrans_to_secs()"""
    period, timeout = 0, 1
    for _ in range(retries):
        period += timeout
        timeout = min(timeout * 2, FIN_TIMEOUT_MAX)
    return period


def _set_socket_option(sk: TcpSock, name: str, value: int) -> None:
    if name in _FOR_DATAGRAMS:
        raise NetError(EINVAL)
    if name == "SO_KEEPALIVE":
        _set_keepalive(sk, bool(value))
    elif name in ("SO_RCVBUF", "SO_RCVBUFFORCE"):
        sk.rcvbuf, sk.rcvbuf_is_locked = options.receive_buffer(name, value), True
    elif name in ("SO_SNDBUF", "SO_SNDBUFFORCE"):
        sk.sndbuf, sk.sndbuf_is_locked = options.send_buffer(name, value), True
    elif name == "IP_TOS":
        options.setsockopt(sk, name, value & ~_ECN_BITS | sk.tos & _ECN_BITS)
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
