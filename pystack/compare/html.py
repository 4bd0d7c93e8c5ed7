"""The report for a browser: one file that asks nobody for anything, and is whole without a script."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from pystack.compare.explanation import Explanation, explain
from pystack.compare.findings import Cause, Entry, Finding, Findings
from pystack.compare.markup import attributes, escaped
from pystack.compare.outcome import SAME, Summary
from pystack.compare.rows import ALSO, FIRST, Row
from pystack.compare.words import NOTHING

_EXPLAINED: Final = 3  # differences of each cause; the others are listed
_MARKS: Final = {FIRST: "first", ALSO: "also"}

_STYLE: Final = """
:root { color-scheme: light dark; --line: #8885; --first: #c0392b; --also: #b9770e; --same: #1e8449 }
@media (prefers-color-scheme: dark) { :root { --first: #ff7b6b; --also: #f0b84a; --same: #6fcf97 } }
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 110rem; padding: 0 1rem }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1.5rem }
th, td { border: 1px solid var(--line); padding: .15rem .5rem; text-align: left; vertical-align: top }
td.said { font: 13px/1.4 ui-monospace, monospace; white-space: pre-wrap; overflow-wrap: anywhere; width: 50% }
td.mark { font-weight: bold; width: 1rem }
tr.first td, .differ, .error { color: var(--first) }
tr.also td, .known, .skipped { color: var(--also) }
.same { color: var(--same) }
section { border-left: 4px solid var(--line); padding-left: 1rem; margin: 1.5rem 0 }
summary { cursor: pointer }
"""


def html(findings: Findings) -> str:
    """The whole document: what differs first, then every scenario."""
    lines = [
        "<!DOCTYPE html>",
        '<html lang="en">',
        '<head><meta charset="utf-8"><meta name="viewport" content="width=device-width">',
        f"<title>pystack compare lab</title><style>{_STYLE}</style></head>",
        "<body>",
        "<h1>pystack beside the kernel</h1>",
        *_summary(findings.summary),
        *_causes(findings.causes()),
        *_predictions(findings.entries),
        *_scenarios(findings.entries),
        "</body>",
        "</html>",
    ]
    return "\n".join(lines) + "\n"


def _summary(summary: Summary) -> Iterator[str]:
    counts = [f'<b class="{name}">{count} {name}</b>' for name, count in summary.counts.items() if count]
    plural = "" if summary.scenarios == 1 else "s"
    yield f"<p>{summary.scenarios} scenario{plural}: {', '.join(counts) or 'none'}.</p>"
    if summary.predicted:
        yield f"<p>Predictions: {summary.predicted}, {summary.not_as_predicted} not as expected.</p>"
    if summary.interrupted:
        yield f'<p class="error">{escaped(summary.breaking_off)}</p>'
    if summary.not_observable:
        yield f"<p>Not observable on one side: {summary.not_observable}.</p>"


# --- differences ----------------------------------------------------------------------------------------


def _causes(causes: list[Cause]) -> Iterator[str]:
    yield "<h2>Differences</h2>"
    if not causes:
        yield "<p>None.</p>"
    for cause in causes:
        known = f" (known: {cause.known})" if cause.known else ""
        yield "<section>"
        yield f"<h3>{escaped(cause.cls)} {escaped(cause.text)}</h3>"
        yield f"<p>{len(cause.findings)} in {cause.scenarios} of the scenarios{escaped(known)}</p>"
        for finding in cause.findings[:_EXPLAINED]:
            yield from _explained(explain(finding), is_open=finding is cause.findings[0])
        yield from _listed(cause.findings[_EXPLAINED:])
        yield "</section>"


def _explained(told: Explanation, *, is_open: bool) -> Iterator[str]:
    yield "<details open>" if is_open else "<details>"
    yield f"<summary>{escaped(told.title)}</summary>"
    yield f"<p>{escaped(told.summary)}</p>"
    for section in told.sections:
        yield "<table>"
        yield f"<tr><th></th><th>{escaped(section.heading)}: kernel</th><th>pystack</th></tr>"
        yield from map(_row, section.rows)
        yield "</table>"
    yield f"<p><b>{escaped(FIRST)}</b> the first that differs, <b>{ALSO}</b> what differs besides</p>"
    yield "</details>"


def _row(row: Row) -> str:
    kind = attributes(**{"class": _MARKS[row.mark]}) if row.mark in _MARKS else ""
    return (
        f'<tr{kind}><td class="mark">{escaped(row.mark)}</td>'
        f'<td class="said">{escaped(row.kernel)}</td><td class="said">{escaped(row.pystack)}</td></tr>'
    )


def _listed(findings: list[Finding]) -> Iterator[str]:
    if not findings:
        return
    yield f"<details><summary>and {len(findings)} more</summary><ul>"
    for found in findings:
        where = (
            f"{found.number}: {found.outcome.file}, step {found.difference.step}, at {found.difference.at}"
        )
        yield f"<li>{escaped(where)}</li>"
    yield "</ul></details>"


# --- scenarios ------------------------------------------------------------------------------------------


def _predictions(entries: Iterable[Entry]) -> Iterator[str]:
    told = [(entry.outcome.title, one) for entry in entries for one in entry.predictions]
    if not told:
        return
    yield "<h2>Predictions</h2>"
    yield _table_head("", "what", "expected", "kernel", "pystack")
    for title, one in told:
        mark, kind = ("", "") if one.holds else (FIRST, attributes(**{"class": "first"}))
        said = (NOTHING if text is None else text for text in (one.expected, one.kernel, one.pystack))
        cells = _cells(mark, f"{title}: {one.what} {one.number}", *said)
        yield f"<tr{kind}>{cells}</tr>"
    yield "</table>"


def _scenarios(entries: Iterable[Entry]) -> Iterator[str]:
    """Those that are the same last."""
    yield "<h2>Scenarios</h2>"
    yield _table_head("result", "file", "title", "reason", "differences")
    for entry in sorted(entries, key=lambda entry: entry.outcome.result == SAME):
        outcome = entry.outcome
        cells = _cells(outcome.file, outcome.title, outcome.reason, str(len(entry.findings) or ""))
        yield f'<tr><td class="{outcome.result}">{outcome.result}</td>{cells}</tr>'
    yield "</table>"


def _table_head(*names: str) -> str:
    return "<table><tr>" + "".join(f"<th>{escaped(name)}</th>" for name in names) + "</tr>"


def _cells(*texts: str) -> str:
    return "".join(f"<td>{escaped(text)}</td>" for text in texts)
