"""What an ICMP error means to a socket, and the error queue in which it waits (IP_RECVERR)."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final, NamedTuple

from pystack.errors import (
    ECONNREFUSED,
    EHOSTDOWN,
    EHOSTUNREACH,
    EMSGSIZE,
    ENETUNREACH,
    ENONET,
    ENOPROTOOPT,
    EOPNOTSUPP,
    EPROTO,
)
from pystack.wire import icmp, ipv4

# Who says so. Linux: include/uapi/linux/errqueue.h SO_EE_ORIGIN_*
ORIGIN_LOCAL: Final = 1
ORIGIN_ICMP: Final = 2

_UDP_HEADER: Final = 8

MOST_ERRORS: Final = 64  # Linux differs: it charges them to the receive buffer

# errno of an ICMP "destination unreachable" by code, and whether there is no hope: a hard error ends what a
# connected socket does. Linux: net/ipv4/icmp.c icmp_err_convert
_UNREACHABLE: Final = (
    (ENETUNREACH, False),
    (EHOSTUNREACH, False),
    (ENOPROTOOPT, True),
    (ECONNREFUSED, True),
    (EMSGSIZE, False),
    (EOPNOTSUPP, False),
    (ENETUNREACH, True),
    (EHOSTDOWN, True),
    (ENONET, True),
    (ENETUNREACH, True),
    (EHOSTUNREACH, True),
    (ENETUNREACH, False),
    (EHOSTUNREACH, False),
    (EHOSTUNREACH, True),
    (EHOSTUNREACH, True),
    (EHOSTUNREACH, True),
)


class IcmpError(NamedTuple):
    """An ICMP error about a packet of ours."""

    type: int
    code: int
    info: int  # the MTU that fits, or the octet that was wrong
    offender: int  # who sent it
    quote: bytes  # the packet that failed, from its IPv4 header on

    @property
    def addresses(self) -> tuple[int, int]:
        """From whom to whom the packet was that failed."""
        _, _, _, _, _, _, _, _, saddr, daddr = ipv4.HEADER.unpack_from(self.quote)
        return saddr, daddr

    @property
    def is_frag_needed(self) -> bool:
        return self.type == icmp.ICMP_DEST_UNREACH and self.code == icmp.ICMP_FRAG_NEEDED

    def meaning(self) -> tuple[int, bool]:
        """The errno, and whether the error is hard. Linux: net/ipv4/udp.c __udp4_lib_err()"""
        if self.type == icmp.ICMP_PARAMETERPROB:
            return EPROTO, True
        if self.type == icmp.ICMP_DEST_UNREACH and self.code < len(_UNREACHABLE):
            return _UNREACHABLE[self.code]
        return EHOSTUNREACH, False


@dataclass(slots=True)
class SocketError:
    """One entry of the queue. Linux: struct sock_extended_err"""

    errno: int
    origin: int
    type: int
    code: int
    info: int
    offender: int  # 0: ourselves
    daddr: int  # for whom the packet was that failed
    quote: bytes  # that packet, from its IPv4 header on; nothing of one that was never made
    stamp: float
    dport: int = 0

    def payload(self) -> bytes:
        """What is left of the data that failed, behind its headers."""
        if not self.quote:
            return b""
        start = (self.quote[0] & 15) * 4
        length = _UDP_HEADER if self.quote[9] == ipv4.IPPROTO_UDP else 0
        return self.quote[start + length :]


class ErrorQueue:
    """Linux: sk->sk_error_queue, and sk->sk_err: the error that the next call returns"""

    __slots__ = ("_queue", "pending")

    def __init__(self) -> None:
        self.pending = 0
        self._queue: deque[SocketError] = deque(maxlen=MOST_ERRORS)

    def put(self, error: SocketError) -> None:
        """Keep an error until it is asked for."""
        self._queue.append(error)

    def take(self) -> SocketError | None:
        """The oldest; what is pending is then the next one.

        Linux: net/core/skbuff.c sock_dequeue_err_skb()
        """
        if not self._queue:
            return None
        error = self._queue.popleft()
        following = self._queue[0] if self._queue else None
        if following is not None and following.origin == ORIGIN_ICMP:
            self.pending = following.errno
        elif error.origin == ORIGIN_ICMP:
            self.pending = 0
        return error

    def forget(self) -> None:
        """Nobody will ask (IP_RECVERR was switched off)."""
        self._queue.clear()

    def take_pending(self) -> int:
        """The errno that a call must fail with, 0 if none; told once. Linux: sock_error()"""
        number, self.pending = self.pending, 0
        return number
