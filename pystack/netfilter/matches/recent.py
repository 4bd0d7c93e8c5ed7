"""`-m recent`: lists of addresses that were seen, by name, in a namespace."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from pystack.netfilter.needs import Path
from pystack.netfilter.rule import Match
from pystack.netfilter.view import View

MAX_STAMPS: Final = 65536
_USUAL_STAMPS: Final = 32
_LONGEST: Final = 100  # addresses; the one that was seen longest ago goes


@dataclass(slots=True)
class Seen:
    """An address: with which TTL it came last, and when it came."""

    ttl: int
    stamps: list[int]  # jiffies, the newest last


@dataclass(slots=True)
class RecentList:
    """Linux: net/netfilter/xt_recent.c struct recent_table"""

    mask: int
    capacity: int = _USUAL_STAMPS
    entries: dict[int, Seen] = field(default_factory=dict)  # the one seen longest ago first


class RecentLists:
    """Of a namespace."""

    __slots__ = ("_lists",)

    def __init__(self) -> None:
        self._lists: dict[str, RecentList] = {}

    def use(self, name: str, mask: int, hits: int) -> RecentList:
        """The list for one more rule; the mask is that of the first. Linux: recent_mt_check()"""
        found = self._lists.get(name)
        if found is None:
            found = self._lists[name] = RecentList(mask)
        capacity = max(_USUAL_STAMPS, 1 << (hits - 1).bit_length() if hits else 0)
        if capacity > found.capacity:
            found.entries.clear()
            found.capacity = capacity
        return found


@dataclass(frozen=True, slots=True)
class Recent(Match):
    """One of `set`, `rcheck`, `update`, `remove`."""

    path: Path
    seen: RecentList
    action: str
    by_destination: bool
    seconds: int
    hits: int
    reap: bool
    same_ttl: bool
    inverted: bool

    def __call__(self, view: View) -> bool:
        """Linux: net/netfilter/xt_recent.c recent_mt()"""
        header = view.header
        ttl = 0 if header is None else header.ttl
        if view.outdev is not None and view.pkt.sock is None:
            ttl += 1  # as it came in
        address = (view.daddr if self.by_destination else view.saddr) & self.seen.mask
        entry = self.seen.entries.get(address)
        if entry is not None and self.same_ttl and entry.ttl not in (0, ttl):
            entry = None
        if entry is None:
            if self.action != "set":
                return self.inverted
            self._note(address, ttl)
            return not self.inverted
        matched = True
        if self.action == "remove":
            del self.seen.entries[address]
        elif self.action != "set":
            matched = self._is_frequent(entry)
        found = matched != self.inverted
        if self.action == "set" or (self.action == "update" and found):
            self._note(address, ttl)
        return found

    def _is_frequent(self, entry: Seen) -> bool:
        clock = self.path.clock
        since = clock.jiffies - self.seconds * clock.hz
        hits = sum(1 for stamp in entry.stamps if not self.seconds or stamp >= since)
        if self.reap:
            entry.stamps[:] = [stamp for stamp in entry.stamps if stamp >= since]
        return hits >= max(self.hits, 1)

    def _note(self, address: int, ttl: int) -> None:
        """Linux: recent_entry_init(), recent_entry_update()"""
        entries = self.seen.entries
        entry = entries.pop(address, None)
        if entry is None:
            if len(entries) >= _LONGEST:
                del entries[next(iter(entries))]
            entry = Seen(ttl, [])
        entry.ttl = ttl
        entry.stamps.append(self.path.clock.jiffies)
        del entry.stamps[: -self.seen.capacity]
        entries[address] = entry
