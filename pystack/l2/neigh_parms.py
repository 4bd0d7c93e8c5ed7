"""How long a neighbour is believed and how often it is asked: net.ipv4.neigh.DEV by Linux's names."""

from __future__ import annotations

from dataclasses import dataclass, replace

from pystack.rng import Rng

_USER_HZ = 100  # the unit of the knobs without a unit in their name
_FRAME_TRUESIZE = 2090  # what a whole frame counts for. Linux: SKB_TRUESIZE(ETH_FRAME_LEN)


@dataclass(slots=True)
class NeighParms:
    """Linux: include/net/neighbour.h struct neigh_parms; net/ipv4/arp.c arp_tbl"""

    mcast_solicit: int = 3
    ucast_solicit: int = 3
    app_solicit: int = 0
    mcast_resolicit: int = 0
    retrans_time_ms: int = 1000
    base_reachable_time_ms: int = 30_000
    delay_first_probe_time: int = 5
    gc_stale_time: int = 60
    unres_qlen_bytes: int = 212_992
    locktime: int = 100
    proxy_delay: int = 80
    proxy_qlen: int = 64
    reachable_time: float = 30.0  # seconds, drawn between half and one and a half of the base

    @property
    def base_reachable_time(self) -> int:
        """The same in seconds."""
        return self.base_reachable_time_ms // 1000

    @base_reachable_time.setter
    def base_reachable_time(self, seconds: int) -> None:
        self.base_reachable_time_ms = seconds * 1000

    @property
    def retrans_time(self) -> int:
        """The same in hundredths of a second."""
        return self.retrans_time_ms * _USER_HZ // 1000

    @retrans_time.setter
    def retrans_time(self, hundredths: int) -> None:
        self.retrans_time_ms = hundredths * 1000 // _USER_HZ

    @property
    def unres_qlen(self) -> int:
        """The bytes that may wait, in frames."""
        return self.unres_qlen_bytes // _FRAME_TRUESIZE

    @unres_qlen.setter
    def unres_qlen(self, frames: int) -> None:
        self.unres_qlen_bytes = frames * _FRAME_TRUESIZE

    @property
    def lock_seconds(self) -> float:
        """How long the first answer shuts out a different one."""
        return self.locktime / _USER_HZ

    def copy_for(self, rng: Rng) -> NeighParms:
        """A device's own set. Linux: net/core/neighbour.c neigh_parms_alloc()"""
        parms = replace(self)
        parms.draw_reachable_time(rng)
        return parms

    def draw_reachable_time(self, rng: Rng) -> None:
        """Linux: net/core/neighbour.c neigh_rand_reach_time()"""
        base = self.base_reachable_time_ms
        self.reachable_time = (rng.below(base) + base // 2) / 1000 if base else 0.0


SYSCTL_NAMES = (
    "app_solicit",
    "base_reachable_time",
    "base_reachable_time_ms",
    "delay_first_probe_time",
    "gc_stale_time",
    "locktime",
    "mcast_resolicit",
    "mcast_solicit",
    "proxy_delay",
    "proxy_qlen",
    "retrans_time",
    "retrans_time_ms",
    "ucast_solicit",
    "unres_qlen",
    "unres_qlen_bytes",
)
