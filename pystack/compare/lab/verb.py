"""The verb: `pystack compare lab SCENARIO…`."""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from typing import Final, NoReturn

from pystack.compare.lab.runner import BOTH, HOST, VM, Options, Runner
from pystack.compare.lab.scenario_file import ScenarioError
from pystack.compare.outcome import PENDING, Outcome, Summary
from pystack.compare.records import KERNEL, PYSTACK, Json, Record, to_json
from pystack.compare.report import explain, outcome_lines, summary_lines

USAGE: Final = 2


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        self.exit(USAGE, f"{self.prog}: {message}\n")


def _options(arguments: Sequence[str], as_json: bool) -> argparse.Namespace:
    parser = _Parser(
        prog="pystack compare lab", description="The same scenario into the kernel and into pystack."
    )
    parser.add_argument("scenarios", nargs="+", metavar="SCENARIO", help="a file, or a folder of them")
    parser.add_argument("--side", choices=(PYSTACK, KERNEL, BOTH), default=BOTH)
    parser.add_argument("--oracle", choices=(HOST, VM), default=HOST, help="which kernel is asked")
    parser.add_argument("--json", action="store_true", default=as_json, help="one object a line")
    parser.add_argument(
        "--thorough", action="store_true", help="read the kernel's state by the real tools too"
    )
    parser.add_argument("--explain", type=int, metavar="N", help="show difference N in two columns")
    return parser.parse_args(arguments)


def compare_lab(arguments: Sequence[str], *, as_json: bool = False) -> int:
    """Run, report, and tell by the exit code whether anything is unexplained."""
    options = _options(arguments, as_json)
    runner = Runner(Options(side=options.side, thorough=options.thorough, oracle=options.oracle))
    summary = Summary()
    try:
        for outcome in runner.run(options.scenarios):
            summary.add(outcome)
            _show(outcome, options)
    except ScenarioError as error:
        for complaint in error.complaints:
            print(f"pystack: {complaint}", file=sys.stderr)
        return USAGE
    finally:
        runner.close()
    closing = [json.dumps(summary.to_json())] if options.json else list(summary_lines(summary))
    print("\n".join(closing))
    return 1 if summary.failed else 0


def _show(outcome: Outcome, options: argparse.Namespace) -> None:
    if options.json:
        for entry in _json(outcome):
            print(json.dumps(entry))
        return
    for line in outcome_lines(outcome):
        print(line)
    if options.explain:
        for line in explain(outcome, options.explain):
            print(line)
    sys.stdout.flush()


def _json(outcome: Outcome) -> Iterator[Json]:
    """A scenario as the JSON stream tells it: side by side, step by step."""
    yield {"v": 1, "type": "scenario", "file": outcome.file, "title": outcome.title}
    if outcome.result not in (PENDING,):
        steps = sorted({record.step for record in (*outcome.kernel, *outcome.pystack)})
        for step in steps:
            yield {"v": 1, "type": "step", "n": step}
            yield from _records(outcome.kernel, KERNEL, step)
            yield from _records(outcome.pystack, PYSTACK, step)
    for difference in outcome.differences:
        yield difference.to_json()
    yield outcome.result_json()


def _records(records: list[Record], side: str, step: int) -> Iterator[Json]:
    return (to_json(record, side) for record in records if record.step == step)
