"""The forwarding database of a bridge: which station is behind which port.

Keyed by (address, VLAN); VLAN 0 while the bridge does not filter VLANs. An entry is

    local     the address of a port or of the bridge: frames for it go up the stack
    static    does not age; a frame from another port still moves it, unless it is sticky
    dynamic   learned from frames, or added so by a user: ages
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from pystack.clock import Clock
from pystack.l2.bridge_port import BridgePort
from pystack.timers import Timer, Timers

AGEING_TIME: Final = 300.0
FIRST_COLLECTION: Final = 0.1  # after the bridge came up
SHORTEST_COLLECTION: Final = 0.01

# Linux differs: it goes through a table of any size every 10 ms. Here the pause grows with the table, so that
# a flood of sources that ages costs a hundredth of the time; in a full table entries go 0.7 s late at most.
PAUSE_PER_ENTRY: Final = 10e-6

# Linux differs: without fdb_max_learned it learns without end; a flood of made-up sources must not eat the
# daemon's memory. A full table learns nothing new, as Linux does at fdb_max_learned.
LEARNED_LIMIT: Final = 65536

NTF_STICKY: Final = 1 << 6
NTF_EXT_LEARNED: Final = 1 << 4

Notify = Callable[["FdbEntry", str], None]


class FdbEntry:
    """Linux: net/bridge/br_private.h struct net_bridge_fdb_entry"""

    __slots__ = (
        "added_by_user",
        "address",
        "ext_learned",
        "local",
        "port",
        "static",
        "sticky",
        "updated",
        "used",
        "vid",
    )

    def __init__(self, address: bytes, vid: int, port: BridgePort | None, now: float) -> None:
        self.address = address
        self.vid = vid
        self.port = port  # None: the bridge itself
        self.local = False
        self.static = False
        self.sticky = False
        self.added_by_user = False
        self.ext_learned = False
        self.updated = now  # last seen as a source
        self.used = now  # last seen as a destination

    @property
    def ages(self) -> bool:
        """Whether it goes after a time of silence."""
        return not self.static and not self.ext_learned

    @property
    def learned(self) -> bool:
        """Whether it counts against the limits of learning."""
        return not self.added_by_user and not self.local


class Fdb:
    """Linux: net/bridge/br_fdb.c"""

    def __init__(self, clock: Clock, timers: Timers, notify: Notify) -> None:
        self.entries: dict[tuple[bytes, int], FdbEntry] = {}  # oldest first
        self.ageing_time = AGEING_TIME
        self.max_learned = 0  # 0: no limit of the user's
        self._clock = clock
        self._timers = timers
        self._notify = notify
        self._learned = 0
        self._running = False
        self._timer: Timer | None = None

    def __len__(self) -> int:
        return len(self.entries)

    def __iter__(self) -> Iterator[FdbEntry]:
        """Newest first, as Linux lists them; an entry that moved keeps its place."""
        return iter(list(reversed(self.entries.values())))

    def get(self, address: bytes, vid: int = 0) -> FdbEntry | None:
        """Linux: br_fdb_find_rcu()"""
        return self.entries.get((address, vid))

    @property
    def n_learned(self) -> int:
        """How many entries count against the limit."""
        return self._learned

    def expired(self, entry: FdbEntry) -> bool:
        """Linux: has_expired()"""
        return entry.ages and entry.updated + self.ageing_time <= self._clock.now

    # --- learning ---------------------------------------------------------------------------------------

    def learn(self, port: BridgePort, address: bytes, vid: int) -> bool:
        """A frame from `address` came by `port`; False if the address is the bridge's own.

        Linux: br_fdb_update()
        """
        if not self.ageing_time:  # some users want to always flood
            return True
        entry = self.entries.get((address, vid))
        if entry is None:
            self._learn_new(port, address, vid)
            return True
        if entry.local:
            return False
        entry.updated = self._clock.now
        if entry.port is not port and not entry.sticky:
            entry.port = port
            entry.ext_learned = False
            self._notify(entry, "new")
        return True

    def _learn_new(self, port: BridgePort, address: bytes, vid: int) -> None:
        if self._learned >= (min(self.max_learned, LEARNED_LIMIT) if self.max_learned else LEARNED_LIMIT):
            return
        entry = FdbEntry(address, vid, port, self._clock.now)
        self.insert(entry)
        self._notify(entry, "new")

    # --- the table --------------------------------------------------------------------------------------

    def insert(self, entry: FdbEntry) -> None:
        """Linux: fdb_create()"""
        self.entries[entry.address, entry.vid] = entry
        self._learned += entry.learned
        self.watch()

    def mark_user(self, entry: FdbEntry) -> None:
        """A user set this entry: it no longer counts as learned. Linux: fdb_add_entry()"""
        self._learned -= entry.learned
        entry.added_by_user = True

    def remove(self, entry: FdbEntry) -> None:
        """Linux: fdb_delete()"""
        del self.entries[entry.address, entry.vid]
        self._learned -= entry.learned
        self._notify(entry, "del")

    def changed(self, entry: FdbEntry) -> None:
        """Tell `bridge monitor` of an entry that was changed from outside."""
        self._notify(entry, "new")

    # --- ageing -----------------------------------------------------------------------------------------

    def start(self) -> None:
        """The bridge came up. Linux: br_stp_enable_bridge()"""
        self._running = True
        self._schedule(self._clock.now + FIRST_COLLECTION)

    def stop(self) -> None:
        """The bridge went down, or goes. Linux: br_stp_disable_bridge(), br_dev_delete()"""
        self._running = False
        self._cancel()

    def set_ageing_time(self, seconds: float) -> None:
        """From then on entries age, on a bridge that is down too. Linux: br_stp.c br_set_ageing_time()"""
        self.ageing_time = seconds
        self._running = True
        self._schedule(self._clock.now)

    def watch(self) -> None:
        """See to it that somebody looks after entries that age.

        Linux looks every `ageing_time` even at an empty table; here nobody is woken for nothing.
        """
        if self._running and self._timer is None:
            self._schedule(self._clock.now + max(self.ageing_time, SHORTEST_COLLECTION))

    def _schedule(self, deadline: float) -> None:
        self._cancel()
        self._timer = self._timers.at(deadline, self._collect)

    def _cancel(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _collect(self) -> None:
        """Delete what has aged, and come back when the next entry does. Linux: br_fdb_cleanup()"""
        self._timer = None
        now, ageing_time = self._clock.now, self.ageing_time
        oldest: float | None = None
        for entry in self:
            if not entry.ages:
                continue
            if entry.updated + ageing_time <= now:
                self.remove(entry)
            elif oldest is None or entry.updated < oldest:
                oldest = entry.updated
        if oldest is not None:
            pause = max(SHORTEST_COLLECTION, len(self.entries) * PAUSE_PER_ENTRY)
            self._schedule(max(oldest + ageing_time, now + pause))
