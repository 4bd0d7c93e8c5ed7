"""Beside the kernel: shims in its path, its state taken over, its packets compared."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from scripts.bench_parts import live_rows, traffic
from scripts.bench_parts.bench import Asked, Bench, Question
from scripts.bench_parts.contestant import Contestant
from scripts.bench_parts.lab import Lab
from scripts.bench_parts.nat_rows import KernelRouter
from scripts.bench_parts.queue_routers import LIBRARY_LOOP, QUEUE_ROUTERS
from scripts.bench_parts.results import PYSTACK, Bar, Reading

SHIMS_HOW: Final = (
    "a router of the kernel's between two namespaces, with 20 rules and MASQUERADE; queues at the five hooks "
    "of mangle, and who accepts from them; the kernel router has none"
)
IMPORT_HOW: Final = (
    f"CPU time, that of tools too; {live_rows.ROUTES} routes and {live_rows.CONNECTIONS} connections of a "
    "namespace; beside: its own tools, whose words nobody reads"
)


def tcp(bench: Bench) -> list[Asked]:
    """Bulk TCP."""
    return bench.between(lambda router: traffic.tcp(router, bench.settings.seconds), QUEUE_ROUTERS)


def added(bench: Bench) -> list[Asked]:
    """What each who answers adds to a round trip."""

    def beside_none(router: Contestant) -> Reading:
        none = bench.running(KernelRouter)
        return Reading(traffic.rtt(router).value - traffic.rtt(none).value)

    return bench.between(beside_none, QUEUE_ROUTERS[:-1])


def imported(bench: Bench) -> list[Asked]:
    """A namespace that is taken over."""

    def ask(measure: Callable[[Lab], float]) -> Callable[[], Reading]:
        return lambda: Reading(measure(bench.lab))

    return [
        Asked(PYSTACK, ask(live_rows.take_over)),
        Asked(live_rows.TOOLS, ask(live_rows.listed)),
    ]


def compared(bench: Bench) -> list[Asked]:
    """`compare live` of a router that forwards pings."""

    def measure() -> Reading:
        router = bench.running(KernelRouter)
        assert isinstance(router, KernelRouter)
        return Reading(live_rows.compared(router, bench.settings.frames // 4))

    return [Asked(PYSTACK, measure)]


ROWS: Final = (
    Question(
        "live-tcp",
        "TCP through queues at five hooks",
        "Gbit/s",
        SHIMS_HOW,
        tcp,
        more_is_better=True,
        bars=(Bar(0.8, against=LIBRARY_LOOP),),
    ),
    Question(
        "live-rtt",
        "what queues at five hooks add to a round trip",
        "us",
        SHIMS_HOW,
        added,
        bars=(Bar(400.0, at_least=False),),
    ),
    Question(
        "live-import",
        "a host taken over",
        "s",
        IMPORT_HOW,
        imported,
        bars=(Bar(2.0, at_least=False),),
    ),
    Question(
        "live-compared",
        "packets that `compare live` keeps up with",
        "a second",
        "a flood of pings through a router of the kernel's with 20 rules and MASQUERADE, from the first one "
        "until all are compared, and the same",
        compared,
        more_is_better=True,
        bars=(Bar(1000.0),),
    ),
)
