"""setsockopt() and getsockopt() as programs call them: levels, numbers and octets.

Linux: net/core/sock.c, net/ipv4/ip_sockglue.c, net/ipv4/tcp.c
"""

from __future__ import annotations

from struct import Struct
from typing import Final

from pystack.errors import (
    EDOM,
    EINVAL,
    ENOENT,
    ENOPROTOOPT,
    EOPNOTSUPP,
    EPROTO,
    NetError,
    NotModelled,
)
from pystack.sock import options, socket_filter, tcp_sockopt
from pystack.sock.getsockopt import getsockopt
from pystack.sock.inet import InetSocket
from pystack.sock.option_numbers import IPPROTO_IP, IPPROTO_TCP, NAMES, SOL_SOCKET
from pystack.sock.tcp_sock import TcpSock
from pystack.wire.bpf import Program

# What can only be asked.
_READ_ONLY: Final = frozenset(
    "SO_TYPE SO_ERROR SO_ACCEPTCONN SO_PROTOCOL SO_DOMAIN SO_SNDLOWAT SO_PEERNAME IP_MTU TCP_INFO".split()
)
_OF_RAW_SOCKETS: Final = frozenset({"IP_HDRINCL", "IP_NODEFRAG"})
_INT: Final = Struct("<i")
_TWO_INTS: Final = Struct("<ii")
_TIMEVAL: Final = Struct("<qq")
_MREQ: Final = Struct(">II")
_MREQN: Final = Struct("<i")  # its index, behind two addresses
_INSTRUCTION: Final = Struct("<HBBI")
_TICK: Final = 0.004  # what times are rounded up to: Linux's with 250 ticks a second
_JIFFIES: Final = round(1 / _TICK)
_MILLION: Final = 1_000_000


def set_option(sock: InetSocket, level: int, number: int, value: bytes) -> None:
    """setsockopt(). Raises NetError, NotModelled."""
    name = _name(sock, level, number)
    if name in _READ_ONLY or (name in _OF_RAW_SOCKETS and sock.protocol in (6, 17)):
        raise NetError(ENOPROTOOPT)
    if name in _STRUCTURED:
        return _STRUCTURED[name](sock, value)
    given = _number(level, value)
    if isinstance(sock, TcpSock):
        tcp_sockopt.setsockopt(sock, name, given)
    else:
        options.setsockopt(sock, name, given)


def get_option(sock: InetSocket, level: int, number: int, length: int) -> bytes:
    """getsockopt(): at most so many octets. Raises NetError, NotModelled."""
    if level == IPPROTO_TCP and not isinstance(sock, TcpSock):
        raise NetError(EOPNOTSUPP)
    name = _name(sock, level, number)
    if length < 0:
        raise NetError(EINVAL)
    if name in ("SO_RCVTIMEO", "SO_SNDTIMEO"):
        return _timeval(sock.rcvtimeo if name == "SO_RCVTIMEO" else sock.sndtimeo)[:length]
    if name == "SO_LINGER":
        return _TWO_INTS.pack(sock.linger is not None, sock.linger_time)[:length]
    if name in ("SO_ATTACH_FILTER", "IP_OPTIONS"):
        octets = _filter_text(sock) if name == "SO_ATTACH_FILTER" else _ip_options(sock)
        return octets[:length]
    value = getsockopt(sock, name)
    if isinstance(value, bytes):
        return value[:length]
    if level == IPPROTO_IP and 0 < length < _INT.size and 0 <= value <= 0xFF:
        return bytes((value,))
    return (value & 0xFFFFFFFF).to_bytes(4, "little")[:length]


def _name(sock: InetSocket, level: int, number: int) -> str:
    name = NAMES.get((level, number))
    if name is None or (level == IPPROTO_TCP and not isinstance(sock, TcpSock)):
        raise NetError(ENOPROTOOPT)
    return name


def _number(level: int, value: bytes) -> int:
    """An int; at the level of IP one octet will do."""
    if level == IPPROTO_IP and 0 < len(value) < _INT.size:
        return value[0]
    if len(value) < _INT.size:
        raise NetError(EINVAL)
    return int.from_bytes(value[:4], "little", signed=True)


# -- options that are more than a number -------------------------------------------------------------------


def _set_linger(sock: InetSocket, value: bytes) -> None:
    if len(value) < _TWO_INTS.size:
        raise NetError(EINVAL)
    is_on, seconds = _TWO_INTS.unpack_from(value)
    sock.linger = seconds if is_on else None
    if is_on:
        sock.linger_time = seconds


