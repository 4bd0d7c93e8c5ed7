"""A folder that `--keep` wrote, read again: one of its differences, without playing anything."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

from pystack.compare.diff import Differ
from pystack.compare.findings import Finding
from pystack.compare.lab.keep import EVENTS, SUMMARY
from pystack.compare.lab.scenario_file import ScenarioError, read
from pystack.compare.lab.wiring import wiring_of
from pystack.compare.outcome import DIFFER, Outcome
from pystack.compare.stream import Told, scenarios
from pystack.explain.path_kind import Wiring


class NotFound(Exception):
    """There is no such difference, or it cannot be read."""


def is_kept(folder: str) -> bool:
    """Whether a folder holds a run."""
    return all(Path(folder, name).is_file() for name in (SUMMARY, EVENTS))


def kept_finding(folder: str, number: int) -> Finding:
    """Difference `number` of the run that a folder holds. Raises NotFound, and OSError."""
    place = Path(folder, EVENTS)
    before = 0
    try:
        for told in scenarios(_lines(place)):
            if number <= before + len(told.differences):
                return _found(folder, told, number, number - before - 1)
            before += len(told.differences)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise NotFound(f"{place}: is no stream of `pystack compare lab --json`: {error!r}") from None
    raise NotFound(f"{folder}: there is no difference {number}; it holds {before or 'none'}")


def _lines(place: Path) -> Iterator[dict[str, Any]]:
    with open(place, encoding="utf-8") as opened:
        for line in opened:
            yield json.loads(line)


def _found(folder: str, told: Told, number: int, index: int) -> Finding:
    """Compared once more: what was kept are the records, from which the same differences follow."""
    comparison = Differ(told.kernel, told.pystack).compare()
    first = number - index
    if [one.to_json() | {"known": False, "n": n} for n, one in enumerate(comparison.differences, first)] != [
        one | {"known": False} for one in told.differences
    ]:
        raise NotFound(f"{folder}: another version of pystack found these differences; play them again")
    outcome = Outcome(told.file, told.title, DIFFER, "", told.kernel, told.pystack, comparison)
    outcome.differences = comparison.differences
    reason = "in known.toml" if told.differences[index]["known"] else ""
    difference = replace(comparison.differences[index], known=reason)
    return Finding(number, outcome, difference, _wiring(folder, number))


def _wiring(folder: str, number: int) -> Wiring:
    """From the scenario that was kept with the difference."""
    summary = json.loads(Path(folder, SUMMARY).read_text(encoding="utf-8"))
    try:
        return wiring_of(read(str(Path(folder, summary["differences"][number - 1]["kept"]))))
    except ScenarioError:
        return Wiring()
