"""How often this host complains: one bucket for all, one a peer."""

from __future__ import annotations

from typing import Final

from pystack.clock import Clock
from pystack.l3.conf import Ipv4Sysctl

_BURST_FACTOR: Final = 6  # XRLIM_BURST_FACTOR
_LONG_AGO: Final = 60.0
_MAX_PEERS: Final = 65_536  # Linux differs: it bounds its peers by memory


class IcmpLimit:
    """Linux: net/ipv4/icmp.c icmpv4_global_allow(), icmpv4_xrlim_allow()"""

    def __init__(self, clock: Clock, sysctl: Ipv4Sysctl) -> None:
        self._clock = clock
        self._sysctl = sysctl
        self._credit = sysctl.icmp_msgs_burst
        self._stamp = clock.now
        self._peers: dict[int, tuple[float, float]] = {}  # address -> (tokens in seconds, when counted)

    def applies_to(self, type_: int) -> bool:
        """Whether messages of this type are limited at all."""
        return bool(self._sysctl.icmp_ratemask >> type_ & 1)

    def allows_any(self) -> bool:
        """Linux: net/ipv4/icmp.c icmp_global_allow()"""
        if self._credit > 0:
            return True
        passed = min(self._clock.now - self._stamp, 1.0)
        if passed < 0.02:
            return False
        gained = int(self._sysctl.icmp_msgs_per_sec * passed)
        if not gained:
            return False
        self._stamp = self._clock.now
        self._credit = min(self._credit + gained, self._sysctl.icmp_msgs_burst)
        return True

    def allows_peer(self, address: int) -> bool:
        """Linux: net/ipv4/inetpeer.c inet_peer_xrlim_allow()"""
        pause, now = self._sysctl.icmp_ratelimit / 1000, self._clock.now
        tokens, counted = self._peers.get(address, (0.0, now - _LONG_AGO))
        tokens = min(tokens + now - counted, _BURST_FACTOR * pause)
        allowed = tokens >= pause
        if address not in self._peers and len(self._peers) >= _MAX_PEERS:
            del self._peers[next(iter(self._peers))]
        self._peers[address] = (tokens - pause if allowed else tokens, now)
        if allowed:
            self._credit -= 1
        return allowed
