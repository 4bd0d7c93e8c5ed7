"""Rows as text for people, and as JSON for programs."""

from __future__ import annotations

import textwrap
from typing import Final

from scripts.bench_parts.results import Row, Series

WIDTH: Final = 100
MET: Final = {True: "met", False: "NOT met"}


def number(value: float) -> str:
    """Three digits that mean something, never an exponent."""
    if abs(value) >= 100:
        return f"{value:.0f}"
    return f"{value:.1f}" if abs(value) >= 10 else f"{value:.2f}" if abs(value) >= 1 else f"{value:.3f}"


def table(row: Row) -> str:
    """One row of the bench: a line a contestant, pystack first."""
    better = "more" if row.more_is_better else "less"
    lines = [f"{row.name}: {row.title}, {row.unit} ({better} is better)"]
    lines += textwrap.wrap(row.how, WIDTH, initial_indent="  ", subsequent_indent="  ")
    width = max(len(series.contestant) for series in row.series)
    lines.append(f"  {'':{width}}  {'median':>8} {'min':>8} {'max':>8}  {'pystack is':>10}")
    lines += [f"  {series.contestant:{width}}  {_figures(row, series)}".rstrip() for series in row.series]
    return "\n".join(lines)


def _figures(row: Row, series: Series) -> str:
    if series.missing:
        return f"missing: {series.missing}"
    if series.failure:
        return f"FAILED: {series.failure}"
    values = series.values
    ratio = row.ratio(series)
    cells = f"{number(series.median):>8} {number(min(values)):>8} {number(max(values)):>8}"
    cells += f"  {'' if ratio is None else number(ratio) + ' x':>10}"
    remarks = []
    bar, reached = row.bar_for(series), row.reaches(series)
    if bar is not None and reached is not None:
        remarks.append(f"{bar.text}: {MET[reached]}")
    remarks += [f"{name} {number(value)}" for name, value in series.beside.items()]
    return f"{cells}  {'; '.join(remarks)}"


def as_json(row: Row) -> dict[str, object]:
    """The same, with every round's reading."""
    return {
        "name": row.name,
        "title": row.title,
        "unit": row.unit,
        "how": row.how,
        "more_is_better": row.more_is_better,
        "contestants": [_series_as_json(row, series) for series in row.series],
    }


def _series_as_json(row: Row, series: Series) -> dict[str, object]:
    if series.missing:
        return {"name": series.contestant, "missing": series.missing}
    if series.failure:
        return {"name": series.contestant, "failure": series.failure}
    found: dict[str, object] = {
        "name": series.contestant,
        "median": series.median,
        "min": min(series.values),
        "max": max(series.values),
        "values": series.values,
        "beside": series.beside,
        "pystack_ratio": row.ratio(series),
    }
    bar, reached = row.bar_for(series), row.reaches(series)
    if bar is not None and reached is not None:
        found["bar"] = {"limit": bar.limit, "at_least": bar.at_least, "met": reached}
    return found
