"""All neighbours of one family in one namespace, bounded as Linux bounds them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Final

from pystack.device import NetDevice
from pystack.l2.neigh_parms import NeighParms
from pystack.l2.neighbour import Neighbour, NeighContext
from pystack.l2.nud import NUD_FAILED, NUD_IN_TIMER, NUD_NOARP, NUD_PERMANENT
from pystack.rng import Rng

_FORCED_GC_PAUSE: Final = 5.0  # seconds between two collections above gc_thresh2
_REDRAW_REACHABLE: Final = 300.0


@dataclass(slots=True)
class GcThresholds:
    """net.ipv4.neigh.default.gc_thresh*"""

    gc_interval: int = 30
    gc_thresh1: int = 128  # fewer entries: nothing is ever collected
    gc_thresh2: int = 512  # more: collect before adding, at most every five seconds
    gc_thresh3: int = 1024  # as many: no further entry


class NeighTable:
    """Linux: include/net/neighbour.h struct neigh_table

    Linux differs: its thresholds count the entries of all namespaces together.
    """

    def __init__(
        self,
        context: NeighContext,
        rng: Rng,
        construct: Callable[[Neighbour], None],
        default_parms: NeighParms,
        all_parms: Callable[[], list[NeighParms]],
    ) -> None:
        self.context = context
        self.thresholds = GcThresholds()
        self.overflows = 0
        self._construct = construct
        self._rng = rng
        self._default_parms = default_parms
        self._all_parms = all_parms
        self._entries: dict[tuple[NetDevice, int], Neighbour] = {}
        self._last_flush = context.clock.now
        self._last_draw = context.clock.now
        self._collecting = False

    def __iter__(self) -> Iterator[Neighbour]:
        return iter(list(self._entries.values()))

    def __len__(self) -> int:
        return len(self._entries)

    def lookup(self, dev: NetDevice, key: int) -> Neighbour | None:
        """The entry, if there is one. Linux: net/core/neighbour.c neigh_lookup()"""
        return self._entries.get((dev, key))

    def create(
        self, dev: NetDevice, key: int, parms: NeighParms, *, exempt: bool = False
    ) -> Neighbour | None:
        """The entry, made if need be; None if the table is full, which a permanent one (`exempt`) never
        minds.

        Linux: net/core/neighbour.c ___neigh_create()
        """
        known = self._entries.get((dev, key))
        if known is not None:
            return known
        if not (exempt or self._has_room()):
            self.overflows += 1
            return None
        neigh = Neighbour(key, dev, parms, self.context)
        self._construct(neigh)
        self._entries[(dev, key)] = neigh
        if not self._collecting:
            self._collecting = True
            self._schedule()
        return neigh

    def remove(self, neigh: Neighbour) -> None:
        """Take an entry out; what waits for it is dropped."""
        if self._entries.pop((neigh.dev, neigh.key), None) is not None:
            neigh.kill()

    def flush(self, dev: NetDevice, *, keep_permanent: bool = False) -> None:
        """Forget the neighbours on a device. Linux: net/core/neighbour.c neigh_flush_dev()"""
        for neigh in [entry for entry in self if entry.dev is dev]:
            if not (keep_permanent and neigh.state & NUD_PERMANENT):
                self.remove(neigh)

    def _has_room(self) -> bool:
        """Linux: net/core/neighbour.c neigh_alloc()"""
        limits, now = self.thresholds, self.context.clock.now
        if len(self._entries) < min(limits.gc_thresh2, limits.gc_thresh3):
            return True
        count = sum(1 for neigh in self._entries.values() if not neigh.state & NUD_PERMANENT)
        full = count >= limits.gc_thresh3
        crowded = count >= limits.gc_thresh2 and now > self._last_flush + _FORCED_GC_PAUSE
        if not (full or crowded):
            return True
        return self._forced_gc(count + 1 - limits.gc_thresh2) > 0 or not full

    def _forced_gc(self, wanted: int) -> int:
        """Linux: net/core/neighbour.c neigh_forced_gc()"""
        now, shrunk = self.context.clock.now, 0
        for neigh in self:
            if shrunk >= max(wanted, 1):
                break
            if neigh.state & NUD_PERMANENT:
                continue
            if neigh.state in (NUD_FAILED, NUD_NOARP) or now - neigh.updated > _FORCED_GC_PAUSE:
                self.remove(neigh)
                shrunk += 1
        self._last_flush = now
        return shrunk

    def _schedule(self) -> None:
        self.context.timers.after(max(self._default_parms.base_reachable_time_ms / 2000, 1.0), self._collect)

    def _collect(self) -> None:
        """Linux: net/core/neighbour.c neigh_periodic_work()"""
        now = self.context.clock.now
        if now > self._last_draw + _REDRAW_REACHABLE:
            self._last_draw = now
            for parms in self._all_parms():
                parms.draw_reachable_time(self._rng)
        if len(self._entries) >= self.thresholds.gc_thresh1:
            for neigh in self:
                self._collect_one(neigh, now)
        self._collecting = bool(self._entries)
        if self._collecting:
            self._schedule()

    def _collect_one(self, neigh: Neighbour, now: float) -> None:
        if neigh.state & (NUD_PERMANENT | NUD_IN_TIMER):
            return
        neigh.used = max(neigh.used, neigh.confirmed)
        if neigh.state == NUD_FAILED or now >= neigh.used + neigh.parms.gc_stale_time:
            self.remove(neigh)
