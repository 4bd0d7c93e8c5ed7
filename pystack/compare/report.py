"""The report for a terminal: a line a scenario, what differs grouped by cause, and one difference in two
columns.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import islice, zip_longest
from typing import Final

from pystack.compare.explanation import Explanation
from pystack.compare.findings import Cause, Entry, Finding
from pystack.compare.outcome import DIFFER, ERROR, KNOWN, PENDING, PLAYED, SAME, SKIPPED, Summary
from pystack.compare.predict import Prediction
from pystack.compare.rows import ALSO, FIRST, Row, beside
from pystack.compare.words import NOTHING

_MOST_LINES: Final = 6  # of one difference, as an example
_MOST_NUMBERS: Final = 8  # of the differences of one cause
_RED, _GREEN, _YELLOW, _PLAIN = "31", "32", "33", ""
_COLOURS: Final[Mapping[str, str]] = {
    SAME: _GREEN,
    KNOWN: _YELLOW,
    DIFFER: _RED,
    PLAYED: _PLAIN,
    PENDING: _PLAIN,
    SKIPPED: _YELLOW,
    ERROR: _RED,
    FIRST: _RED,
    ALSO: _YELLOW,
}


class Report:
    """Lines for a terminal of some width; colours only repeat what a word or a mark says."""

    def __init__(self, *, width: int = 160, colours: bool = False) -> None:
        self._width = width
        self._colours = colours

    def _painted(self, text: str, by: str) -> str:
        colour = _COLOURS.get(by, _PLAIN)
        return f"\033[{colour}m{text}\033[0m" if self._colours and colour else text

    # --- the run ----------------------------------------------------------------------------------------

    def scenario(self, entry: Entry) -> Iterator[str]:
        """How one scenario ended, and what was predicted of it."""
        outcome = entry.outcome
        told = outcome.reason.partition(":")[0] if outcome.result == PENDING else outcome.reason
        reason = f": {told}" if told else ""
        numbers = f"  [{_numbers(entry.findings)}]" if entry.findings else ""
        result = self._painted(f"{outcome.result:8}", outcome.result)
        if outcome.reason.startswith(f"{outcome.file}:"):  # which begins with file and line, as compilers do
            first, *others = outcome.reason.split(f"; {outcome.file}:")
            yield f"{result} {first}"
            yield from (f"{'':8} {outcome.file}:{other}" for other in others)
        else:
            yield f"{result} {outcome.file}  {outcome.title}{reason}{numbers}"
        yield from self._predictions(entry.predictions)

    def causes(self, causes: Sequence[Cause]) -> Iterator[str]:
        """What differs: each cause with its first difference as an example."""
        for cause in causes:
            places = "one scenario" if cause.scenarios == 1 else f"{cause.scenarios} scenarios"
            many = f"{len(cause.findings)} times in {places}"
            times = "once" if len(cause.findings) == 1 else many
            word = KNOWN if cause.known else DIFFER
            excuse = f" (known: {cause.known})" if cause.known else ""
            yield ""
            yield f"{self._painted(cause.cls, word)} {cause.text}: {times}{excuse}"
            yield from _example(cause.findings[0])
            if len(cause.findings) > 1:
                yield f"      also {_numbers(cause.findings[1:])}"
        if causes:
            yield ""

    def summary(self, summary: Summary) -> Iterator[str]:
        """The last lines of a run."""
        counts = [self._painted(f"{count} {name}", name) for name, count in summary.counts.items() if count]
        plural = "" if summary.scenarios == 1 else "s"
        yield f"{summary.scenarios} scenario{plural}: {', '.join(counts) or 'none'}"
        if summary.predicted:
            wrong = f"{summary.not_as_predicted} not as expected"
            told = self._painted(wrong, DIFFER) if summary.not_as_predicted else "all as expected"
            yield f"predictions: {summary.predicted}, {told}"
        if summary.forgiven:
            forgiven = ", ".join(f"{name} {times}" for name, times in sorted(summary.forgiven.items()))
            yield f"forgiven by nature: {forgiven}"
        if summary.not_observable:
            yield f"not observable on one side: {summary.not_observable}"
        if summary.wavered:
            yield f"differences that the kernel did not repeat: in {summary.wavered}"
        if summary.interrupted:
            yield self._painted(summary.breaking_off, ERROR)

    def _predictions(self, predictions: Sequence[Prediction]) -> Iterator[str]:
        for one in predictions:
            mark = " " if one.holds else self._painted(FIRST, FIRST)
            yield f"  {mark} {one.what} {one.number}{'' if one.holds else ', not as expected'}"
            for who, said in (("expected", one.expected), ("kernel", one.kernel), ("pystack", one.pystack)):
                yield f"      {who:9}{NOTHING if said is None else said}"

    # --- one difference ---------------------------------------------------------------------------------

    def explanation(self, told: Explanation) -> Iterator[str]:
        """Two columns, kernel and pystack."""
        column = max((self._width - 4) // 2, 20)
        yield told.title
        yield told.summary
        for section in told.sections:
            yield ""
            yield f"  {section.heading + ': kernel':{column}}  pystack"
            for row in section.rows:
                yield from self._row(row, column)
        yield ""
        yield f"{FIRST} the first that differs   {ALSO} what differs besides"

    def _row(self, row: Row, column: int) -> Iterator[str]:
        halves = (_folded(row.kernel, column), _folded(row.pystack, column))
        for left, right in zip_longest(*halves, fillvalue=""):
            line = f"{row.mark} {left:{column}}  {right}".rstrip()
            yield self._painted(line, row.mark)


def _example(finding: Finding) -> Iterator[str]:
    difference = finding.difference
    yield f"  {finding.number:3} {finding.outcome.file}, step {difference.step}, at {difference.at}"
    for who, said in islice(beside(difference), _MOST_LINES):
        yield f"      {who:8} {_printable(said)}"


def _numbers(findings: Sequence[Finding]) -> str:
    """`3`, `3 to 7` if no number between is missing, else a list that may be cut short."""
    numbers = [finding.number for finding in findings]
    if len(numbers) > 1 and numbers[-1] - numbers[0] == len(numbers) - 1:
        return f"{numbers[0]} to {numbers[-1]}"
    shown = ", ".join(map(str, numbers[:_MOST_NUMBERS]))
    return shown if len(numbers) <= _MOST_NUMBERS else f"{shown} and {len(numbers) - _MOST_NUMBERS} more"


def _folded(text: str, width: int) -> list[str]:
    """All of a text, in pieces that fit: what differs may stand at its end."""
    rest, pieces = _printable(text), []
    while len(rest) > width:
        space = rest.rfind(" ", 0, width + 1)
        end = space if space > width // 2 else width
        pieces.append(rest[:end])
        rest = rest[end:].lstrip(" ")
    return [*pieces, rest]


def _printable(text: str) -> str:
    """Without what a terminal would obey."""
    return "".join(char if char.isprintable() else "." for char in text)
