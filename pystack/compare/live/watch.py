"""The loop of a live comparison."""

from __future__ import annotations

import select
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Final

from pystack.clock import Clock
from pystack.compare.live.causes import Causes
from pystack.compare.live.comparison import Comparison
from pystack.compare.live.following import Following
from pystack.compare.live.judge import Verdict
from pystack.compare.live.kernel import LiveKernel
from pystack.compare.live.report import QueueCounts
from pystack.compare.live.screen import Screen
from pystack.compare.live.state import told_of
from pystack.hooks.imported.building import Building
from pystack.hooks.shim.shims import Counts

TICK: Final = 0.05  # seconds between two looks
MakeCopy = Callable[[Clock | None], Building]


class Watch:
    """What the kernel reports, what is changed in it, what comes of the comparison."""

    def __init__(
        self,
        netns: str,
        kernel: LiveKernel,
        comparison: Comparison,
        screen: Screen,
        make_copy: MakeCopy,
        *,
        follows: bool,
    ) -> None:
        self.causes = Causes()
        self._netns = netns
        self._kernel = kernel
        self._comparison = comparison
        self._screen = screen
        self._make_copy = make_copy
        self._following = Following(netns) if follows else None

    def run(self, *, seconds: float, count: int) -> None:
        """For so long, or until so many packets were compared, or until Ctrl-C."""
        start, poll = time.monotonic(), select.poll()
        poll.register(self._kernel.fileno(), select.POLLIN)
        tally = self._comparison.tally
        try:
            while not (seconds and time.monotonic() - start >= seconds) and not 0 < count <= tally.compared:
                poll.poll(TICK * 1000)
                self._look(time.monotonic() - start)
        except KeyboardInterrupt:
            pass  # how it usually ends
        finally:
            if self._following is not None:
                self._following.close()

    def end(self, counts: Sequence[Counts]) -> None:
        """What was under way, and the counts."""
        self._show(self._comparison.rest())
        queues = [QueueCounts(*one) for one in counts]
        self._screen.end(self._comparison.tally, self.causes, self._comparison.late, queues)

    def _look(self, now: float) -> None:
        comparison = self._comparison
        for original, reply in self._kernel.begun():
            comparison.adopt(original, reply)
        hops, lost = self._kernel.read()
        comparison.hear(hops, now, lost)
        if self._following is not None and (changed := self._following.look(comparison.building, now)):
            self._begin_anew(", ".join(sorted(changed)))
        self._show(comparison.settled(now))

    def _begin_anew(self, changed: str) -> None:
        self._screen.note(f"{changed} changed: read again")
        old = self._comparison.building
        building = self._make_copy(old.host.clock)
        for sentence in building.left_out:
            if sentence not in old.left_out:
                self._screen.note(sentence)
        self._comparison.replace(building, f"{changed} changed meanwhile")

    def _show(self, verdicts: Iterable[Verdict]) -> None:
        for verdict in verdicts:
            if verdict.is_aside:
                continue
            self._screen.packet(verdict)
            if verdict.differences and (cause := self.causes.add(verdict)) is not None:
                state = told_of(self._netns, self._comparison.building, verdict.kernel[0])
                self._screen.cause(cause, list(state))
