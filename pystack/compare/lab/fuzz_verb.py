"""The verb: `pystack fuzz [AREA…]`."""

from __future__ import annotations

import argparse
import json
import os
import secrets
import sys
from collections.abc import Callable, Sequence
from itertools import islice
from pathlib import Path
from typing import Final

from pystack.compare.fuzz.areas import AREAS
from pystack.compare.lab.errors import LabBroken
from pystack.compare.lab.fuzz_session import ENOUGH, REPEATS, Finding, Limit, Session
from pystack.compare.lab.fuzz_twin import Twin
from pystack.compare.lab.scenario_text import text_of
from pystack.compare.lab.side import SideError
from pystack.compare.lab.sinks import STANDARD_OUTPUT, complain_about_output
from pystack.compare.one_line_parser import OneLineParser
from pystack.compare.records import Json
from pystack.compare.rows import beside

FAILED: Final = 1
LACKING: Final = 4
CASES: Final = 20_000
KEEP: Final = "fuzz-found"
EPILOG: Final = f"""\
What differs and no equivalence forgives is unexplained. It is played again, made as small as it can be,
and kept as a scenario for `pystack compare lab`; each cause is told once. Then the fuzzer goes on, with
the next topology if this one shows the same again and again. After {ENOUGH} causes or {REPEATS} repetitions
it looks no further: those have to be mended first.
Exit codes: 0 nothing unexplained; 1 something is, or a report cannot be written; 2 bad usage;
4 this machine lacks what a lab needs; 130 interrupted."""
MOST_LINES: Final = 6  # of one difference


def _options(arguments: Sequence[str], as_json: bool) -> argparse.Namespace:
    parser = OneLineParser(
        prog="pystack fuzz",
        description="Random scenarios into the kernel and into pystack.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("areas", nargs="*", metavar="AREA", help=f"of {', '.join(AREAS)}; without: all")
    parser.add_argument("--seed", type=int, help="the same seed draws the same; without: any")
    parser.add_argument("--cases", type=int, help=f"frames, commands and waits; without: {CASES}")
    parser.add_argument("--seconds", type=float, help="as long as this, instead")
    parser.add_argument("--keep", metavar="DIR", default=KEEP, help=f"for what is found; without: {KEEP}")
    parser.add_argument("--json", action="store_true", default=as_json, help="one object a line")
    options = parser.parse_args(arguments)
    unknown = [area for area in options.areas if area not in AREAS]
    if unknown:
        parser.error(f"no such area: {', '.join(unknown)} (known: {', '.join(AREAS)})")
    if options.cases is not None and options.seconds is not None:
        parser.error("--cases or --seconds, not both")
    if not all(limit is None or limit > 0 for limit in (options.cases, options.seconds)):
        parser.error("nothing to do in no time and no cases")
    if fault := _fault_of(Path(options.keep)):
        parser.error(f"--keep: {fault}")
    return options


def _fault_of(folder: Path) -> str:
    """Why nothing can be kept there; it is made only when something is found."""
    place = folder.absolute()
    while not place.exists():
        place = place.parent
    if not place.is_dir():
        return f"{place}: is no folder"
    return "" if os.access(place, os.W_OK | os.X_OK) else f"{place}: cannot be written into"


def fuzz(arguments: Sequence[str], *, as_json: bool = False, make_twin: Callable[[], Twin] = Twin) -> int:
    """Run, report, and tell by the exit code whether anything is unexplained."""
    options = _options(arguments, as_json)
    try:
        return _run(options, make_twin)
    except BrokenPipeError:
        raise
    except OSError as error:
        complain_about_output(error.filename or STANDARD_OUTPUT, error)
        return FAILED


def _run(options: argparse.Namespace, make_twin: Callable[[], Twin]) -> int:
    areas = options.areas or list(AREAS)
    seed = secrets.randbits(32) if options.seed is None else options.seed
    _say(options, f"seed {seed}", {"type": "fuzz", "seed": seed, "areas": areas})
    limit = Limit(options.cases, options.seconds)
    if limit == Limit():
        limit = Limit(CASES)
    twin = make_twin()
    session = Session(twin, areas, seed, limit)
    try:
        for finding in session.run():
            _tell(finding, options)
    except (SideError, LabBroken) as error:
        print(f"pystack: after {session.cases} cases: {error}", file=sys.stderr)
        return LACKING if isinstance(error, SideError) else FAILED
    except (KeyboardInterrupt, SystemExit):
        _sum_up(session, twin, options, interrupted=True)
        raise
    finally:
        twin.close()
    _sum_up(session, twin, options)
    return FAILED if session.findings else 0


def _tell(finding: Finding, options: argparse.Namespace) -> None:
    file = _keep(finding, Path(options.keep))
    text = text_of(finding.scenario)
    lines = [
        f"{finding.number}. {finding.difference.cls} at {finding.difference.at}: {finding.difference.cause}",
        *(f"   {who:8} {said}" for who, said in islice(beside(finding.difference), MOST_LINES)),
        f"   {file}" + ("" if finding.again else " (did not show again)"),
        *(f"   | {line}" for line in text.splitlines() if finding.again),
    ]
    told = finding.difference.to_json() | {"case": finding.case, "file": str(file), "again": finding.again}
    _say(options, "\n".join(lines), told)


def _keep(finding: Finding, folder: Path) -> Path:
    """A file for `pystack compare lab`; what an earlier run found there stays."""
    folder.mkdir(parents=True, exist_ok=True)
    number = finding.number
    while (file := folder / f"{finding.area}-{number}.toml").exists():
        number += 1
    file.write_text(text_of(finding.scenario))
    return file


def _sum_up(session: Session, twin: Twin, options: argparse.Namespace, *, interrupted: bool = False) -> None:
    found, seconds = len(session.findings), session.seconds
    forgiven = ", ".join(f"{name} {times}" for name, times in sorted(twin.forgiven.items()))
    stopped = f" (no more were looked for: {session.gave_up})" if session.gave_up else ""
    begin = "interrupted: " if interrupted else ""
    lines = [f"{begin}{session.cases} cases in {seconds:.1f} s: {found} unexplained{stopped}"]
    lines += (
        [f"{session.passing} more are none: timers ran, or the real program broke off"]
        if session.passing
        else []
    )
    lines += [f"forgiven by nature: {forgiven}"] if forgiven else []
    counts: Json = {"cases": session.cases, "seconds": round(seconds, 3), "unexplained": found}
    counts |= {"passing": session.passing, "interrupted": interrupted}
    _say(options, "\n".join(lines), {"type": "summary", **counts})


def _say(options: argparse.Namespace, text: str, told: Json) -> None:
    print(json.dumps({"v": 1, **told}) if options.json else text, flush=True)
