"""A third voice: what somebody wrote down beforehand, held against what both sides then did."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from pystack.compare.align import pair_up
from pystack.compare.path import paths
from pystack.compare.records import Json, Log, Record
from pystack.compare.scenario import Expectation
from pystack.compare.words import NOTHING
from pystack.explain.path_kind import Wiring


@dataclass(frozen=True, slots=True)
class Prediction:
    """One thing of which three tell; None where one has nothing to say."""

    what: str  # path, log
    number: int  # which packet, which line
    expected: str | None
    kernel: str | None
    pystack: str | None
    holds: bool

    def __str__(self) -> str:
        said = (NOTHING if text is None else text for text in (self.expected, self.kernel, self.pystack))
        return "{} {}: expected {}, kernel {}, pystack {}".format(self.what, self.number, *said)

    def to_json(self) -> Json:
        """The object of the JSON stream."""
        return {
            "v": 1,
            "type": "prediction",
            "what": self.what,
            "n": self.number,
            "expected": self.expected,
            "kernel": self.kernel,
            "pystack": self.pystack,
            "holds": self.holds,
        }


def predictions(
    expectations: Sequence[Expectation],
    kernel: Sequence[Record],
    pystack: Sequence[Record],
    wiring: Wiring,
) -> tuple[Prediction, ...]:
    """The expectation of a path is about one IP packet each, in their order; lines are held against lines.

    A side without records did not play, and nothing is held against it.
    """
    return (
        *_of_paths(expectations, kernel, pystack, wiring),
        *_of_lines([line for one in expectations for line in one.log], kernel, pystack),
    )


def _of_paths(
    expectations: Sequence[Expectation],
    kernel: Sequence[Record],
    pystack: Sequence[Record],
    wiring: Wiring,
) -> Iterator[Prediction]:
    sides = [[path for path in paths(side, wiring) if path.is_ip] for side in (kernel, pystack)]
    played = [bool(side) for side in (kernel, pystack)]
    for index, expectation in enumerate(expectations):
        if not expectation.path:
            continue
        seen = [side[index] if index < len(side) else None for side in sides]
        holds = all(
            path is not None and expectation.path in (path.kind, str(path))
            for path, did_play in zip(seen, played, strict=True)
            if did_play
        )
        theirs, ours = (None if path is None else str(path) for path in seen)
        yield Prediction("path", index + 1, expectation.path, theirs, ours, holds)


def _of_lines(
    expected: Sequence[str], kernel: Sequence[Record], pystack: Sequence[Record]
) -> Iterator[Prediction]:
    """A line holds if what was printed begins with it; lines that nobody expected are shown too."""
    if not expected:
        return
    (theirs, more_theirs), (ours, more_ours) = _lines(expected, kernel), _lines(expected, pystack)
    played = [(column, side) for column, side in ((theirs, kernel), (ours, pystack)) if side]
    for index, line in enumerate(expected):
        holds = all(_begins_with(line, column[index] or "") for column, _ in played)
        yield Prediction("log", index + 1, line, theirs[index], ours[index], holds)
    extra = pair_up(more_theirs, more_ours, str.__eq__, _any)
    for number, (their_line, our_line) in enumerate(extra, len(expected) + 1):
        yield Prediction("log", number, None, their_line, our_line, False)


def _lines(expected: Sequence[str], side: Sequence[Record]) -> tuple[list[str | None], list[str]]:
    """What a side printed for each expected line, and what else."""
    printed = [record.text for record in side if isinstance(record, Log)]
    found: list[str | None] = []
    more: list[str] = []
    for line, other in pair_up(expected, printed, _begins_with, _any):
        if line is not None:
            found.append(other)
        elif other is not None:
            more.append(other)
    return found, more


def _begins_with(line: str, printed: str) -> bool:
    return printed.strip().startswith(line.strip())


def _any(line: str, printed: str) -> bool:
    """What is in the place of an expected line is shown beside it."""
    return True
