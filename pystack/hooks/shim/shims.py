"""Shims in a live namespace: their queues, the processes behind them, and their rules."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable, Sequence
from typing import Final, NamedTuple, NoReturn

from pystack.drivers.kernel_netns import in_netns
from pystack.hooks.nfnetlink import open_socket
from pystack.hooks.queue.raw import FAIL_OPEN, GSO, RawQueue
from pystack.hooks.shim.counters import queue_drops
from pystack.hooks.shim.heart import Heart
from pystack.hooks.shim.keeper import Keeper
from pystack.hooks.shim.placement import Place, place
from pystack.hooks.shim.rules import ShimsUnavailable, StandingRules, install, saved_rules
from pystack.hooks.shim.server import serve

DEADLINE: Final = 0.2  # seconds
BASE: Final = 100


class Counts(NamedTuple):
    """Of one queue."""

    point: str
    queue: int
    seen: int
    dropped_by_queue: int
    dropped_by_socket: int


class Shims:
    """Observing ones, from `start` to `stop`."""

    def __init__(
        self, netns: str, points: Sequence[str], *, base: int = BASE, deadline: float = DEADLINE
    ) -> None:
        self._netns = netns
        self._points = points
        self._base = base
        self._deadline = deadline
        self._heart = Heart(len(points))
        self._queues: list[RawQueue] = []
        self._places: list[Place] = []
        self._children: list[int] = []
        self._life = -1
        self._rules: StandingRules | None = None

    def __enter__(self) -> Shims:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> Shims:
        """Who answers is there before the first rule is. Raises Refused, ShimsUnavailable."""
        if not self._points:
            return self
        saved = saved_rules(self._netns)
        self._places = [place(point, self._base + at, saved) for at, point in enumerate(self._points)]
        self._rules = rules = StandingRules(self._netns, self._places)
        try:
            self._queues = [self._open(one.number) for one in self._places]
            self._begin_processes(rules)
            for one in self._places:
                install(self._netns, one)
        except BaseException:
            self.stop()
            raise
        return self

    def counts(self) -> list[Counts]:
        """What passed by each."""
        drops = queue_drops(self._netns)
        return [
            Counts(one.point, one.number, self._heart.seen(at), *drops.get(one.number, (0, 0)))
            for at, one in enumerate(self._places)
        ]

    @property
    def processes(self) -> list[int]:
        """The one that answers, and its keeper."""
        return list(self._children)

    def stop(self) -> None:
        """Rules first; then nobody has to answer any more."""
        if self._rules is not None:
            self._rules.take_back()
            self._rules.close()
            self._rules = None
        if self._life >= 0:
            os.close(self._life)
            self._life = -1
        for child in self._children:
            os.waitpid(child, 0)
        self._children = []
        for queue in self._queues:
            queue.close()
        self._queues = []

    def _open(self, number: int) -> RawQueue:
        try:
            return RawQueue(in_netns(self._netns, _netlink), number, flags=FAIL_OPEN | GSO, octets=0)
        except OSError as error:
            if number in queue_drops(self._netns):
                raise ShimsUnavailable(f"queue {number}: somebody else listens to it") from None
            what = f"no right to listen to queue {number} (it takes CAP_NET_ADMIN): {error.strerror}"
            raise ShimsUnavailable(what) from None

    def _begin_processes(self, rules: StandingRules) -> None:
        """They live as long as our end of a pipe is open, whatever ends us."""
        ours, self._life = os.pipe()
        queues, heart = self._queues, self._heart
        keeper = Keeper(queues, heart, rules, self._deadline)
        self._children = [
            self._fork(lambda: serve(queues, heart, ours)),
            self._fork(lambda: keeper.keep(ours)),
        ]
        os.close(ours)

    def _fork(self, work: Callable[[], None]) -> int:
        child = os.fork()
        if not child:
            os.close(self._life)
            _end_with(work)
        return child


def _end_with(work: Callable[[], None]) -> NoReturn:
    """In a process of its own, which ends without the clean-ups of the one that it was."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    try:
        work()
    except Exception as error:  # nobody else hears of it
        sys.stderr.write(f"pystack: a shim's process: {error}\n")
    finally:
        os._exit(0)


def _netlink() -> int:
    return open_socket().detach()
