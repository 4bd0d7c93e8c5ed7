"""What waits in a socket until the program reads it, and how much of it may wait (SO_RCVBUF)."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from typing import Final

DEFAULT_RCVBUF: Final = 212_992

# What a packet costs of the buffer besides its octets, and what they are rounded up to. Measured on packets
# from a TAP; drivers differ. Linux: include/linux/skbuff.h SKB_TRUESIZE()
_OVERHEAD: Final = 576
_HEADROOM: Final = 80
_CACHE_LINE: Final = 64


@dataclass(slots=True)
class Received:
    """One packet or datagram, and what the kernel tells of it besides (IP_PKTINFO, IP_RECVTTL, …)."""

    data: bytes  # raw: from the IPv4 header on; ping: the ICMP message; UDP: the payload
    saddr: int
    sport: int
    daddr: int  # as the header says
    ifindex: int  # of the device that owns the destination, for a looped packet
    ttl: int
    tos: int
    stamp: float  # monotonic
    truesize: int
    spec_dst: int = 0  # UDP: with which address of ours the sender should be answered
    is_located: bool = True  # UDP: whether IP_PKTINFO was on when it came
    options: bytes = b""  # a ping socket's (IP_RETOPTS)
    covered: int | None = None  # the sum of what a checksum covers besides the data; None: it was looked at


def truesize(octets: int) -> int:
    """What a packet of so many octets, its IPv4 header included, costs of a receive buffer."""
    return (octets + _HEADROOM + _CACHE_LINE - 1) // _CACHE_LINE * _CACHE_LINE + _OVERHEAD


class ReceiveQueue:
    """Linux: sk->sk_receive_queue, sk_rmem_alloc, sk_drops"""

    __slots__ = ("_queue", "dropped", "held", "limit")

    def __init__(self) -> None:
        self.limit = DEFAULT_RCVBUF
        self.dropped = 0
        self.held = 0  # octets
        self._queue: deque[Received] = deque()

    def __len__(self) -> int:
        return len(self._queue)

    def has_room(self, size: int) -> bool:
        """Whether a packet of this size is taken: one always is. Linux: __udp_enqueue_schedule_skb()"""
        return not self.held or self.held + size <= self.limit

    def is_full(self) -> bool:
        """What raw and ping sockets ask: the last packet may reach beyond the limit.

        Linux: net/core/sock.c __sock_queue_rcv_skb()
        """
        return self.held >= self.limit

    def put(self, received: Received) -> None:
        """Let a packet wait."""
        self.held += received.truesize
        self._queue.append(received)

    def take(self) -> Received | None:
        """The oldest, None if there is none."""
        if not self._queue:
            return None
        received = self._queue.popleft()
        self.held -= received.truesize
        return received

    def peek(self) -> Received | None:
        """The oldest, which stays."""
        return self._queue[0] if self._queue else None

    def clear(self) -> None:
        """Forget all of it: the socket is closed."""
        self._queue.clear()
        self.held = 0  # octets
