"""A run of the fuzzer: topologies drawn from a seed, many steps on each, and what became of them."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from pystack.compare.diff import Difference
from pystack.compare.fuzz.areas import AREAS
from pystack.compare.fuzz.cause import Cause, cause_of, first_of
from pystack.compare.fuzz.dice import Dice
from pystack.compare.fuzz.shrink import Shrinker
from pystack.compare.lab.fuzz_twin import Twin
from pystack.compare.records import Output
from pystack.compare.scenario import Scenario

BATCH: Final = 600  # cases on one topology
# Whoever finds more has to mend first: so many causes, or known ones so often, each time with a new start.
ENOUGH: Final = 20
REPEATS: Final = 100
# Where the kernel's timers run while it is asked: on a machine under load one may run out in the middle.
TIMED: Final = frozenset({"sockets"})
_SIGNALS: Final = 128  # exit codes of a shell above it
REPEATS_HERE: Final = 5  # of known causes, after which another topology may show others


@dataclass(frozen=True, slots=True)
class Finding:
    """A difference, and the smallest scenario that shows it."""

    number: int
    area: str
    case: int  # of the run
    cause: Cause
    difference: Difference  # as the smallest scenario shows it
    scenario: Scenario
    again: bool  # whether it showed a second time; else the scenario is as long as it was


@dataclass(frozen=True, slots=True)
class Limit:
    """When it is enough."""

    cases: int | None = None
    seconds: float | None = None


class Session:
    """Draws, plays, and tells of each cause once."""

    def __init__(self, twin: Twin, areas: Sequence[str], seed: int, limit: Limit) -> None:
        self.cases = 0
        self.findings: list[Finding] = []
        self.passing = 0  # differences that are none: where timers run, or a real program breaks off
        self._twin = twin
        self._areas = areas
        self._seed = seed
        self._limit = limit
        self._began = time.monotonic()
        self._met: set[Cause] = set()
        self._repeats = 0

    @property
    def gave_up(self) -> str:
        """Why it makes no sense to look for more; nothing if it does."""
        if len(self.findings) >= ENOUGH:
            return f"{ENOUGH} causes are enough to mend"
        return f"what was found came back {REPEATS} times" if self._repeats >= REPEATS else ""

    @property
    def seconds(self) -> float:
        """How long it has run."""
        return time.monotonic() - self._began

    def run(self) -> Iterator[Finding]:
        """Every new cause, as soon as it is found."""
        dice = Dice(self._seed)
        while (size := self._left()) > 0:
            area = dice.among(self._areas)
            yield from self._batch(area, AREAS[area](Dice(dice.seed()), size))

    def _left(self) -> int:
        """How many cases the next topology gets."""
        if self.gave_up:
            return 0
        if self._limit.seconds is not None and self.seconds >= self._limit.seconds:
            return 0
        return BATCH if self._limit.cases is None else min(BATCH, self._limit.cases - self.cases)

    def _batch(self, area: str, scenario: Scenario) -> Iterator[Finding]:
        """What comes after a difference is played afresh: it may have followed from that."""
        begun_with = self._repeats
        while scenario.steps and not self.gave_up and self._repeats - begun_with < REPEATS_HERE:
            difference = first_of(self._twin.differences(scenario))
            if difference is None:
                self.cases += len(scenario.steps)
                return
            yield from self._look_into(area, difference, scenario)
            if not difference.step:  # not even the setup was alike
                return
            self.cases += difference.step
            scenario = replace(scenario, steps=scenario.steps[difference.step :])

    def _look_into(self, area: str, difference: Difference, scenario: Scenario) -> Iterator[Finding]:
        if _breaks_off(difference):
            self.passing += 1
            return
        cause = cause_of(difference)
        if cause in self._met:
            self._repeats += 1
            return
        self._met.add(cause)
        case = self.cases + max(difference.step, 1)
        if difference.step:
            scenario = replace(scenario, steps=scenario.steps[: difference.step])
        again = self._shows(cause, scenario)
        if again is None and area in TIMED:
            self._met.remove(cause)
            self.passing += 1
            return
        if again is not None:
            scenario = Shrinker(lambda candidate: self._shows(cause, candidate) is not None).shrink(scenario)
            difference = self._shows(cause, scenario) or difference
        number = len(self.findings) + 1
        title = f"{difference.cls} at {difference.at}: {difference.cause}".splitlines()[0]
        scenario = replace(scenario, title=f"fuzz {area}, seed {self._seed}: {title}")
        finding = Finding(number, area, case, cause, difference, scenario, again is not None)
        self.findings.append(finding)
        yield finding

    def _shows(self, cause: Cause, scenario: Scenario) -> Difference | None:
        found = self._twin.differences(scenario)
        return next((difference for difference in found if cause_of(difference) == cause), None)


def _breaks_off(difference: Difference) -> bool:
    """Whether the real program was ended by a signal: it gave no answer that could be held against ours."""
    return isinstance(difference.kernel, Output) and difference.kernel.rc > _SIGNALS
