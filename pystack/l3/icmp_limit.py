"""How often this host complains: one bucket for all, one a peer."""

from __future__ import annotations

from typing import Final

from pystack.clock import Clock
from pystack.device import IFF_LOOPBACK, NetDevice
from pystack.l3.conf import Ipv4Sysctl
from pystack.l3.peers import Peers
from pystack.wire.icmp import ICMP_DEST_UNREACH, ICMP_FRAG_NEEDED, NR_ICMP_TYPES

_BURST_FACTOR: Final = 6  # XRLIM_BURST_FACTOR


class IcmpLimit:
    """Linux: net/ipv4/icmp.c icmpv4_global_allow(), icmpv4_xrlim_allow()"""

    def __init__(self, clock: Clock, sysctl: Ipv4Sysctl, peers: Peers) -> None:
        self._clock = clock
        self._sysctl = sysctl
        self._credit = 0
        self._stamp = clock.jiffies - clock.hz  # long ago: the first one fills the bucket
        self._peers = peers

    def applies_to(self, type_: int, code: int) -> bool:
        """Whether such messages are limited at all. Linux: net/ipv4/icmp.c icmpv4_mask_allow()"""
        if type_ > NR_ICMP_TYPES or (type_ == ICMP_DEST_UNREACH and code == ICMP_FRAG_NEEDED):
            return False  # the path's MTU must become known
        return bool(self._sysctl.icmp_ratemask >> type_ & 1)

    def allows_any(self) -> bool:
        """Linux: net/ipv4/icmp.c icmp_global_allow()"""
        if self._credit > 0:
            return True
        now, hz = self._clock.jiffies, self._clock.hz
        passed = min(now - self._stamp, hz)
        if passed < hz // 50:
            return False
        gained = self._sysctl.icmp_msgs_per_sec * passed // hz
        if not gained:
            return False
        self._stamp = now
        self._credit = min(self._credit + gained, self._sysctl.icmp_msgs_burst)
        return True

    def allows_to(self, address: int, dev: NetDevice) -> bool:
        """Whether this peer may be told, by this device. Linux: net/ipv4/icmp.c icmpv4_xrlim_allow()"""
        pause = self._sysctl.icmp_ratelimit * self._clock.hz // 1000
        allowed = bool(dev.flags & IFF_LOOPBACK) or self._peers.may_tell(
            address, pause, _BURST_FACTOR * pause
        )
        if allowed:
            # Linux differs: it takes none, one or two, so that the rate tells a stranger nothing.
            self._credit -= 1
        return allowed

    def allows_unreachable(self, address: int) -> bool:
        """Whether this peer may be told that a route leads nowhere; of the same tokens as `allows_to`.

        Linux: net/ipv4/route.c ip_error()
        """
        sysctl = self._peers.sysctl
        return self._peers.may_tell(address, sysctl.error_cost, sysctl.error_burst, cuts_at_once=True)
