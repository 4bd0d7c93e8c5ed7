"""What is printed while a comparison runs and at its end: for eyes, or an object a line for programs."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Protocol

from pystack.compare.live.causes import Cause, Causes
from pystack.compare.live.examples import third
from pystack.compare.live.examples.example import Example
from pystack.compare.live.judge import Tally, Told, Verdict
from pystack.compare.live.report import (
    WIDE,
    QueueCounts,
    causes_lines,
    columns,
    line,
    queue_lines,
    state_lines,
    summary,
)
from pystack.compare.records import Json, to_json


class Screen(Protocol):
    """Who is told."""

    def begin(self, devices: Iterable[str]) -> None:
        """What passes from now on is compared; packets enter by these."""

    def tick(self, tally: Tally, causes: Causes) -> None:
        """Time has passed; this is how it goes so far."""

    def packet(self, verdict: Verdict) -> None:
        """Another packet has gone both ways."""

    def cause(self, cause: Cause, state: Iterable[Told]) -> None:
        """It differs, for a reason that was not there before."""

    def note(self, sentence: str) -> None:
        """Something else that one should know."""

    def end(self, tally: Tally, causes: Causes, late: int, counts: Sequence[QueueCounts]) -> None:
        """That was all."""


class Page(Screen, Protocol):
    """Who is told what a lab says afterwards, too."""

    def third(self, example: Example) -> None:
        """A clone of the namespace has voted, or could not."""

    def kept(self, example: Example, file: Path) -> None:
        """It is written down, and was played in a lab."""


class Text:
    """For eyes: what differs, each cause once; packets that are the same if they are asked for."""

    def __init__(self, *, packets: bool = False, hops: bool = False, width: int = WIDE) -> None:
        self._width = width
        self._packets = packets or hops
        self._hops = hops

    def begin(self, devices: Iterable[str]) -> None:
        """On standard error."""
        self.note(f"begun: packets that enter by {', '.join(devices) or 'no device'}; Ctrl-C ends it")

    def tick(self, tally: Tally, causes: Causes) -> None:
        """Nothing is told of that."""

    def packet(self, verdict: Verdict) -> None:
        """On one line, and both ways below."""
        if self._packets:
            _write([line(verdict), *(columns(verdict, self._width) if self._hops else ())])

    def cause(self, cause: Cause, state: Iterable[Told]) -> None:
        """With the first packet that shows it, and what each side knows of that."""
        ways = () if self._hops else columns(cause.example, self._width)
        _write([f"{cause.cls} {cause.text}", line(cause.example), *ways, *state_lines(state)])

    def note(self, sentence: str) -> None:
        """On standard error."""
        sys.stderr.write(f"pystack: compare live: {sentence}\n")

    def end(self, tally: Tally, causes: Causes, late: int, counts: Sequence[QueueCounts]) -> None:
        """Causes with their counts, and how many packets there were."""
        _write([*causes_lines(causes), *queue_lines(counts), *summary(tally, late)])

    def third(self, example: Example) -> None:
        """Three columns."""
        _write([f"{example.cause.cls} {example.cause.text}", *third.lines(example, self._width)])

    def kept(self, example: Example, file: Path) -> None:
        """Where, and what came of it."""
        lacks = (f"  not carried over: {lack}" for lack in example.reproduction.lacks)
        _write([f"{file}: {example.result}", *lacks])


class Lines:
    """For programs."""

    def __init__(self, *, hops: bool) -> None:
        self._hops = hops

    def begin(self, devices: Iterable[str]) -> None:
        """The first line."""
        _write([json.dumps({"v": 1, "type": "begin", "devices": list(devices)})])

    def tick(self, tally: Tally, causes: Causes) -> None:
        """Nothing is told of that."""

    def packet(self, verdict: Verdict) -> None:
        """With its hops, if it differs or they are asked for."""
        result = "not compared" if verdict.unplayed else "same" if verdict.is_same else "differ"
        told: Json = {
            "v": 1,
            "type": "packet",
            "packet": verdict.number,
            "path": verdict.path,
            "words": verdict.words,
            "result": result,
            "reason": verdict.unplayed,
        }
        hops: list[Json] = []
        if self._hops or verdict.differences:
            for side, of_side in (("kernel", verdict.kernel), ("pystack", verdict.pystack)):
                hops += [{**to_json(hop, side), "packet": verdict.number} for hop in of_side]
        _write(map(json.dumps, [told, *hops, *(one.to_json() for one in verdict.differences)]))

    def cause(self, cause: Cause, state: Iterable[Told]) -> None:
        """What each side knows of the first packet."""
        rows = [{"what": told.what, "kernel": told.kernel, "pystack": told.pystack} for told in state]
        head = {"v": 1, "type": "cause", "class": cause.cls, "at": cause.at, "cause": cause.text}
        _write([json.dumps({**head, "packet": cause.example.number, "state": rows})])

    def note(self, sentence: str) -> None:
        """A line of its own."""
        _write([json.dumps({"v": 1, "type": "note", "text": sentence})])

    def end(self, tally: Tally, causes: Causes, late: int, counts: Sequence[QueueCounts]) -> None:
        """The counts."""
        rows = [
            {"class": one.cls, "at": one.at, "cause": one.text, "packets": one.count}
            for one in causes.all.values()
        ]
        packets = {"compared": tally.compared, "same": tally.same, "differ": tally.differ}
        rest: Json = {"not_compared": dict(tally.unplayed), "lost": tally.lost, "late": late, "causes": rows}
        rest |= {"aside": tally.aside, "not_looked_at": dict(tally.passed_over)}
        rest["queues"] = [one._asdict() for one in counts]
        _write([json.dumps({"v": 1, "type": "summary", **packets, **rest})])

    def third(self, example: Example) -> None:
        """What it sides with, and its way."""
        head = {"v": 1, "type": "third", "cause": example.cause.text, "differs": third.vote(example)}
        hops = [to_json(hop, "clone") for hop in example.clone or ()]
        _write(map(json.dumps, [{**head, "reason": example.result if example.clone is None else ""}, *hops]))

    def kept(self, example: Example, file: Path) -> None:
        """Where, and what came of it."""
        told: Json = {"v": 1, "type": "kept", "cause": example.cause.text, "file": str(file)}
        told |= {"differs": example.differs, "result": example.result}
        told["not_carried_over"] = example.reproduction.lacks
        _write([json.dumps(told)])


def _write(lines: Iterable[str]) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()
