"""Everything that lives together: namespaces by name, one clock, one source of chance, one heap of timers,
one backlog.
"""

from __future__ import annotations

from dataclasses import fields, replace

from pystack.clock import Clock
from pystack.drop import Outcomes
from pystack.errors import EEXIST, ENOENT, NetError
from pystack.events import EventSink
from pystack.l2.backlog import BUDGET, Backlog
from pystack.l3.peers import PeerSysctl
from pystack.netns import Netns
from pystack.origins import Origins
from pystack.profile import Profile
from pystack.rng import Rng
from pystack.sysctl import Knob, Path
from pystack.sysctl_table_host import CONNTRACK_MAX, SEEN_BY_ALL
from pystack.timers import Timers


class Host:
    """Linux: one running kernel."""

    def __init__(self, *, seed: int = 0, profile: Profile | None = None, clock: Clock | None = None) -> None:
        self.profile = profile if profile is not None else Profile()
        self.clock = clock if clock is not None else Clock(hz=self.profile.hz)
        self.rng = Rng(seed)
        self.timers = Timers(self.clock)
        self.backlog = Backlog()
        self.events = EventSink()
        self.outcomes = Outcomes()
        self.origins = Origins()
        self.histories: dict[str, dict[str, int]] = {}  # what a tool remembers until it runs again
        self.namespaces: dict[str, Netns] = {}
        self.namespaces[""] = self.init = self._make_netns("", None)
        self._bind_sysctls()

    def _bind_sysctls(self) -> None:
        """Those that only the first namespace shows, as they are for the whole host."""
        sysctls, thresholds = self.init.sysctls, self.init.ipv4.neighbours.thresholds
        sysctls.bind(("net", "core", "netdev_max_backlog"), Knob(self.backlog, "limit", low=0))
        for name in ("gc_thresh1", "gc_thresh2", "gc_thresh3", "gc_interval"):
            effect = name != "gc_interval"
            knob = Knob(thresholds, name, low=0, effect=effect)
            sysctls.bind(("net", "ipv4", "neigh", "default", name), knob)
        for entry in fields(PeerSysctl):
            knob = Knob(self.init.ipv4.peers.sysctl, entry.name)
            sysctls.bind(("net", "ipv4", "route", entry.name), knob)
        alias, path = CONNTRACK_MAX
        sysctls.bind(alias, self._seen(path))

    def add_netns(self, name: str) -> Netns:
        """`ip netns add`. The first namespace, the daemon's own, is named by the empty string."""
        if name in self.namespaces:
            raise NetError(EEXIST)
        self.namespaces[name] = netns = self.spare_netns(name)
        return netns

    def spare_netns(self, name: str) -> Netns:
        """One that nobody finds by its name yet: see replace_netns()."""
        netns = self._make_netns(name, self.init)
        for path in SEEN_BY_ALL:
            netns.sysctls.bind(path, replace(self._seen(path), writable=False))
        return netns

    def _seen(self, path: Path) -> Knob:
        knob = self.init.sysctls.get(path)
        assert knob is not None
        return knob

    def _make_netns(self, name: str, first: Netns | None) -> Netns:
        return Netns(
            name,
            clock=self.clock,
            timers=self.timers,
            rng=self.rng,
            events=self.events,
            outcomes=self.outcomes,
            backlog=self.backlog,
            profile=self.profile,
            origins=self.origins,
            first=first,
        )

    def del_netns(self, name: str) -> None:
        """`ip netns delete`: its devices go, those of a pair take their peers along."""
        netns = self.namespaces.get(name)
        if netns is None or netns is self.init:
            raise NetError(ENOENT)
        netns.close()
        del self.namespaces[name]

    def replace_netns(self, spare: Netns) -> None:
        """It takes its namesake's place; whoever has that one closes it, once nothing of it is needed."""
        if not spare.name or spare.name not in self.namespaces:
            raise NetError(ENOENT)
        self.namespaces[spare.name] = spare

    def run_backlog(self, budget: int = BUDGET) -> None:
        """Receive what crossed loopback and veth, up to a budget."""
        self.backlog.run(budget)

    def next_deadline(self) -> float | None:
        """When the stack wants to be called again: now if the backlog waits, else the first timer."""
        if len(self.backlog):
            return self.clock.now
        return self.timers.next_deadline()

    def run_timers(self) -> None:
        """Run every timer that is due at `clock.now`."""
        self.timers.run_expired()

    def queued(self) -> int:
        """Packets that have not met their outcome yet, counted where they wait."""
        return len(self.backlog) + sum(netns.queued() for netns in self.namespaces.values())
