"""A run as a stream of objects, one a line: what `--json` prints, `--keep` keeps, and what reads it back."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from pystack.compare.findings import Entry
from pystack.compare.outcome import PENDING
from pystack.compare.records import KERNEL, PYSTACK, Json, Record, from_json, to_json


def events(entry: Entry) -> Iterator[Json]:
    """One scenario: step by step, the kernel's side before pystack's, then what differs, then the result."""
    outcome = entry.outcome
    yield {"v": 1, "type": "scenario", "file": outcome.file, "title": outcome.title}
    if outcome.result != PENDING:
        for step in sorted({record.step for record in (*outcome.kernel, *outcome.pystack)}):
            yield {"v": 1, "type": "step", "n": step}
            for side, records in ((KERNEL, outcome.kernel), (PYSTACK, outcome.pystack)):
                yield from (to_json(record, side) for record in records if record.step == step)
    for finding in entry.findings:
        yield finding.difference.to_json() | {"n": finding.number}
    for prediction in entry.predictions:
        yield prediction.to_json()
    yield outcome.result_json()


@dataclass(slots=True)
class Told:
    """One scenario as a stream tells it."""

    file: str
    title: str
    kernel: list[Record] = field(default_factory=list)
    pystack: list[Record] = field(default_factory=list)
    differences: list[Json] = field(default_factory=list)


def scenarios(stream: Iterable[Json]) -> Iterator[Told]:
    """Every scenario of a stream; one that breaks off is not told."""
    told: Told | None = None
    for entry in stream:
        kind = entry["type"]
        if kind == "scenario":
            told = Told(str(entry["file"]), str(entry["title"]))
        elif told is None:
            continue
        elif kind == "diff":
            told.differences.append(entry)
        elif kind == "result":
            yield told
            told = None
        elif "side" in entry:
            side = told.kernel if entry["side"] == KERNEL else told.pystack
            side.append(from_json(entry))
