"""The loop of a live comparison."""

from __future__ import annotations

import math
import select
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from pystack.clock import Clock
from pystack.compare.live.causes import Causes
from pystack.compare.live.changed import Changed
from pystack.compare.live.comparison import BEFORE, Comparison
from pystack.compare.live.errors import LiveUnavailable
from pystack.compare.live.following import Following
from pystack.compare.live.interrupt import Interrupt
from pystack.compare.live.judge import Verdict
from pystack.compare.live.kernel import MOST, LiveKernel
from pystack.compare.live.passing import SETTLED
from pystack.compare.live.report import QueueCounts
from pystack.compare.live.screen import Screen
from pystack.compare.live.state import told_of
from pystack.drivers.kernel_netns import HeldNetns
from pystack.hooks.imported.building import Building
from pystack.hooks.shim.shims import Counts

TICK: Final = 0.05  # seconds between two looks
MOST_UNDER_WAY: Final = 1 << 14  # packets; behind that what is reported is lost, and counted
LAST_LOOKS: Final = 64  # at reports that came before the end, and were not read yet
MakeCopy = Callable[[Clock | None], Building]


class Watch:
    """What the kernel reports, what is changed in it, what comes of the comparison."""

    def __init__(
        self,
        netns: HeldNetns,
        kernel: LiveKernel,
        comparison: Comparison,
        screen: Screen,
        make_copy: MakeCopy,
        following: Following | None,
    ) -> None:
        self.causes = Causes()
        self._netns = netns
        self._kernel = kernel
        self._comparison = comparison
        self._screen = screen
        self._make_copy = make_copy
        self._following = following
        self._changed = Changed(lambda: make_copy(None))
        self._over = math.inf  # when it was over: what began later is cut off
        self._is_behind = False  # reports wait to be read, so what the copy knows waits, too

    def run(self, *, seconds: float, count: int) -> None:
        """For so long, or until so many packets were compared, or until Ctrl-C, or the namespace's end."""
        start, poll = time.monotonic(), select.poll()
        poll.register(self._kernel.fileno(), select.POLLIN)
        self._hear_spoilt(BEFORE, 0.0)
        self._screen.begin(self._comparison.building.ports)
        tally = self._comparison.tally
        with Interrupt() as interrupt:  # how it usually ends
            while not (
                interrupt.came
                or 0 < seconds <= time.monotonic() - start
                or 0 < count <= tally.compared
                or self._netns.is_deleted()
            ):
                poll.poll(0 if self._comparison.is_behind else TICK * 1000)
                self._look(time.monotonic() - start)
                self._screen.tick(tally, self.causes)
        self._catch_up(poll, start)

    def _catch_up(self, poll: select.poll, start: float) -> None:
        """What was reported before the end is compared, too, once all its hops are there, unless the copy has
        missed something.
        """
        for _ in range(LAST_LOOKS):
            self._look(time.monotonic() - start)
            if not poll.poll(0):
                break
        self._over = now = time.monotonic() - start
        while now < self._over + 2 * SETTLED:
            poll.poll(TICK * 1000)
            now = time.monotonic() - start
            self._look(now)
        if self._following is not None and (changed := self._following.look_closely(now)):
            self._comparison.give_up(f"{changed} changed meanwhile")

    def end(self, counts: Sequence[Counts]) -> None:
        """What was under way, and the counts."""
        self._show(self._comparison.rest(self._over))
        queues = [QueueCounts(*one) for one in counts]
        self._screen.end(self._comparison.tally, self.causes, self._comparison.late, queues)

    def _look(self, now: float) -> None:
        comparison, following, was_behind = self._comparison, self._following, self._is_behind
        changed = "" if following is None else following.look(now)  # first: what passed before is read below
        self._hear(now)
        if following is None:
            self._show(comparison.settled(now))
            return
        if not was_behind:
            comparison.meet(following.neighbours(), now)
        if changed:
            comparison.spoil(f"{changed} changed meanwhile")
        if changed and following.is_calm(now):
            self._begin_anew(changed, now)
        self._show(comparison.settled(now, following.sure_until))

    def _hear(self, now: float) -> None:
        if self._comparison.under_way <= MOST_UNDER_WAY:
            self._read(now)

    def _read(self, now: float) -> None:
        for original, reply in self._kernel.begun():
            self._comparison.adopt(original, reply)
        hops, lost = self._kernel.read()
        self._is_behind = len(hops) >= MOST
        self._comparison.hear(hops, now, lost)

    def _begin_anew(self, changed: str, now: float) -> None:
        """What passed while all was read knew some of it already, or not yet: it is not compared."""
        self._screen.note(f"{changed} changed: read again")
        assert self._following is not None, "who else says that something changed"
        self._following.begin()
        old = self._comparison.building
        building = self._make_copy(old.host.clock)
        for sentence in building.left_out:
            if sentence not in old.left_out:
                self._screen.note(sentence)
        try:
            self._kernel.probe(building.entrances)
        except LiveUnavailable as error:  # one of them is gone already: that will be told, too
            self._screen.note(str(error))
        self._following.keep(building)
        why = f"{changed} changed meanwhile"
        self._comparison.replace(building, why)
        self._hear_spoilt(why, now)

    def _hear_spoilt(self, why: str, now: float) -> None:
        """All that has been reported by now."""
        for _ in range(LAST_LOOKS):
            self._read(now)
            self._comparison.spoil(why)
            if not self._is_behind:
                break

    def _show(self, verdicts: Iterable[Verdict]) -> None:
        for verdict in verdicts:
            if verdict.is_aside:
                continue
            self._screen.packet(verdict)
            if verdict.differences and (cause := self.causes.add(verdict)) is not None:
                building = self._comparison.building
                state = told_of(self._netns.path, building, verdict.first)
                self._screen.cause(cause, [*state, *self._changed.told(building)])
