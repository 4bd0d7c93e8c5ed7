"""One run of the bench: who is running, who is asked, and the rounds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Final

from scripts.bench_parts import traffic
from scripts.bench_parts.contestant import Contestant
from scripts.bench_parts.contestants import CONTESTANTS
from scripts.bench_parts.lab import Absent, BenchError, Lab
from scripts.bench_parts.results import Bar, Reading, Row, Series


@dataclass(frozen=True, slots=True)
class Settings:
    """How long to measure."""

    rounds: int = 9  # many short ones: a machine with other work to do has good and bad moments
    seconds: float = 1.0  # of each iperf3 test
    frames: int = 20000  # of each loop over the core


QUICK: Final = Settings(rounds=2, seconds=1.0, frames=5000)

Measure = Callable[[], Reading]


@dataclass(frozen=True, slots=True)
class Asked:
    """One contestant of a row, and how it is measured; or why it is not there."""

    name: str
    measure: Measure
    missing: str = ""


class Bench:
    """One run: contestants are started when the first row wants them, and serve all others."""

    def __init__(self, lab: Lab, settings: Settings, report: Callable[[str], None]) -> None:
        self.lab = lab
        self.settings = settings
        self.report = report
        self._running: dict[type[Contestant], Contestant] = {}
        self._broken: dict[type[Contestant], Absent | BenchError] = {}  # who could not be started
        self._count = 0

    def running(self, kind: type[Contestant]) -> Contestant:
        """The contestant that serves all rows. Raises BenchError or Absent, each time the same one."""
        if kind in self._broken:
            raise self._broken[kind]
        if kind not in self._running:
            self.report(f"starting {kind.name}")
            try:
                self._running[kind] = self._started(kind)
            except (Absent, BenchError) as error:
                self._broken[kind] = error
                raise
        return self._running[kind]

    def _started(self, kind: type[Contestant]) -> Contestant:
        contestant = self.another(kind)
        contestant.make_ends()
        contestant.start()
        contestant.configure_ends()
        traffic.check_reachable(contestant)
        return contestant

    def another(self, kind: type[Contestant]) -> Contestant:
        """One more, for a row that starts and stops it."""
        self._count += 1
        return kind(self.lab, f"c{self._count}")

    def between(
        self,
        measure: Callable[[Contestant], Reading],
        kinds: Sequence[type[Contestant]] = CONTESTANTS,
    ) -> list[Asked]:
        """Every contestant, measured while it runs."""

        def ask(kind: type[Contestant]) -> Reading:
            return measure(self.running(kind))

        return [Asked(kind.name, partial(ask, kind), kind.missing()) for kind in kinds]


@dataclass(frozen=True, slots=True)
class Question:
    """A row before it is measured."""

    name: str
    title: str
    unit: str
    how: str
    ask: Callable[[Bench], list[Asked]]
    more_is_better: bool = False
    bars: tuple[Bar, ...] = ()
    needs_root: bool = True

    def measure(self, bench: Bench) -> Row:
        """Ask every contestant once a round, in turn; one that fails is not asked again."""
        asked = self.ask(bench)
        row = Row(self.name, self.title, self.unit, self.how, self.more_is_better, self.bars)
        row.series = [Series(each.name, missing=each.missing) for each in asked]
        for number in range(bench.settings.rounds):
            for each, series in zip(asked, row.series, strict=True):
                if series.missing or series.failure:
                    continue
                bench.report(f"{self.name}: round {number + 1} of {bench.settings.rounds}: {each.name}")
                try:
                    series.readings.append(each.measure())
                except Absent as absent:
                    series.missing = str(absent)
                except BenchError as error:
                    series.failure = str(error)
        return row
