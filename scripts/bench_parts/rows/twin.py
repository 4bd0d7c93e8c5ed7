"""Scenarios on both sides of the twin."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Final

from scripts.bench_parts import twin_rows
from scripts.bench_parts.bench import Asked, Bench, Question
from scripts.bench_parts.results import Bar, Reading

Timed = Callable[[twin_rows.Load, str, Path], Reading]

TWIN_HOW: Final = (
    "both sides and their comparison, by the runner of `pystack compare lab`, in one topology; "
    "beside each side alone, which compares nothing"
)


def twin(name: str, timed: Timed, load: Callable[[int], twin_rows.Load]) -> Callable[[Bench], list[Asked]]:
    """Both sides with their comparison, beside each side alone."""

    def ask(bench: Bench) -> list[Asked]:
        wanted, folder = load(bench.settings.frames), bench.lab.folder / name
        return [Asked(who, partial(timed, wanted, side, folder)) for who, side in twin_rows.SIDES.items()]

    return ask


def short(frames: int, *, capture: tuple[str, ...] = ()) -> twin_rows.Load:
    """Scenarios of three frames, as most of ours are."""
    return twin_rows.Load(frames // 100, capture=capture)


def long(frames: int, *, hops: bool) -> twin_rows.Load:
    """Few scenarios of three hundred frames."""
    return twin_rows.Load(frames // 1000, burst=100, hops=hops)


ROWS: Final = (
    Question(
        "twin-scenarios",
        "the twin: scenarios of three frames",
        "a second",
        TWIN_HOW,
        twin("twin-scenarios", twin_rows.scenarios, short),
        more_is_better=True,
        bars=(Bar(100),),
    ),
    Question(
        "twin-captures",
        "the twin: the same, with what a tcpdump on the bridge and on a port sees",
        "a second",
        TWIN_HOW,
        twin("twin-captures", twin_rows.scenarios, partial(short, capture=("br0", "tap1"))),
        more_is_better=True,
        bars=(Bar(100),),
    ),
    Question(
        "twin-hops",
        "the twin: frames, each at every hop",
        "a second",
        TWIN_HOW,
        twin("twin-hops", twin_rows.frames, partial(long, hops=True)),
        more_is_better=True,
        bars=(Bar(3000),),
    ),
    Question(
        "twin-frames",
        "the twin: frames, only where they enter and leave",
        "a second",
        TWIN_HOW,
        twin("twin-frames", twin_rows.frames, partial(long, hops=False)),
        more_is_better=True,
        bars=(Bar(10000),),
    ),
)
