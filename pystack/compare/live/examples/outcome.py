"""A live example in the form in which a lab's run is reported."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from pystack.compare.diff import Differ
from pystack.compare.live.examples.example import Example
from pystack.compare.live.judge import COMPARED
from pystack.compare.live.passing import ENTRY
from pystack.compare.outcome import DIFFER, Outcome
from pystack.compare.records import Frame, Hop, Record

_EXIT: Final = ("netdev", "EGRESS")
_STEP: Final = 1


def outcome_of(example: Example, file: str) -> Outcome:
    """What both sides did with the packet when it was seen."""
    verdict = example.cause.example
    kernel, pystack = list(_records(verdict.kernel)), list(_records(verdict.pystack))
    comparison = Differ(kernel, pystack).compare()
    outcome = Outcome(file, example.title, DIFFER, example.result, kernel, pystack, comparison)
    outcome.differences = comparison.differences
    return outcome


def _records(hops: Sequence[Hop]) -> Iterator[Record]:
    """Its frames as well as its hops; of what leaves as much as probes show."""
    for hop in hops:
        shown = replace(hop, step=_STEP, packet=1, data=hop.data[:COMPARED])
        if (hop.family, hop.hook) == ENTRY:
            yield Frame(_STEP, hop.indev or "", "in", hop.data)
        yield shown
        if (hop.family, hop.hook) == _EXIT:
            yield Frame(_STEP, hop.outdev or "", "out", shown.data)
