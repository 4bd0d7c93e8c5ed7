"""`-m hashlimit`: a bucket for each sender, receiver, port, or any mixture of them.

Three kinds: credit that grows with time is spent on packets; or on chunks of 16 octets; or (`rate_match`)
nothing is held back, and what came in the last interval tells whether the rate was kept.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from pystack.netfilter.needs import Path
from pystack.netfilter.rule import Match
from pystack.netfilter.view import View

SCALE: Final = 1000000  # intervals are in millionths of a second
U32: Final = 0xFFFFFFFF
_U64: Final = (1 << 64) - 1
_MSEC_PER_SEC: Final = 1000
_CHUNK: Final = 4  # bits of a length that do not count
_SECONDS_PER_DAY: Final = 86400

_PORTS_AT: Final = {6: 0, 17: 0, 33: 0, 50: 0, 132: 0, 136: 0, 51: 4}  # Linux: net/core proto_ports_offset()


def cost_of_rate(octets: int) -> int:
    """How a rate in octets a second is handed over. Linux: libxt_hashlimit.c bytes_to_cost()"""
    return U32 // ((octets >> _CHUNK) + 1)


def rate_of_cost(cost: int) -> int:
    """The other way round. Linux: cost_to_bytes(), xt_hashlimit.c user2rate_bytes()"""
    return ((U32 // cost if cost else U32) - 1) << _CHUNK


@dataclass(frozen=True, slots=True)
class HashSettings:
    """How one table of buckets is filled and told apart. Linux: struct hashlimit_cfg3"""

    average: int  # millionths of a second between two packets, or a cost (cost_of_rate)
    burst: int
    mode: frozenset[str]  # srcip, srcport, dstip, dstport
    source_mask: int
    destination_mask: int
    expire: int  # milliseconds after which an idle bucket is full again
    most: int  # buckets; 0: no limit
    in_octets: bool = False
    rate_match: bool = False
    window: int = 0  # seconds, of rate_match


class _Bucket:
    """Linux: struct dsthash_ent"""

    __slots__ = ("burst", "credit", "current", "exceeded", "last")

    def __init__(self, now: int) -> None:
        self.last = now  # jiffies
        self.credit = 0
        self.burst = 0  # in octets: how often the credit may be filled up at once
        self.current = 0  # rate_match: what came in this window
        self.exceeded = False  # and whether the one before had too much


@dataclass(slots=True)
class Buckets:
    """Of one name. Linux: struct xt_hashlimit_htable"""

    settings: HashSettings
    hz: int
    by_key: dict[tuple[int, ...], _Bucket] = field(default_factory=dict)

    def takes(self, key: tuple[int, ...], now: int, length: int) -> bool:
        """Whether the flow may have one packet more. Linux: hashlimit_mt_common()"""
        settings = self.settings
        bucket = self.by_key.get(key)
        if bucket is not None and now - bucket.last > settings.expire * self.hz // _MSEC_PER_SEC:
            del self.by_key[key]
            bucket = None
        if bucket is None:
            bucket = self.by_key[key] = self._fresh(now)
        elif now != bucket.last:
            self._refill(bucket, now)
        if settings.rate_match:
            bucket.current += length if settings.in_octets else 1
            return not bucket.exceeded and bucket.current <= self._most_in_window()
        cost = self._cost_in_octets(bucket, length) if settings.in_octets else settings.average
        if bucket.credit < cost:
            return False
        bucket.credit -= cost
        return True

    def has_room(self, key: tuple[int, ...]) -> bool:
        """Whether there may be a bucket for this flow."""
        return not self.settings.most or key in self.by_key or len(self.by_key) < self.settings.most

    def _fresh(self, now: int) -> _Bucket:
        """Linux: rateinfo_init()"""
        bucket, settings = _Bucket(now), self.settings
        if settings.in_octets:
            bucket.credit, bucket.burst = self._full_of_octets, settings.burst
        else:
            bucket.credit = settings.average * settings.burst
        return bucket

    def _refill(self, bucket: _Bucket, now: int) -> None:
        """Linux: rateinfo_recalc()"""
        settings, passed = self.settings, now - bucket.last
        if settings.rate_match:
            window = settings.window * self.hz
            if passed >= window:
                bucket.last = now
                bucket.exceeded = bucket.current * window > passed * self._rate()
                bucket.current = 0
            return
        bucket.last = now
        if settings.in_octets:
            full = self._full_of_octets
            bucket.credit = min(bucket.credit + full // self.hz * passed, full)
        else:
            full = settings.average * settings.burst
            bucket.credit = min(bucket.credit + SCALE // self.hz * passed, full)

    @property
    def _full_of_octets(self) -> int:
        """Linux: CREDITS_PER_JIFFY_BYTES * HZ"""
        return _power_of_two_below(U32 // self.hz) * self.hz

    def _cost_in_octets(self, bucket: _Bucket, length: int) -> int:
        """Linux: hashlimit_byte_cost()"""
        full = self._full_of_octets
        cost = min(((length >> _CHUNK) + 1) * (self.settings.average * full >> 32), full)
        if bucket.credit < cost and bucket.burst:
            bucket.burst -= 1
            bucket.credit = full
        return cost

    def _rate(self) -> int:
        average = self.settings.average
        return rate_of_cost(average & U32) if self.settings.in_octets else SCALE // average

    def _most_in_window(self) -> int:
        """Linux: rateinfo_init()"""
        settings, rate = self.settings, self._rate()
        if settings.in_octets:
            return settings.burst * rate if settings.burst else rate
        return settings.burst + rate


def overflows(average: int, burst: int, hz: int) -> bool:
    """Whether the kernel cannot count so far. Linux: hashlimit_mt_check_common()"""
    per_jiffy = _power_of_two_below(_U64 // (hz * _SECONDS_PER_DAY))
    factor = hz * per_jiffy // SCALE
    return (average * burst & _U64) * factor & _U64 < (average * factor & _U64)


def is_too_fast(cost: int, hz: int) -> bool:
    """The same of a rate in octets. Linux: user2credits_byte()"""
    return not (cost & U32) * _power_of_two_below(U32 // hz) * hz >> 32


def _power_of_two_below(number: int) -> int:
    return 1 << (number.bit_length() - 1)


@dataclass(frozen=True, slots=True)
class HashLimit(Match):
    """`upto` or `above`."""

    path: Path
    buckets: Buckets
    above: bool

    def __call__(self, view: View) -> bool:
        """Linux: net/netfilter/xt_hashlimit.c hashlimit_mt_common()"""
        settings = self.buckets.settings
        ports = _ports(view) if settings.mode & {"srcport", "dstport"} else (0, 0)
        if ports is None:
            view.hotdrop = True
            return False
        key = (
            view.daddr & settings.destination_mask if "dstip" in settings.mode else 0,
            view.saddr & settings.source_mask if "srcip" in settings.mode else 0,
            ports[1] if "dstport" in settings.mode else 0,
            ports[0] if "srcport" in settings.mode else 0,
        )
        if not self.buckets.has_room(key):
            view.hotdrop = True
            return False
        return self.buckets.takes(key, self.path.clock.jiffies, view.length) != self.above


def _ports(view: View) -> tuple[int, int] | None:
    """None if the protocol has them and they are cut off. Linux: hashlimit_init_dst()"""
    offset = _PORTS_AT.get(view.protocol)
    if offset is None:
        return 0, 0
    at = view.transport + offset
    found = bytes(view.pkt.data[at : at + 4])
    return (found[0] << 8 | found[1], found[2] << 8 | found[3]) if len(found) == 4 else None
