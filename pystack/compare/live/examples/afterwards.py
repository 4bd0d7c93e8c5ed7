"""What is done with the causes of a comparison when it is over: a lab is asked about each.

While packets pass nobody has the time: the reports of the kernel would be lost meanwhile.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from contextlib import closing

from pystack.compare.live.causes import Cause, Causes
from pystack.compare.live.examples.clone import Clone
from pystack.compare.live.examples.example import Example
from pystack.compare.live.examples.keeper import Keeper
from pystack.compare.live.examples.reproduction import Reproduction
from pystack.compare.live.judge import Tally, Told, Verdict
from pystack.compare.live.report import QueueCounts
from pystack.compare.live.screen import Page

Reproduce = Callable[[Cause], Reproduction]


class Afterwards:
    """A screen on which examples are gathered, and a page that is told what becomes of them."""

    def __init__(self, page: Page, reproduce: Reproduce, keeper: Keeper | None, *, third: bool) -> None:
        self._page = page
        self._reproduce = reproduce
        self._keeper = keeper
        self._third = third
        self._examples: list[Example] = []

    def begin(self, devices: Iterable[str]) -> None:
        """For the page alone."""
        self._page.begin(devices)

    def tick(self, tally: Tally, causes: Causes) -> None:
        """For the page alone."""
        self._page.tick(tally, causes)

    def packet(self, verdict: Verdict) -> None:
        """For the page alone."""
        self._page.packet(verdict)

    def cause(self, cause: Cause, state: Iterable[Told]) -> None:
        """What it takes to show it again is gathered now: packets pass on."""
        told = list(state)
        self._page.cause(cause, told)
        example = Example(len(self._examples) + 1, cause, self._reproduce(cause), told)
        self._examples.append(example)
        self._keep(lambda keeper: keeper.write(example))

    def note(self, sentence: str) -> None:
        """For the page alone."""
        self._page.note(sentence)

    def end(self, tally: Tally, causes: Causes, late: int, counts: Sequence[QueueCounts]) -> None:
        """The end of the comparison; the examples follow. Ctrl-C leaves those as they are."""
        self._page.end(tally, causes, late, counts)
        if self._examples:
            self._ask_lab()
        self._keep(lambda keeper: self._page.note(keeper.finish(self._examples)))

    def _ask_lab(self) -> None:
        scenarios = "one scenario is" if len(self._examples) == 1 else f"{len(self._examples)} scenarios are"
        self._page.note(f"{scenarios} played in a lab; Ctrl-C leaves it at that")
        with closing(Clone()) as clone:
            try:
                for example in self._examples:
                    self._ask(example, clone)
            except KeyboardInterrupt:
                self._page.note("interrupted: the other scenarios were not played in a lab")

    def _ask(self, example: Example, clone: Clone) -> None:
        if self._third:
            example.ask_clone(clone)
            self._page.third(example)
        if self._keeper is not None:
            example.reproduce(clone)
            self._page.kept(example, self._keeper.file_of(example))
        self._keep(lambda keeper: keeper.write(example))

    def _keep(self, write: Callable[[Keeper], None]) -> None:
        """A full disk ends the keeping, and nothing else."""
        if self._keeper is None:
            return
        try:
            write(self._keeper)
        except OSError as error:
            self._page.note(f"--keep: nothing can be written any more: {error.strerror}")
            self._keeper = None
