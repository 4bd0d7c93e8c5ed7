"""`-m limit`, `-m statistic`, `-m quota`: matches that remember what they said."""

from __future__ import annotations

from typing import Final

from pystack.netfilter.needs import Path, Timed
from pystack.netfilter.rule import Match
from pystack.netfilter.view import View

SCALE: Final = 10000  # limits are intervals in ten-thousandths of a second
_DAY: Final = 86400
_32_BITS: Final = 0xFFFFFFFF


class Limit(Match):
    """In legacy tables: a bucket that fills with every jiffy, and that every match takes from. Those of nft
    have one that fills with every nanosecond (nft/statements/limit.py).
    """

    __slots__ = ("_cap", "_clock", "_cost", "_credit", "_last", "_per_jiffy")

    def __init__(self, path: Timed, interval: int, burst: int) -> None:
        """Linux: net/netfilter/xt_limit.c limit_mt_check()"""
        self._clock = path.clock
        hz = path.clock.hz
        self._per_jiffy = _credits_per_jiffy(hz)
        self._cost = _user2credits(interval, hz)
        self._cap = self._credit = _user2credits(interval * burst & _32_BITS, hz)
        self._last = path.clock.jiffies

    def __call__(self, view: View) -> bool:
        """Linux: net/netfilter/xt_limit.c limit_mt()"""
        now = self._clock.jiffies
        self._credit = min(self._credit + (now - self._last) * self._per_jiffy, self._cap)
        self._last = now
        if self._credit < self._cost:
            return False
        self._credit -= self._cost
        return True


def overflows(interval: int, burst: int, hz: int) -> bool:
    """Whether 32 bits do not hold such a bucket. Linux: net/netfilter/xt_limit.c limit_mt_check()"""
    return not burst or _user2credits(interval * burst & _32_BITS, hz) < _user2credits(interval, hz)


def _credits_per_jiffy(hz: int) -> int:
    """The largest power of two with which a day still fits in 32 bits."""
    return 1 << (_32_BITS // (hz * _DAY)).bit_length() - 1


def _user2credits(interval: int, hz: int) -> int:
    """Linux: net/netfilter/xt_limit.c user2credits()"""
    per_second = hz * _credits_per_jiffy(hz)
    if interval > _32_BITS // per_second:
        return interval // SCALE * per_second & _32_BITS
    return interval * per_second // SCALE


class Random(Match):
    """`-m statistic --mode random`: probability in parts of 2^31."""

    __slots__ = ("_inverted", "_probability", "_rng")

    def __init__(self, path: Path, probability: int, *, inverted: bool) -> None:
        self._rng = path.rng
        self._probability = probability
        self._inverted = inverted

    def __call__(self, view: View) -> bool:
        """Linux: net/netfilter/xt_statistic.c statistic_mt()"""
        return (self._rng.u32() >> 1 < self._probability) != self._inverted


class Nth(Match):
    """`-m statistic --mode nth`: one of every so many, beginning with the one of that number."""

    __slots__ = ("_count", "_every", "_inverted")

    def __init__(self, every: int, packet: int, *, inverted: bool) -> None:
        self._every = every - 1
        self._count = (every - 1 - packet) % every
        self._inverted = inverted

    def __call__(self, view: View) -> bool:
        """Linux: net/netfilter/xt_statistic.c statistic_mt()"""
        self._count = 0 if self._count == self._every else self._count + 1
        return (self._count == 0) != self._inverted


class Quota(Match):
    """`-m quota`: until so many octets have passed."""

    __slots__ = ("_inverted", "_left")

    def __init__(self, quota: int, *, inverted: bool) -> None:
        self._left = quota
        self._inverted = inverted

    def __call__(self, view: View) -> bool:
        """Linux: net/netfilter/xt_quota.c quota_mt()"""
        if self._left >= view.length:
            self._left -= view.length
            return not self._inverted
        self._left = 0
        return self._inverted
