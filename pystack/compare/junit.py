"""The report for build servers, in the form of JUnit: a test case a scenario, the folder as its class."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from pystack.compare.findings import Entry, Findings
from pystack.compare.markup import attributes, escaped
from pystack.compare.outcome import DIFFER, ERROR, KNOWN, PENDING, SKIPPED
from pystack.compare.rows import beside


def junit(findings: Findings) -> str:
    """The whole document."""
    counts = findings.summary.counts
    totals = attributes(
        name="pystack compare lab",
        tests=findings.summary.scenarios,
        failures=counts[DIFFER],
        errors=counts[ERROR],
        skipped=counts[PENDING] + counts[SKIPPED],
    )
    cases = chain.from_iterable(map(_case, findings.entries))
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', "<testsuites>", f"<testsuite{totals}>"]
    return "\n".join([*lines, *cases, "</testsuite>", "</testsuites>"]) + "\n"


def _case(entry: Entry) -> Iterator[str]:
    outcome = entry.outcome
    folder, _, file = outcome.file.rpartition("/")
    about = attributes(classname=folder or ".", name=outcome.title or file, file=outcome.file)
    result = "\n".join(_result(entry))
    yield f"<testcase{about}>\n{result}\n</testcase>" if result else f"<testcase{about}/>"


def _result(entry: Entry) -> Iterator[str]:
    outcome = entry.outcome
    if outcome.result == DIFFER:
        first = next(found.difference for found in entry.findings if not found.difference.known)
        about = attributes(type=first.cls, message=first.cause)
        yield f"<failure{about}>{escaped(_text(entry))}</failure>"
    elif outcome.result == ERROR:
        yield f"<error{attributes(message=outcome.reason)}/>"
    elif outcome.result == PENDING:
        yield f"<skipped{attributes(message=f'pending: {outcome.reason}')}/>"
    elif outcome.result == SKIPPED:
        yield f"<skipped{attributes(message=outcome.reason)}/>"
    elif outcome.result == KNOWN:
        yield f"<system-out>{escaped(_text(entry))}</system-out>"


def _text(entry: Entry) -> str:
    """Every difference of a scenario, and what both sides say where they differ."""
    lines: list[str] = []
    for found in entry.findings:
        one = found.difference
        known = f" (known: {one.known})" if one.known else ""
        lines += [
            f"{found.number}: {one.cls} at {one.at}, step {one.step}: {one.cause}{known}",
            *(f"  {who:8} {said}" for who, said in beside(one)),
        ]
    return "\n".join(lines)
