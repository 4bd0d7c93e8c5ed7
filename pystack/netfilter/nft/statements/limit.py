"""`limit rate 3/minute`.

Linux: net/netfilter/nft_limit.c
"""

from __future__ import annotations

from typing import Final

from pystack.clock import Clock
from pystack.netfilter.rule import Match
from pystack.netfilter.view import View

_NANO: Final = 1_000_000_000
_U64: Final = 1 << 64
DEFAULT_BURST: Final = 5  # packets


class Limit(Match):
    """A bucket of time: a packet, or each of its octets, takes some out, and it fills by itself."""

    __slots__ = ("_clock", "_last", "_most", "_tokens", "burst", "octets", "over", "rate", "seconds")

    def __init__(
        self, clock: Clock, rate: int, seconds: int, burst: int, *, over: bool = False, octets: bool = False
    ) -> None:
        """`burst`: packets that may come at once; of octets, how many more than the rate. Linux:
        nft_limit_init()
        """
        self._clock = clock
        self.rate = rate
        self.seconds = seconds
        self.burst = burst
        self.over = over
        self.octets = octets
        span = seconds * _NANO
        self._most = self._tokens = span * (rate + burst) // rate if octets else span // rate * burst
        self._last = clock.now

    def __call__(self, view: View) -> bool:
        """Linux: nft_limit_eval(), nft_limit_pkts_eval(), nft_limit_bytes_eval()"""
        now = self._clock.now
        self._tokens = min(self._tokens + round((now - self._last) * _NANO), self._most)
        self._last = now
        cost = self.seconds * _NANO // self.rate if not self.octets else self._cost_of(view.length)
        if self._tokens < cost:
            return self.over
        self._tokens -= cost
        return not self.over

    def _cost_of(self, octets: int) -> int:
        return self.seconds * _NANO * octets % _U64 // self.rate

    def clone(self) -> Limit:
        """Linux: nft_limit_clone()"""
        return Limit(self._clock, self.rate, self.seconds, self.burst, over=self.over, octets=self.octets)


def overflows(rate: int, seconds: int, burst: int, *, octets: bool) -> bool:
    """Whether 64 bits do not hold such a bucket. Linux: nft_limit_init()"""
    span = seconds * _NANO
    if span >= _U64 or rate + burst >= _U64:
        return True
    return span * (rate + burst) >= _U64 if octets else span // rate * burst >= _U64
