"""getsockopt(): what options are set to, and what else can be asked of a socket.

Linux: net/core/sock.c sk_getsockopt(), net/ipv4/ip_sockglue.c do_ip_getsockopt(),
net/ipv4/tcp.c do_tcp_getsockopt()
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

from pystack.errors import ENOTCONN, NetError, NotModelled
from pystack.sock.control import BITS
from pystack.sock.inet import InetSocket
from pystack.sock.options import FLAGS, NUMBERS
from pystack.sock.tcp_info import tcp_info
from pystack.sock.tcp_sock import TcpSock
from pystack.sock.tcp_sockopt import time_of_retries
from pystack.sock.tcp_states import TcpState
from pystack.sock.tcp_window import is_pingpong

SOCK_STREAM: Final = 1
SOCK_DGRAM: Final = 2
SOCK_RAW: Final = 3
AF_INET: Final = 2
_TYPES: Final = {"TcpSocket": SOCK_STREAM, "RawSocket": SOCK_RAW}
_MSS_WITHOUT_PEER: Final = (TcpState.CLOSE, TcpState.LISTEN)

Value = int | bytes


def getsockopt(sock: InetSocket, name: str) -> Value:
    """What an option is set to. Raises NetError, NotModelled."""
    attribute = FLAGS.get(name)
    if attribute is not None:
        return int(getattr(sock, attribute))
    if name in BITS:
        return int(bool(sock.told & BITS[name]))
    if isinstance(sock, TcpSock) and name in _OF_TCP:
        return _OF_TCP[name](sock)
    if name in _OF_ANY:
        return _OF_ANY[name](sock)
    if name in NUMBERS:
        return int(getattr(sock, NUMBERS[name].attribute))
    raise NotModelled(name)


def _is_listening(sock: InetSocket) -> int:
    return int(isinstance(sock, TcpSock) and sock.listening is not None)


def _mtu(sock: InetSocket) -> int:
    if sock._way is None:
        raise NetError(ENOTCONN)
    return min(sock.way_to_peer()[0].mtu, 0xFFFF)


def _device(sock: InetSocket) -> bytes:
    dev = sock.context.devices.by_index(sock.ifindex) if sock.ifindex else None
    return b"" if dev is None else dev.name.encode() + b"\0"


def _multicast_if(sock: InetSocket) -> bytes:
    return sock.mc_addr.to_bytes(4, "big")


def _max_segment(sk: TcpSock) -> int:
    return sk.user_mss if sk.user_mss and sk.state in _MSS_WITHOUT_PEER else sk.mss


def _linger2(sk: TcpSock) -> int:
    return sk.linger2 if sk.linger2 < 0 else sk.linger2 or sk.tcp.sysctl.tcp_fin_timeout


_OF_ANY: Final[Mapping[str, Callable[[Any], Value]]] = {
    "SO_TYPE": lambda sock: _TYPES.get(type(sock).__name__, SOCK_DGRAM),
    "SO_DOMAIN": lambda sock: AF_INET,
    "SO_PROTOCOL": lambda sock: sock.protocol,
    "SO_ERROR": lambda sock: sock.errors.take_pending(),
    "SO_ACCEPTCONN": _is_listening,
    "SO_SNDBUF": lambda sock: sock.sndbuf,
    "SO_RCVBUF": lambda sock: sock.queue.limit,
    "SO_MARK": lambda sock: sock.mark,
    "SO_PRIORITY": lambda sock: sock.priority,
    "SO_BINDTOIFINDEX": lambda sock: sock.ifindex,
    "SO_BINDTODEVICE": _device,
    "SO_LOCK_FILTER": lambda sock: int(sock.filter_is_locked),
    "SO_SNDLOWAT": lambda sock: 1,
    "IP_TOS": lambda sock: sock.tos,
    "IP_TTL": lambda sock: sock.ttl or sock.context.confs.ipv4.ip_default_ttl,
    "IP_RECVERR": lambda sock: int(sock.recverr),
    "IP_HDRINCL": lambda sock: 0,
    "IP_NODEFRAG": lambda sock: 0,
    "IP_MTU": _mtu,
    "IP_MULTICAST_IF": _multicast_if,
}
_OF_TCP: Final[Mapping[str, Callable[[Any], Value]]] = {
    "SO_RCVBUF": lambda sk: sk.rcvbuf,
    "SO_ERROR": lambda sk: sk.error,
    "TCP_NODELAY": lambda sk: int(sk.nodelay),
    "TCP_CORK": lambda sk: int(sk.cork),
    "TCP_MAXSEG": _max_segment,
    "TCP_KEEPIDLE": lambda sk: sk.keepidle or sk.tcp.sysctl.tcp_keepalive_time,
    "TCP_KEEPINTVL": lambda sk: sk.keepintvl or sk.tcp.sysctl.tcp_keepalive_intvl,
    "TCP_KEEPCNT": lambda sk: sk.keepcnt or sk.tcp.sysctl.tcp_keepalive_probes,
    "TCP_SYNCNT": lambda sk: sk.syn_retries or sk.tcp.sysctl.tcp_syn_retries,
    "TCP_LINGER2": _linger2,
    "TCP_DEFER_ACCEPT": lambda sk: time_of_retries(sk.defer_accept),
    "TCP_QUICKACK": lambda sk: int(not is_pingpong(sk)),
    "TCP_USER_TIMEOUT": lambda sk: round(sk.user_timeout * 1000),
    "TCP_CONGESTION": lambda sk: b"reno",
    "TCP_INFO": tcp_info,
}
