"""setsockopt(): what may be set, by the kernel's names and with its checks.

Linux: net/core/sock.c sk_setsockopt(), net/ipv4/ip_sockglue.c do_ip_setsockopt()
"""

from __future__ import annotations

from typing import Final, NamedTuple

from pystack.errors import EADDRNOTAVAIL, EINVAL, NetError, NotModelled
from pystack.sock.control import BITS, STAMPS
from pystack.sock.inet import InetSocket
from pystack.wire import ip_options
from pystack.wire.ip_options import Fault

RMEM_MAX: Final = 4_194_304  # Linux differs: net.core.rmem_max and wmem_max are writable
WMEM_MAX: Final = 4_194_304
SOCK_MIN_RCVBUF: Final = 2304
SOCK_MIN_SNDBUF: Final = 4608
_UNSIGNED: Final = 0xFFFFFFFF
_INT_MAX: Final = 0x7FFFFFFF
_PRIORITY_OF_TOS: Final = (0, 1, 0, 0, 2, 2, 2, 2, 6, 6, 6, 6, 4, 4, 4, 4)


class Number(NamedTuple):
    """An option with a range; `default` stands for -1 where that is allowed."""

    attribute: str
    low: int
    high: int
    default: int | None = None


# Zero or not is all that counts.
FLAGS: Final = {
    "SO_REUSEADDR": "reuse",
    "SO_REUSEPORT": "reuseport",
    "SO_BROADCAST": "broadcast",
    "SO_KEEPALIVE": "keepopen",
    "IP_FREEBIND": "freebind",
    "IP_TRANSPARENT": "transparent",
    "IP_MULTICAST_LOOP": "mc_loop",
    "IP_BIND_ADDRESS_NO_PORT": "bind_no_port",
}
NUMBERS: Final = {
    "IP_TTL": Number("ttl", 1, 255, default=0),
    "IP_MINTTL": Number("min_ttl", 0, 255),
    "IP_MTU_DISCOVER": Number("pmtudisc", 0, 5),
    "IP_MULTICAST_TTL": Number("mc_ttl", 0, 255, default=1),
    "IP_MULTICAST_ALL": Number("mc_all", 0, 1),
}
OTHERS: Final = (
    "SO_MARK",
    "SO_PRIORITY",
    "SO_RCVBUF",
    "SO_RCVBUFFORCE",
    "SO_SNDBUF",
    "SO_SNDBUFFORCE",
    "SO_BINDTOIFINDEX",
    "IP_TOS",
    "IP_RECVERR",
)
_DECIDE_ABOUT_THE_WAY: Final = ("SO_MARK", "SO_BINDTOIFINDEX", "IP_TOS", "IP_TRANSPARENT")
KNOWN: Final = (*FLAGS, *NUMBERS, *OTHERS, *BITS)


def setsockopt(sock: InetSocket, name: str, value: int) -> None:
    """Set an option that is a number. Raises NetError, NotModelled."""
    if name in FLAGS:
        setattr(sock, FLAGS[name], bool(value))
    elif name in NUMBERS:
        _set_number(sock, NUMBERS[name], value)
    elif name in BITS:
        _ask_to_be_told(sock, name, bool(value))
    elif name == "IP_RECVERR":
        sock.recverr = bool(value)
        if not value:
            sock.errors.forget()
    elif name == "IP_TOS":
        sock.tos = value & 0xFF
        sock.priority = _PRIORITY_OF_TOS[(sock.tos & 0x1E) >> 1]
    else:
        _set_number_of_any_socket(sock, name, value)
    if name in _DECIDE_ABOUT_THE_WAY:
        sock.forget_route()


def _set_number_of_any_socket(sock: InetSocket, name: str, value: int) -> None:
    """Linux: net/core/sock.c sk_setsockopt()"""
    if name in ("SO_RCVBUF", "SO_RCVBUFFORCE"):
        sock.queue.limit = receive_buffer(name, value)
    elif name in ("SO_SNDBUF", "SO_SNDBUFFORCE"):
        sock.sndbuf = send_buffer(name, value)
    elif name == "SO_MARK":
        sock.mark = value & _UNSIGNED
    elif name == "SO_PRIORITY":
        sock.priority = value & _UNSIGNED
    elif name == "SO_BINDTOIFINDEX":
        if value < 0:
            raise NetError(EINVAL)
        sock.ifindex = value
    else:
        raise NotModelled(name, KNOWN)


def receive_buffer(name: str, value: int) -> int:
    """What SO_RCVBUF makes of a number: twice as much, for the kernel's own needs, within limits."""
    value = max(value, 0) if name == "SO_RCVBUFFORCE" else min(value & _UNSIGNED, RMEM_MAX)
    return max(2 * min(value, _INT_MAX // 2), SOCK_MIN_RCVBUF)


def send_buffer(name: str, value: int) -> int:
    """The same of SO_SNDBUF."""
    value = max(value, 0) if name == "SO_SNDBUFFORCE" else min(value & _UNSIGNED, WMEM_MAX)
    return max(2 * min(value, _INT_MAX // 2), SOCK_MIN_SNDBUF)


def _ask_to_be_told(sock: InetSocket, name: str, is_on: bool) -> None:
    """Microseconds or nanoseconds, not both. Linux: net/core/sock.c __sock_set_timestamps()"""
    if name in STAMPS:
        sock.told &= ~sum(BITS[stamp] for stamp in STAMPS)
    sock.told = sock.told | BITS[name] if is_on else sock.told & ~BITS[name]


def _set_number(sock: InetSocket, option: Number, value: int) -> None:
    if value == -1 and option.default is not None:
        value = option.default
    elif not option.low <= value <= option.high:
        raise NetError(EINVAL)
    setattr(sock, option.attribute, value)


def set_multicast_if(sock: InetSocket, address: int = 0, ifindex: int = 0) -> None:
    """setsockopt(IP_MULTICAST_IF): by which device, and with whose address, groups are spoken to."""
    if not address and not ifindex:
        sock.mc_index = sock.mc_addr = 0
        return
    if not ifindex:
        holder = sock.context.addresses.holder(address)
        ifindex = 0 if holder is None else holder.dev.ifindex
    if sock.context.devices.by_index(ifindex) is None:
        raise NetError(EADDRNOTAVAIL)
    if sock.ifindex not in (0, ifindex):
        raise NetError(EINVAL)
    sock.mc_index, sock.mc_addr = ifindex, address


def set_ip_options(sock: InetSocket, raw: bytes) -> None:
    """setsockopt(IP_OPTIONS): what every packet carries. Linux: net/ipv4/ip_options.c ip_options_get()"""
    if not raw:
        sock.ip_options = None
        return
    options = ip_options.to_send(raw, sock.context)
    if isinstance(options, Fault):
        raise NetError(EINVAL)
    if options.srr is not None:
        raise NotModelled("a source route in IP_OPTIONS", ("record route", "timestamp", "router alert"))
    sock.ip_options = options