def _set_receive_time(sock: InetSocket, value: bytes) -> None:
    sock.rcvtimeo = _seconds(value)


def _set_send_time(sock: InetSocket, value: bytes) -> None:
    sock.sndtimeo = _seconds(value)


def _seconds(value: bytes) -> float:
    """Linux: net/core/sock.c sock_set_timeout()"""
    if len(value) < _TIMEVAL.size:
        raise NetError(EINVAL)
    seconds, micro = _TIMEVAL.unpack_from(value)
    if not 0 <= micro < _MILLION:
        raise NetError(EDOM)
    if seconds < 0:
        return _TICK / _MILLION  # at once, and not for ever
    return float(seconds + -(-micro * _JIFFIES // _MILLION) * _TICK)


def _timeval(seconds: float) -> bytes:
    whole = int(seconds)
    return _TIMEVAL.pack(whole, round((seconds - whole) / _TICK) * round(_TICK * _MILLION))


def _bind_to_device(sock: InetSocket, value: bytes) -> None:
    sock.bind_to_device(value.partition(b"\0")[0].decode(errors="replace"))


def _set_ip_options(sock: InetSocket, value: bytes) -> None:
    options.set_ip_options(sock, value)


def _ip_options(sock: InetSocket) -> bytes:
    return b"" if sock.ip_options is None else bytes(sock.ip_options.raw)


def _join(sock: InetSocket, value: bytes) -> None:
    sock.memberships.join(*_group(sock, value))


def _leave(sock: InetSocket, value: bytes) -> None:
    sock.memberships.leave(*_group(sock, value))


def _group(sock: InetSocket, value: bytes) -> tuple[int, int, int]:
    """struct ip_mreq, or struct ip_mreqn with the index of a device behind it."""
    if isinstance(sock, TcpSock):
        raise NetError(EPROTO)
    if len(value) < _MREQ.size:
        raise NetError(EINVAL)
    group, address = _MREQ.unpack_from(value)
    has_index = len(value) >= _MREQ.size + _MREQN.size
    return group, address, _MREQN.unpack_from(value, _MREQ.size)[0] if has_index else 0


def _set_multicast_if(sock: InetSocket, value: bytes) -> None:
    if isinstance(sock, TcpSock):
        raise NetError(EINVAL)
    if len(value) < _INT.size:
        raise NetError(EINVAL)
    if len(value) < _MREQ.size:
        return options.set_multicast_if(sock, int.from_bytes(value[:4], "big"))
    _, address, index = _group(sock, value)
    options.set_multicast_if(sock, address, index)


def _attach_filter(sock: InetSocket, value: bytes) -> None:
    """The instructions themselves: what a struct sock_fprog points to."""
    if len(value) % _INSTRUCTION.size:
        raise NetError(EINVAL)
    program: Program = tuple(_INSTRUCTION.iter_unpack(value))
    socket_filter.attach(sock, program)


def _detach_filter(sock: InetSocket, value: bytes) -> None:
    socket_filter.detach(sock)


def _lock_filter(sock: InetSocket, value: bytes) -> None:
    socket_filter.lock(sock, bool(_number(SOL_SOCKET, value)))


def _filter_text(sock: InetSocket) -> bytes:
    return b"".join(_INSTRUCTION.pack(*instruction) for instruction in sock.filter or ())


def _set_congestion(sock: InetSocket, value: bytes) -> None:
    name = value.partition(b"\0")[0].decode(errors="replace")
    if name == "cubic":
        raise NotModelled("TCP_CONGESTION cubic", ("reno",))
    if name != "reno":
        raise NetError(ENOENT)


_STRUCTURED: Final = {
    "SO_LINGER": _set_linger,
    "SO_RCVTIMEO": _set_receive_time,
    "SO_SNDTIMEO": _set_send_time,
    "SO_BINDTODEVICE": _bind_to_device,
    "SO_ATTACH_FILTER": _attach_filter,
    "SO_DETACH_FILTER": _detach_filter,
    "SO_LOCK_FILTER": _lock_filter,
    "IP_OPTIONS": _set_ip_options,
    "IP_ADD_MEMBERSHIP": _join,
    "IP_DROP_MEMBERSHIP": _leave,
    "IP_MULTICAST_IF": _set_multicast_if,
    "TCP_CONGESTION": _set_congestion,
}
