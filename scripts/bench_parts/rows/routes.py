"""Routing tables of many routes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Final

from scripts.bench_parts import route_rows
from scripts.bench_parts.bench import Asked, Bench, Question
from scripts.bench_parts.results import PYSTACK, Bar, Reading

ROUTES_HOW: Final = (
    "CPU time in this process; prefixes of the lengths of the Internet's table; the bare loop probes one "
    "dictionary"
)


def routes(measure: Callable[[int], Reading], share: float = 1.0) -> Callable[[Bench], list[Asked]]:
    """Something that is done with half a million routes, or with a share of them."""

    def ask(bench: Bench) -> list[Asked]:
        count = round(bench.settings.frames * route_rows.A_FRAME * share)
        return [Asked(PYSTACK, partial(measure, count))]

    return ask


def look_ups(count: int) -> Callable[[Bench], list[Asked]]:
    """Look-ups in a table, beside probes of a dictionary as large."""
    return lambda bench: [
        Asked(PYSTACK, partial(route_rows.look_up, count)),
        Asked(route_rows.DICT_PROBE, partial(route_rows.dict_probe, count)),
    ]


ROWS: Final = (
    Question(
        "route-lookup",
        "the longest prefix among 10,000 routes",
        "us a look-up",
        ROUTES_HOW,
        look_ups(10_000),
        bars=(Bar(1.5, at_least=False),),
        needs_root=False,
    ),
    Question(
        "route-large",
        "the longest prefix among 500,000 routes",
        "us a look-up",
        ROUTES_HOW,
        look_ups(500_000),
        bars=(Bar(3.0, at_least=False),),
        needs_root=False,
    ),
    Question(
        "route-add",
        "500,000 routes added one by one",
        "us a route",
        ROUTES_HOW,
        routes(route_rows.add),
        bars=(Bar(10.0, at_least=False),),
        needs_root=False,
    ),
    Question(
        "route-batch",
        "500,000 routes by `ip -batch`",
        "us a line",
        ROUTES_HOW,
        routes(route_rows.batch),
        bars=(Bar(30.0, at_least=False),),
        needs_root=False,
    ),
    Question(
        "route-memory",
        "what 500,000 routes take",
        "MB",
        "the growth of a process of its own",
        routes(route_rows.memory),
        bars=(Bar(150.0, at_least=False),),
        needs_root=False,
    ),
    Question(
        "route-show",
        "`ip route` of 10,000 routes",
        "s",
        ROUTES_HOW,
        routes(route_rows.show, share=0.02),
        bars=(Bar(0.5, at_least=False),),
        needs_root=False,
    ),
)
