"""A comparison in words: a line a scenario, differences grouped by cause, and the two columns of one
difference.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from pystack.applets.tcpdump.dissect import Dissector
from pystack.applets.tcpdump.names import Names
from pystack.applets.tcpdump.page import Look
from pystack.compare.align import Pair
from pystack.compare.diff import Difference, framed
from pystack.compare.outcome import Outcome, Summary
from pystack.compare.records import Captured, Frame, Hop, Log, Output, Record, State

_NOTHING: Final = "-"
_EXAMPLES: Final = 1  # of each cause


def one_line(frame: bytes) -> str:
    """A frame as tcpdump prints it with -e, without the time."""
    look = Look(e=True, n=2, t=1)
    return Dissector(look, Names()).text(0, frame, len(frame)).strip()


def words(record: Record | None) -> str:
    """One record on one line."""
    match record:
        case None:
            return _NOTHING
        case Frame() | Captured():
            return one_line(record.data)
        case Hop():
            where = f"{record.indev or ''}>{record.outdev or ''}"
            return f"{record.family} {record.hook} {record.priority} {where} {one_line(framed(record))}"
        case Log():
            return record.text
        case Output():
            return f"exit code {record.rc}: {record.text.strip()}"
        case State():
            return record.text.strip()


def outcome_lines(outcome: Outcome) -> Iterator[str]:
    """A scenario: its result, and what differs, grouped by cause."""
    reason = f": {outcome.reason}" if outcome.reason else ""
    yield f"{outcome.result:8} {outcome.file}  {outcome.title}{reason}"
    groups: dict[tuple[str, str, str], list[tuple[int, Difference]]] = {}
    for number, difference in enumerate(outcome.differences, 1):
        groups.setdefault((difference.cls, difference.cause, difference.known), []).append(
            (number, difference)
        )
    for (cls, cause, known), members in groups.items():
        times = f"{len(members)} times " if len(members) > 1 else ""
        excuse = f" (known: {known})" if known else ""
        yield f"    {cls} {times}at {members[0][1].at}, step {members[0][1].step}: {cause}{excuse}"
        for number, difference in members[:_EXAMPLES]:
            yield f"      {number:3} kernel   {words(difference.kernel)}"
            yield f"          pystack  {words(difference.pystack)}"


def summary_lines(summary: Summary) -> Iterator[str]:
    """The last lines of a run."""
    told = ", ".join(f"{count} {name}" for name, count in summary.counts.items() if count)
    yield f"{summary.scenarios} scenarios: {told or 'none'}"
    if summary.forgiven:
        forgiven = ", ".join(f"{name} {times}" for name, times in sorted(summary.forgiven.items()))
        yield f"forgiven by nature: {forgiven}"
    if summary.not_observable:
        yield f"not observable on one side: {summary.not_observable}"


def explain(outcome: Outcome, number: int, width: int = 160) -> Iterator[str]:
    """Two columns, kernel and pystack, of the step in which difference `number` lies; the first is marked."""
    if not 1 <= number <= len(outcome.differences):
        return
    difference = outcome.differences[number - 1]
    pairs = outcome.comparison.pairs if outcome.comparison is not None else []
    column = (width - 4) // 2
    yield f"{outcome.file}, step {difference.step}: {difference.cls} {difference.cause}"
    yield f"  {'kernel':{column}}  pystack"
    for pair in _of_step(pairs, difference.step):
        mark = ">" if _holds(pair, difference) else " "
        yield f"{mark} {_cut(words(pair.kernel), column):{column}}  {_cut(words(pair.pystack), column)}"


def _of_step(pairs: Iterable[Pair], step: int) -> Iterator[Pair]:
    return (pair for pair in pairs if pair.step == step)


def _holds(pair: Pair, difference: Difference) -> bool:
    mine = (difference.kernel, difference.pystack)
    return any(
        half is not None and any(half is other for other in mine) for half in (pair.kernel, pair.pystack)
    )


def _cut(text: str, width: int) -> str:
    first = text.splitlines()[0] if text else ""
    return first if len(first) <= width else first[: width - 1] + "…"
