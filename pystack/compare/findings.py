"""All that a run found: its scenarios in order, their differences numbered through, and grouped by cause."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from pystack.compare.diff import Difference
from pystack.compare.outcome import Outcome, Summary
from pystack.compare.predict import Prediction
from pystack.explain.path_kind import Wiring

_UNKNOWN: Final = Wiring()


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference, under the number by which `--explain` knows it."""

    number: int
    outcome: Outcome
    difference: Difference
    wiring: Wiring


@dataclass(frozen=True, slots=True)
class Entry:
    """One scenario of a run."""

    outcome: Outcome
    wiring: Wiring
    findings: tuple[Finding, ...] = ()
    predictions: tuple[Prediction, ...] = ()

    @property
    def wrong(self) -> list[Prediction]:
        """What did not go as somebody wrote down beforehand."""
        return [one for one in self.predictions if not one.holds]


@dataclass(frozen=True, slots=True)
class Cause:
    """Differences of one class with one cause."""

    cls: str
    text: str
    known: str  # the reason in the registry of known differences
    findings: list[Finding] = field(default_factory=list)

    @property
    def scenarios(self) -> int:
        """In how many it was found."""
        return len({finding.outcome.file for finding in self.findings})


@dataclass(slots=True)
class Findings:
    """A run as far as it has come."""

    entries: list[Entry] = field(default_factory=list)
    summary: Summary = field(default_factory=Summary)
    differences: int = 0

    def add(
        self, outcome: Outcome, wiring: Wiring = _UNKNOWN, predictions: tuple[Prediction, ...] = ()
    ) -> Entry:
        """Take in one scenario more; its wiring matters where paths are told."""
        findings = tuple(
            Finding(number, outcome, difference, wiring)
            for number, difference in enumerate(outcome.differences, self.differences + 1)
        )
        self.differences += len(findings)
        self.summary.add(outcome)
        entry = Entry(outcome, wiring, findings, predictions)
        self.summary.predicted += len(predictions)
        self.summary.not_as_predicted += len(entry.wrong)
        self.entries.append(entry)
        return entry

    def __iter__(self) -> Iterator[Finding]:
        return (finding for entry in self.entries for finding in entry.findings)

    def causes(self) -> list[Cause]:
        """Grouped by cause: those that nobody knows first, then in the order in which they were met."""
        groups: dict[tuple[str, str, str], Cause] = {}
        for finding in self:
            difference = finding.difference
            key = (difference.cls, difference.cause, difference.known)
            groups.setdefault(key, Cause(*key)).findings.append(finding)
        return sorted(groups.values(), key=lambda cause: bool(cause.known))
