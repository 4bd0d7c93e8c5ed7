"""`-m hashlimit`: a bucket for each sender, receiver, port, or any mixture of them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from pystack.netfilter.needs import Path
from pystack.netfilter.rule import Match
from pystack.netfilter.view import View

SCALE: Final = 1000000  # intervals are in millionths of a second
_MSEC_PER_SEC: Final = 1000


@dataclass(frozen=True, slots=True)
class HashSettings:
    """How one table of buckets is filled and told apart. Linux: struct hashlimit_cfg3"""

    interval: int  # between two packets
    burst: int
    mode: frozenset[str]  # srcip, srcport, dstip, dstport
    source_mask: int
    destination_mask: int
    expire: int  # milliseconds after which an idle bucket is full again
    most: int  # buckets; 0: no limit


@dataclass(slots=True)
class _Bucket:
    credit: int
    last: int  # jiffies


@dataclass(slots=True)
class Buckets:
    """Of one name. Linux: struct xt_hashlimit_htable"""

    settings: HashSettings
    hz: int
    by_key: dict[tuple[int, ...], _Bucket] = field(default_factory=dict)

    def takes(self, key: tuple[int, ...], now: int) -> bool:
        """Whether the flow may have one packet more. Linux: rateinfo_recalc(), hashlimit_mt_common()"""
        settings = self.settings
        per_jiffy = SCALE // self.hz
        cost, cap = settings.interval, settings.interval * settings.burst
        bucket = self.by_key.get(key)
        if bucket is not None and now - bucket.last > settings.expire * self.hz // _MSEC_PER_SEC:
            del self.by_key[key]
            bucket = None
        if bucket is None:
            bucket = self.by_key[key] = _Bucket(cap, now)
        bucket.credit = min(bucket.credit + (now - bucket.last) * per_jiffy, cap)
        bucket.last = now
        if bucket.credit < cost:
            return False
        bucket.credit -= cost
        return True

    def has_room(self, key: tuple[int, ...]) -> bool:
        """Whether there may be a bucket for this flow."""
        return not self.settings.most or key in self.by_key or len(self.by_key) < self.settings.most


@dataclass(frozen=True, slots=True)
class HashLimit(Match):
    """`upto` or `above`."""

    path: Path
    buckets: Buckets
    above: bool

    def __call__(self, view: View) -> bool:
        """Linux: net/netfilter/xt_hashlimit.c hashlimit_mt_common()"""
        settings = self.buckets.settings
        ports = view.ports or (0, 0)
        key = (
            view.daddr & settings.destination_mask if "dstip" in settings.mode else 0,
            view.saddr & settings.source_mask if "srcip" in settings.mode else 0,
            ports[1] if "dstport" in settings.mode else 0,
            ports[0] if "srcport" in settings.mode else 0,
        )
        if not self.buckets.has_room(key):
            view.hotdrop = True
            return False
        return self.buckets.takes(key, self.path.clock.jiffies) != self.above
