"""Shims in a live namespace: their queues, the processes behind them, and their rules."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from enum import Enum
from typing import Final, NamedTuple

from pystack.drivers.kernel_netns import in_netns
from pystack.hooks.nfnetlink import open_socket
from pystack.hooks.queue.packet import Queue
from pystack.hooks.queue.raw import RawQueue
from pystack.hooks.queue.requests import EVERY_OCTET, FAIL_OPEN, GSO, OWNERS
from pystack.hooks.shim.counters import QueueCounters, QueueTable, queues_of
from pystack.hooks.shim.desks import Asking, Desk, Passing
from pystack.hooks.shim.heart import Heart, Of
from pystack.hooks.shim.keeper import Keeper
from pystack.hooks.shim.letters import Mail, pair
from pystack.hooks.shim.placement import Place, place
from pystack.hooks.shim.processes import Processes
from pystack.hooks.shim.release import Release
from pystack.hooks.shim.rules import (
    ShimsUnavailable,
    StandingRules,
    install,
    saved_rules,
    take_back_orphans,
)
from pystack.hooks.shim.server import BEAT, serve

DEADLINE: Final = 0.2  # seconds
BASE: Final = 100
_LOOKS: Final = 8  # at what waits, within a deadline
_ANSWERED_BY: Final = 0.6  # of the deadline: who answers lets a packet go on that nobody has decided about
_OVERDUE: Final = 0.75  # likewise: if he has not either, the keeper does
_NOTHING: Final = QueueCounters(0, 0, 0, 0)
LENGTH: Final = 1024  # packets that wait in a queue: no more than can be answered in time; others pass


def _nothing() -> None:
    pass


class Task(Enum):
    """What is done with packets."""

    COUNT = "count"  # they pass
    SHOW = "show"  # they pass, and then are shown
    ASK = "ask"  # somebody decides


class Counts(NamedTuple):
    """Of one queue."""

    point: str
    queue: int
    seen: int
    dropped_by_queue: int
    dropped_by_socket: int
    late: int  # let go on at the deadline
    uncompared: int  # passed without being shown


class Shims:
    """From `start` to `stop`. `mail` is where packets are shown, and decided about."""

    def __init__(
        self,
        netns: str,
        points: Sequence[str],
        *,
        base: int = BASE,
        deadline: float = DEADLINE,
        task: Task = Task.COUNT,
        by_library: bool = False,
    ) -> None:
        self._netns = netns
        self._points = points
        self._base = base
        self._deadline = deadline
        self._task = task
        self._by_library = by_library
        self._heart = Heart(len(points))
        self._queues: list[Queue] = []
        self._places: list[Place] = []
        self._processes: Processes | None = None
        self._rules: StandingRules | None = None
        self._table: QueueTable | None = None
        self._release: Release | None = None
        self.mail: Mail | None = None

    def __enter__(self) -> Shims:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, note: Callable[[], object] = _nothing) -> Shims:
        """Who answers is there before the first rule is, and `note` was called. Raises Refused,
        ShimsUnavailable.
        """
        if not self._points:
            return self
        take_back_orphans(self._netns)  # what a killed one left would keep packets from ours
        saved = saved_rules(self._netns)
        decides = self._task is Task.ASK
        self._places = [
            place(point, self._base + at, saved, decides=decides) for at, point in enumerate(self._points)
        ]
        self._rules = StandingRules(self._netns, self._places)
        self._table = QueueTable(self._netns)
        try:
            for one in self._places:
                self._queues.append(self._open(one.number))
            overdue = self._deadline * _OVERDUE
            self._release = Release(self._queues, self._table, self._heart, overdue)
            self._begin_processes(self._rules, self._table, self._release)
            note()
            for one in self._places:
                install(self._netns, one)
        except BaseException:
            self.stop()
            raise
        return self

    def counts(self) -> list[Counts]:
        """What passed by each. Takes a moment: the kernel's rules are asked how many met them."""
        met = {} if self._rules is None else self._rules.packets()
        known = {} if self._table is None else self._table.read()
        return [
            self._counts(at, one, known.get(one.number, _NOTHING), met.get(one.number, 0))
            for at, one in enumerate(self._places)
        ]

    def _counts(self, at: int, one: Place, kernels: QueueCounters, met: int) -> Counts:
        """What met the rule and was not handed over found the queue full: it passed unseen."""
        counted = {of: self._heart.counted(at, of) for of in Of}
        drops = kernels.dropped_by_queue, kernels.dropped_by_socket
        passed_by = max(0, met - counted[Of.SEEN] - kernels.waiting - sum(drops))
        late, unseen = counted[Of.LATE] + counted[Of.RELEASED], counted[Of.UNCOMPARED] + passed_by
        return Counts(one.point, one.number, counted[Of.SEEN], *drops, late, unseen)

    def be_strict(self, wanted: bool) -> None:
        """From now on what nobody decides about is dropped, or passes."""
        self._heart.is_strict = wanted

    @property
    def points(self) -> list[str]:
        """By the places that packets are shown with."""
        return [one.point for one in self._places]

    @property
    def processes(self) -> list[int]:
        """The one that answers, and its keeper."""
        return [] if self._processes is None else list(self._processes.pids)

    @property
    def is_abandoned(self) -> bool:
        """Whether one of them has ended though nobody said so."""
        return self._processes is not None and not self._processes.is_whole

    def stop(self) -> None:
        """Rules first; then nobody has to answer any more."""
        if self._rules is not None:
            self._rules.take_back()
            if self._release is not None:
                self._release.all()
            self._rules.take_back_chains()
            self._rules.close()
            self._rules = None
        if self._processes is not None:
            self._processes.end()
            self._processes = None
        if self.mail is not None:
            self.mail.close()
        if self._table is not None:
            self._table.close()
            self._table = None
        for queue in self._queues:
            queue.close()
        self._queues = []

    def _open(self, number: int) -> Queue:
        try:
            return in_netns(self._netns, lambda: self._queue(number))
        except OSError as error:
            if number in queues_of(self._netns):
                raise ShimsUnavailable(f"queue {number}: somebody else listens to it") from None
            what = f"no right to listen to queue {number} (it takes CAP_NET_ADMIN): {error.strerror}"
            raise ShimsUnavailable(what) from None

    def _queue(self, number: int) -> Queue:
        if self._by_library:
            from pystack.hooks.queue.library import LibraryQueue  # slow to load, and few ask for it

            return LibraryQueue(number, length=LENGTH)
        octets = 0 if self._task is Task.COUNT else EVERY_OCTET
        flags = FAIL_OPEN | GSO | OWNERS
        return RawQueue(open_socket().detach(), number, flags=flags, length=LENGTH, octets=octets)

    def _begin_processes(self, rules: StandingRules, table: QueueTable, release: Release) -> None:
        queues, heart = self._queues, self._heart
        theirs: Mail | None = None
        if self._task is not Task.COUNT:
            self.mail, theirs = pair()
        numbers = [queue.fileno() for queue in queues]
        keeper = Keeper(heart, rules, release, self._deadline / _LOOKS)
        desk, beat = self._desk(theirs), min(BEAT, self._deadline / _LOOKS)
        kept, keeps = os.pipe()  # ends with the keeper
        self._processes = processes = Processes()
        processes.begin(
            lambda life: serve(queues, heart, (life, kept), desk, beat),
            [*numbers, kept, *([] if theirs is None else [theirs.fileno()])],
        )
        processes.begin(keeper.keep, [*numbers, keeps, *rules.descriptors, table.fileno()])
        os.close(kept)
        os.close(keeps)
        if theirs is not None:
            theirs.close()

    def _desk(self, theirs: Mail | None) -> Desk:
        if self._task is Task.ASK and theirs is not None:
            return Asking(self._queues, self._heart, theirs, self._deadline * _ANSWERED_BY)
        return Passing(self._queues, self._heart, theirs)
