"""The core alone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from scripts.bench_parts import core_rows
from scripts.bench_parts.bench import Asked, Bench, Question
from scripts.bench_parts.results import PYSTACK, Reading

CORE_HOW: Final = (
    "in this process, no system calls; the bare loop looks one address up and appends to one list"
)


def core(measure: Callable[[int], Reading]) -> Callable[[Bench], list[Asked]]:
    """A loop over the core beside the bare one."""

    def ask(bench: Bench) -> list[Asked]:
        frames = bench.settings.frames
        return [
            Asked(PYSTACK, lambda: measure(frames)),
            Asked(core_rows.BARE_LOOP, lambda: core_rows.bare_loop(frames)),
        ]

    return ask


ROWS: Final = (
    Question(
        "core-forward",
        "the core alone: a 60-octet frame between two known stations",
        "us a frame",
        CORE_HOW,
        core(core_rows.forward),
        needs_root=False,
    ),
    Question(
        "core-flood",
        "the core alone: a broadcast from one port to seven others",
        "us a frame",
        CORE_HOW,
        core(core_rows.flood),
        needs_root=False,
    ),
    Question(
        "core-learn",
        "the core alone: a frame from a station never seen before",
        "us a frame",
        CORE_HOW,
        core(core_rows.learn),
        needs_root=False,
    ),
)
