"""setsockopt(): what may be set, by the kernel's names and with its checks.

Linux: net/core/sock.c sk_setsockopt(), net/ipv4/ip_sockglue.c do_ip_setsockopt()
"""

from __future__ import annotations

from typing import Final, NamedTuple

from pystack.errors import EADDRNOTAVAIL, EINVAL, NetError, NotModelled
from pystack.sock.inet import InetSocket
from pystack.wire import ip_options
from pystack.wire.ip_options import Fault

RMEM_MAX: Final = 4_194_304  # Linux differs: net.core.rmem_max is writable
_MIN_RCVBUF: Final = 2304
_UNSIGNED: Final = 0xFFFFFFFF


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
    "IP_RECVERR": "recverr",
    "IP_FREEBIND": "freebind",
    "IP_TRANSPARENT": "transparent",
    "IP_MULTICAST_LOOP": "mc_loop",
}
NUMBERS: Final = {
    "IP_TTL": Number("ttl", 1, 255, default=0),
    "IP_MTU_DISCOVER": Number("pmtudisc", 0, 5),
    "IP_MULTICAST_TTL": Number("mc_ttl", 0, 255, default=1),
    "IP_MULTICAST_ALL": Number("mc_all", 0, 1),
}
# Every packet that is received tells this, asked for or not.
ALWAYS_TOLD: Final = frozenset({"IP_PKTINFO", "IP_RECVTTL", "IP_RECVTOS", "SO_TIMESTAMP"})
OTHERS: Final = ("SO_MARK", "SO_RCVBUF", "IP_TOS")
KNOWN: Final = (*FLAGS, *NUMBERS, *OTHERS, *sorted(ALWAYS_TOLD))


def setsockopt(sock: InetSocket, name: str, value: int) -> None:
    """Set an option that is a number. Raises NetError, NotModelled."""
    if name in FLAGS:
        setattr(sock, FLAGS[name], bool(value))
    elif name in NUMBERS:
        _set_number(sock, NUMBERS[name], value)
    elif name == "SO_RCVBUF":
        sock.queue.limit = max(2 * min(value & _UNSIGNED, RMEM_MAX), _MIN_RCVBUF)
    elif name == "SO_MARK":
        sock.mark = value & _UNSIGNED
    elif name == "IP_TOS":
        sock.tos = value & 0xFF
    elif name not in ALWAYS_TOLD:
        raise NotModelled(name, KNOWN)
    sock.forget_route()


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
