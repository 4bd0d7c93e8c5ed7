"""`scripts/bench`: measure pystack beside its peers, and print a table."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import signal
import sys
from collections.abc import Sequence
from dataclasses import replace
from difflib import get_close_matches
from typing import Final

from pystack import __version__
from scripts.bench_parts.bench import QUICK, Bench, Question, Settings
from scripts.bench_parts.lab import Lab, Lacking, enter, raise_on
from scripts.bench_parts.results import Row
from scripts.bench_parts.rows import QUESTIONS
from scripts.bench_parts.table import as_json, table

FAILED: Final = 1
USAGE: Final = 2
LACKING: Final = 4
INTERRUPTED: Final = 130


def main(arguments: Sequence[str]) -> int:
    """The exit code: 0 unless a measurement failed. No figure is ever judged by it."""
    options = parse(arguments)
    if options.list:
        for question in QUESTIONS:
            print(f"{question.name:16}{question.title}, {question.unit}")
        return 0
    questions = chosen(options.rows)
    raise_on(signal.SIGTERM, signal.SIGHUP)
    if any(question.needs_root for question in questions):
        try:
            enter(arguments)
        except Lacking as lacking:
            print(f"bench: {lacking}", file=sys.stderr)
            return LACKING
    try:
        return run(questions, settings(options), as_table=not options.json)
    except KeyboardInterrupt:
        return INTERRUPTED


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The command line. Exits 2 if it is wrong."""
    parser = argparse.ArgumentParser(
        prog="scripts/bench",
        description="Measure pystack beside its peers: round-robin, median of the rounds, ratios. "
        "Bars are printed, never enforced: the exit code is 0 unless a measurement failed.",
    )
    parser.add_argument(
        "rows",
        nargs="*",
        metavar="NAME",
        help="rows to measure, or the first word of several (default: all; see --list)",
    )
    parser.add_argument("--list", action="store_true", help="name the rows")
    parser.add_argument("--json", action="store_true", help="every reading, for programs")
    parser.add_argument("--quick", action="store_true", help="less of everything: a look, not a measurement")
    parser.add_argument("--rounds", type=int, metavar="N", help=f"default {Settings().rounds}")
    parser.add_argument("--seconds", type=float, metavar="S", help="of each iperf3 test, default 1")
    options = parser.parse_args(arguments)
    for name in options.rows:
        if not chosen([name]):
            close = get_close_matches(name, [question.name for question in QUESTIONS], 1)
            parser.error(f"no row {name}" + (f"; did you mean {close[0]}?" if close else " (see --list)"))
    if options.rounds is not None and options.rounds < 1:
        parser.error("--rounds takes at least 1")
    if options.seconds is not None and options.seconds < 1:
        parser.error("--seconds takes at least 1")
    return options


def chosen(names: Sequence[str]) -> list[Question]:
    """In the order of the bench, whatever that of the names; `twin` means all that begin with `twin-`."""
    wanted = set(names)
    return [each for each in QUESTIONS if not wanted or wanted & {each.name, each.name.partition("-")[0]}]


def settings(options: argparse.Namespace) -> Settings:
    """What the options say, over the defaults."""
    found = QUICK if options.quick else Settings()
    if options.rounds is not None:
        found = replace(found, rounds=options.rounds)
    return found if options.seconds is None else replace(found, seconds=options.seconds)


def run(questions: Sequence[Question], how_long: Settings, *, as_table: bool) -> int:
    """Measure and print; tables as they are ready, JSON at the end."""
    rows: list[Row] = []
    if as_table:
        print(machine_text(how_long), flush=True)
    with Lab() as lab:
        bench = Bench(lab, how_long, report)
        for question in questions:
            row = question.measure(bench)
            rows.append(row)
            report("")
            if as_table:
                print(f"\n{table(row)}", flush=True)
    failures = [failure for row in rows for failure in row.failures()]
    if not as_table:
        print(json.dumps({"machine": machine(), "rounds": how_long.rounds, "rows": [*map(as_json, rows)]}))
    for failure in failures:
        print(f"bench: {failure}", file=sys.stderr)
    return FAILED if failures else 0


def machine() -> dict[str, object]:
    """What the figures are figures of."""
    return {
        "pystack": __version__,
        "kernel": platform.release(),
        "python": platform.python_version(),
        "cpus": os.cpu_count(),
        "load": os.getloadavg()[0],
    }


def machine_text(how_long: Settings) -> str:
    """The same as a line."""
    words = [
        f"{name} {value:.1f}" if name == "load" else f"{name} {value}" for name, value in machine().items()
    ]
    return f"{', '.join(words)}; {how_long.rounds} rounds, the contestants in turn"


def report(text: str) -> None:
    """Progress, on a terminal only, in one line that the next one overwrites."""
    if sys.stderr.isatty():
        print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    with contextlib.suppress(BrokenPipeError):
        sys.exit(main(sys.argv[1:]))
