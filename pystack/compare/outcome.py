"""How a scenario ended, and how many ended so."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from pystack.compare.diff import Comparison, Difference
from pystack.compare.records import Json, Record

SAME: Final = "same"
KNOWN: Final = "known"
DIFFER: Final = "differ"
PENDING: Final = "pending"
SKIPPED: Final = "skipped"
ERROR: Final = "error"
PLAYED: Final = "played"  # on one side alone; programs read "same", and that nothing was compared
RESULTS: Final = (SAME, KNOWN, DIFFER, PLAYED, PENDING, SKIPPED, ERROR)
COMPARED: Final = (SAME, KNOWN, DIFFER)
_ALONE: Final = "played on one side alone: nothing was compared"


@dataclass(slots=True)
class Outcome:
    """One scenario's."""

    file: str
    title: str
    result: str
    reason: str = ""
    kernel: list[Record] = field(default_factory=list)
    pystack: list[Record] = field(default_factory=list)
    comparison: Comparison | None = None
    differences: list[Difference] = field(default_factory=list)
    wavered: bool = False  # it differed at first, which the kernel did not repeat

    def result_json(self) -> Json:
        """The closing object of the scenario in the JSON stream."""
        return {
            "v": 1,
            "type": "result",
            "file": self.file,
            "result": SAME if self.result == PLAYED else self.result,
            "reason": "; ".join(filter(None, (_ALONE if self.result == PLAYED else "", self.reason))),
            "compared": self.result in COMPARED,
        }


def judged(differences: list[Difference]) -> str:
    """The result that differences make."""
    if not differences:
        return SAME
    return KNOWN if all(difference.known for difference in differences) else DIFFER


@dataclass(slots=True)
class Summary:
    """All scenarios'."""

    counts: dict[str, int] = field(default_factory=lambda: dict.fromkeys(RESULTS, 0))
    not_observable: int = 0
    forgiven: dict[str, int] = field(default_factory=dict)
    wavered: int = 0  # scenarios with a difference that the kernel did not repeat
    planned: int = 0  # scenarios
    interrupted: bool = False  # before all of them were played
    predicted: int = 0  # things that somebody wrote down beforehand, or that nobody expected
    not_as_predicted: int = 0

    def add(self, outcome: Outcome) -> None:
        """Count one more."""
        self.counts[outcome.result] += 1
        self.wavered += outcome.wavered
        if outcome.comparison is None:
            return
        self.not_observable += outcome.comparison.not_observable
        for name, times in outcome.comparison.forgiven.items():
            self.forgiven[name] = self.forgiven.get(name, 0) + times

    @property
    def scenarios(self) -> int:
        """How many there were."""
        return sum(self.counts.values())

    @property
    def failed(self) -> bool:
        """Whether anything is unexplained."""
        return bool(self.counts[DIFFER] or self.counts[ERROR] or self.not_as_predicted)

    @property
    def breaking_off(self) -> str:
        """How far an interrupted run came; nothing of one that was not."""
        return f"interrupted: {self.scenarios} of {self.planned} played" if self.interrupted else ""

    @property
    def lacking(self) -> bool:
        """Whether nothing could be played, because the kernel or the rights lack something."""
        return self.counts[SKIPPED] > 0 == sum(self.counts[result] for result in (*COMPARED, PLAYED, ERROR))

    def to_json(self) -> Json:
        """The last object of the JSON stream."""
        return {
            "v": 1,
            "type": "summary",
            "scenarios": self.scenarios,
            "same": self.counts[SAME] + self.counts[PLAYED],
            "known": self.counts[KNOWN],
            "differ": self.counts[DIFFER],
            "pending": self.counts[PENDING],
            "skipped": self.counts[SKIPPED],
            "errors": self.counts[ERROR],
            "not_observable": self.not_observable,
            "not_compared": self.counts[PLAYED],
            "not_as_predicted": self.not_as_predicted,
            "wavered": self.wavered,
            "forgiven": dict(sorted(self.forgiven.items())),
            "interrupted": self.interrupted,
            "planned": self.planned,
        }
