"""The verb: `pystack compare lab SCENARIO…`."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, closing
from typing import Final

from pystack.compare.explanation import explain
from pystack.compare.findings import Entry, Finding, Findings
from pystack.compare.html import html
from pystack.compare.junit import junit
from pystack.compare.lab.keep import FolderInUse, Keeper
from pystack.compare.lab.kept import NotFound, is_kept, kept_finding
from pystack.compare.lab.runner import BOTH, HOST, VM, Options, Runner
from pystack.compare.lab.scenario_file import ScenarioError, find, read
from pystack.compare.lab.sinks import (
    STANDARD_OUTPUT,
    Audience,
    ReportFile,
    Screen,
    Sink,
    Stream,
    complain_about_output,
    report_here,
)
from pystack.compare.lab.wiring import wiring_of
from pystack.compare.one_line_parser import USAGE, OneLineParser
from pystack.compare.outcome import COMPARED, PLAYED, Outcome, Summary
from pystack.compare.predict import predictions
from pystack.compare.records import KERNEL, PYSTACK

FAILED: Final = 1
LACKING: Final = 4
EPILOG: Final = """\
What a SCENARIO file holds, what --json prints, and what known.toml and pending.txt are: docs/scenarios.md.
Its commands run as root where the kernel plays: read a file of somebody else's first.
Differences are numbered through the whole run. A folder that --keep wrote is a SCENARIO too:
`pystack compare lab DIR` plays again what differed, and `pystack compare lab DIR --explain N`
shows difference N as it was seen, without playing anything.
Exit codes: 0 all the same or known, or played by one side alone; 1 something differs, is not as
predicted, is no scenario, or a report cannot be written; 2 bad usage; 4 this machine lacks what it takes;
130 interrupted."""


def _options(arguments: Sequence[str], as_json: bool) -> argparse.Namespace:
    parser = OneLineParser(
        prog="pystack compare lab",
        description="The same scenario into the kernel and into pystack.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    add("scenarios", nargs="+", metavar="SCENARIO", help="a file, or a folder of them")
    add("--side", choices=(PYSTACK, KERNEL, BOTH), default=BOTH, help="who plays; pystack needs no root")
    add("--oracle", choices=(HOST, VM), default=HOST, help="which kernel is asked")
    add("--json", action="store_true", default=as_json, help="one object a line")
    add("--junit", metavar="FILE", help="also write a report for build servers")
    add("--html", metavar="FILE", help="also write a report for a browser")
    add("--keep", metavar="DIR", help="keep events, captures, reports, and what differed, to play it again")
    add(
        "--predict",
        action="store_true",
        help="hold the [[expect]] of the files against both sides: expected, kernel, pystack, a row each",
    )
    add(
        "--thorough",
        action="store_true",
        help="have ip and bridge confirm the tables that are read from the kernel by netlink (slower)",
    )
    add("--explain", type=int, metavar="N", help="show difference N alone, both sides in two columns")
    options = parser.parse_args(arguments)
    if options.explain is not None and (options.json or options.junit or options.html or options.keep):
        parser.error("--explain shows one difference, and writes no report")
    return options


def compare_lab(arguments: Sequence[str], *, as_json: bool = False) -> int:
    """Run, report, and tell by the exit code whether anything is unexplained."""
    options = _options(arguments, as_json)
    try:
        return _run(options) if options.explain is None else _explain(options)
    except ScenarioError as error:
        return _complain(*error.complaints)
    except (FolderInUse, NotFound) as error:
        return _complain(str(error))


def _complain(*sentences: str) -> int:
    for sentence in sentences:
        print(f"pystack: {sentence}", file=sys.stderr)
    return USAGE


# --- a run ----------------------------------------------------------------------------------------------


def _run(options: argparse.Namespace) -> int:
    with ExitStack() as stack:
        findings, outcomes = _planned(options, stack)
        try:
            audience = Audience([stack.enter_context(closing(sink)) for sink in _sinks(options)])
        except OSError as error:
            return _complain(f"{error.filename}: {error.strerror}")
        try:
            for outcome in outcomes:
                audience.add(_judged(outcome, findings, options))
                if not audience:
                    break
        except BaseException:
            findings.summary.interrupted = True
            raise
        finally:
            audience.finish(findings)
    if findings.summary.lacking:
        return LACKING
    return FAILED if findings.summary.failed or audience.has_failed else 0


def _planned(options: argparse.Namespace, stack: ExitStack) -> tuple[Findings, Iterator[Outcome]]:
    """What is about to be played, once all that stands beside it has been read."""
    files = find(options.scenarios)
    made = Options(side=options.side, thorough=options.thorough, oracle=options.oracle)
    outcomes = stack.enter_context(closing(Runner(made))).run(files)
    return Findings(summary=Summary(planned=len(files))), outcomes


def _sinks(options: argparse.Namespace) -> Iterator[Sink]:
    yield Stream() if options.json else Screen()
    if options.junit is not None:
        yield ReportFile(options.junit, junit)
    if options.html is not None:
        yield ReportFile(options.html, html)
    if options.keep is not None:
        yield Keeper(options.keep)


def _judged(outcome: Outcome, findings: Findings, options: argparse.Namespace) -> Entry:
    """What a path is needed for costs a few milliseconds, so it is asked for only there."""
    was_played = outcome.result in (*COMPARED, PLAYED)
    if not was_played or not (options.keep or options.predict or outcome.differences):
        return findings.add(outcome)
    scenario = read(outcome.file)
    wiring = wiring_of(scenario)
    if not options.predict:
        return findings.add(outcome, wiring)
    if not scenario.expectations and outcome.result == PLAYED:
        outcome.reason = "no [[expect]], so nothing was predicted"
    held = predictions(scenario.expectations, outcome.kernel, outcome.pystack, wiring)
    return findings.add(outcome, wiring, held)


# --- one difference -------------------------------------------------------------------------------------


def _explain(options: argparse.Namespace) -> int:
    folder = options.scenarios[0]
    if len(options.scenarios) == 1 and is_kept(folder):
        finding = kept_finding(folder, options.explain)
    else:
        finding = _found(options)
    try:
        print(*report_here().explanation(explain(finding)), sep="\n", flush=True)
    except BrokenPipeError:
        raise
    except OSError as error:
        complain_about_output(STANDARD_OUTPUT, error)
        return FAILED
    return 0 if finding.difference.known else FAILED


def _found(options: argparse.Namespace) -> Finding:
    """Plays until the difference is met."""
    with ExitStack() as stack:
        findings, outcomes = _planned(options, stack)
        for outcome in outcomes:
            for finding in _judged(outcome, findings, options).findings:
                if finding.number == options.explain:
                    return finding
    raise NotFound(f"there is no difference {options.explain}: the run has {findings.differences or 'none'}")
