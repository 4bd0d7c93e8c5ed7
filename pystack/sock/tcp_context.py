"""What the TCP sockets of one namespace share: who is connected, secrets, limits."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from struct import Struct
from typing import Final

from pystack.drop import DropReason
from pystack.l3.fib_types import Flow
from pystack.sock.context import SocketContext
from pystack.sock.errors import IcmpError
from pystack.sock.inet import InetSocket
from pystack.sock.tcp_listeners import Listeners
from pystack.sock.tcp_ports import BoundPorts
from pystack.sock.tcp_segment import Segment
from pystack.sock.tcp_sysctl import TcpSysctl

_ENDPOINTS: Final = Struct("!IIHH")
_TICKS_PER_SECOND: Final = 15_625_000  # of the clock that initial sequence numbers follow: 64 ns
_NO_LIMIT: Final = 0x7FFFFFFF


class Endpoint:
    """What a segment between two known ends is for: a socket, a request for one, or what is left of one.

    Linux: include/net/sock.h struct sock_common
    """

    __slots__ = ()

    @property
    def owner(self) -> InetSocket | None:
        """The socket whose filters a segment has to pass."""
        return None

    def receive(self, segment: Segment) -> DropReason | None:
        """Take a segment; why not, if it was good for nothing."""
        raise NotImplementedError

    def vanish(self) -> None:
        """End without a word: the namespace is gone."""
        raise NotImplementedError

    def icmp_error(self, error: IcmpError, seq: int) -> list[Flow]:
        """What was sent with this sequence number has failed."""
        return []


class TcpContext:
    """Linux: net/ipv4/inet_hashtables.c, net/core/secure_seq.c"""

    def __init__(self, context: SocketContext) -> None:
        self.context = context
        self.clock = context.clock
        self.timers = context.timers
        self.rng = context.rng
        self.snmp = context.snmp
        self.stats = context.snmp.Tcp
        self.ext = context.snmp.TcpExt
        self.sysctl = TcpSysctl()
        self.connections: dict[int, Endpoint] = {}
        self.ports = BoundPorts(context)
        self.listeners = Listeners(context.rng.u32())
        self.begin_again: Callable[[Segment, int], bool] = _nobody_listens  # a SYN for an ended connection
        self.time_waits = 0
        self.orphans = 0
        self._secret = context.rng.octets(16)
        self._challenge_second = -1
        self._challenges_left = 0

    # -- time ----------------------------------------------------------------------------------------------

    @property
    def now_ms(self) -> int:
        """What timestamps count. Linux: include/net/tcp.h tcp_clock_ms()"""
        return int(self.clock.now * 1000)

    # -- secrets -------------------------------------------------------------------------------------------

    def digest(self, *parts: bytes) -> int:
        """32 bits that nobody outside can foretell."""
        found = hashlib.blake2s(b"".join(parts), key=self._secret, digest_size=4).digest()
        return int.from_bytes(found, "big")

    def initial_sequence(self, saddr: int, daddr: int, sport: int, dport: int) -> int:
        """RFC 6528. Linux: net/core/secure_seq.c secure_tcp_seq()"""
        base = self.digest(b"isn", _ENDPOINTS.pack(saddr, daddr, sport, dport))
        return (base + int(self.clock.now * _TICKS_PER_SECOND)) & 0xFFFFFFFF

    def timestamp_offset(self, saddr: int, daddr: int) -> int:
        """How far timestamps to a peer are from our clock. Linux: secure_tcp_ts_off()"""
        if self.sysctl.tcp_timestamps != 1:
            return 0
        return self.digest(b"ts", _ENDPOINTS.pack(saddr, daddr, 0, 0))

    # -- limits --------------------------------------------------------------------------------------------

    def may_challenge(self) -> bool:
        """Whether another challenge ACK may be sent in this second (RFC 5961).

        Linux: net/ipv4/tcp_input.c tcp_send_challenge_ack()
        """
        limit = self.sysctl.tcp_challenge_ack_limit
        if limit == _NO_LIMIT:
            return True
        second = int(self.clock.now)
        if second != self._challenge_second:
            self._challenge_second = second
            self._challenges_left = (limit + 1 >> 1) + self.rng.below(limit)
        if not self._challenges_left:
            return False
        self._challenges_left -= 1
        return True


def connection_key(ours: int, our_port: int, theirs: int, their_port: int) -> int:
    """Where a connection is found. Linux: include/net/inet_hashtables.h INET_MATCH"""
    return (ours << 16 | our_port) << 48 | theirs << 16 | their_port


def _nobody_listens(segment: Segment, isn: int) -> bool:
    return False
