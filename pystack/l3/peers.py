"""What is remembered of other hosts so that nobody is told too much."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pystack.clock import Clock

_LONG_AGO: Final = 60  # seconds
_MOST: Final = 65_536  # Linux differs: it forgets by age and memory


@dataclass(slots=True)
class PeerSysctl:
    """net.ipv4.route, of the whole host; times in ticks"""

    redirect_load: int
    redirect_number: int
    redirect_silence: int
    error_cost: int
    error_burst: int

    @classmethod
    def for_ticks(cls, hz: int) -> PeerSysctl:
        """What Linux begins with, with so many ticks a second."""
        load = hz // 50
        return cls(load, 9, load << 10, hz, 5 * hz)


class Peer:
    """Linux: include/net/inetpeer.h struct inet_peer; times in ticks"""

    __slots__ = ("fragments", "last", "redirects", "tokens")

    def __init__(self, last: int) -> None:
        self.tokens = 0
        self.last = last  # when tokens were counted, or a redirect went out
        self.fragments = 0  # that came from it
        self.redirects = 0  # sent in a row, without being heeded


class Peers:
    """Linux: net/ipv4/inetpeer.c"""

    def __init__(self, clock: Clock, sysctl: PeerSysctl | None = None) -> None:
        self.clock = clock
        self.sysctl = PeerSysctl.for_ticks(clock.hz) if sysctl is None else sysctl
        self._known: dict[int, Peer] = {}

    def __len__(self) -> int:
        return len(self._known)

    def get(self, address: int) -> Peer:
        """What is known of a host; made if need be. Linux: net/ipv4/inetpeer.c inet_getpeer()"""
        peer = self._known.get(address)
        if peer is None:
            if len(self._known) >= _MOST:
                del self._known[next(iter(self._known))]
            peer = self._known[address] = Peer(self.clock.jiffies - _LONG_AGO * self.clock.hz)
        return peer

    def may_tell(self, address: int, cost: int, most: int, *, cuts_at_once: bool = False) -> bool:
        """Spend `cost` ticks of what a host has saved up; False if it has not enough.

        What is more than `most` is lost, but, unless it is cut at once, only when the next tick has come.
        Linux: net/ipv4/inetpeer.c inet_peer_xrlim_allow()
        """
        peer, now = self.get(address), self.clock.jiffies
        if now != peer.last or cuts_at_once:
            peer.tokens = min(peer.tokens + now - peer.last, most)
            peer.last = now
        allowed = peer.tokens >= cost
        if allowed:
            peer.tokens -= cost
        return allowed
