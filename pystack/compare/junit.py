"""The report for build servers, in the form of JUnit: a test case a scenario, the folder as its class."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from pystack.compare.findings import Entry, Findings
from pystack.compare.markup import attributes, escaped
from pystack.compare.outcome import DIFFER, ERROR, KNOWN, PENDING, SKIPPED, Summary
from pystack.compare.rows import beside


def junit(findings: Findings) -> str:
    """The whole document."""
    counts = findings.summary.counts
    breaking_off = list(_breaking_off(findings.summary))
    totals = attributes(
        name="pystack compare lab",
        tests=findings.summary.scenarios + len(breaking_off),
        failures=sum(entry.outcome.result == DIFFER or bool(entry.wrong) for entry in findings.entries),
        errors=counts[ERROR] + len(breaking_off),
        skipped=counts[PENDING] + counts[SKIPPED],
    )
    cases = chain.from_iterable(map(_case, findings.entries))
    lines = ['<?xml version="1.0" encoding="UTF-8"?>', "<testsuites>", f"<testsuite{totals}>"]
    return "\n".join([*lines, *cases, *breaking_off, "</testsuite>", "</testsuites>"]) + "\n"


def _breaking_off(summary: Summary) -> Iterator[str]:
    """A run that was not played to its end must not look like one that was."""
    if summary.interrupted:
        about = attributes(classname=".", name="the whole run")
        yield f"<testcase{about}>\n<error{attributes(message=summary.breaking_off)}/>\n</testcase>"


def _case(entry: Entry) -> Iterator[str]:
    outcome = entry.outcome
    folder, _, file = outcome.file.rpartition("/")
    about = attributes(classname=folder or ".", name=outcome.title or file, file=outcome.file)
    result = "\n".join(_result(entry))
    yield f"<testcase{about}>\n{result}\n</testcase>" if result else f"<testcase{about}/>"


def _result(entry: Entry) -> Iterator[str]:
    outcome = entry.outcome
    if outcome.result == DIFFER or entry.wrong:
        unknown = (found.difference for found in entry.findings if not found.difference.known)
        first = next(unknown, None)
        cls, cause = ("PREDICTION", str(entry.wrong[0])) if first is None else (first.cls, first.cause)
        about = attributes(type=cls, message=cause)
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
    lines += [f"not as predicted: {one}" for one in entry.wrong]
    return "\n".join(lines)
