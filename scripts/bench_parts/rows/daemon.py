"""The daemon as a program: how soon it is there, how soon it answers, what it takes."""

from __future__ import annotations

import sys
import time
from functools import partial
from pathlib import Path
from typing import Final

from scripts.bench_parts import processes
from scripts.bench_parts.bench import Asked, Bench, Question
from scripts.bench_parts.contestant import Contestant
from scripts.bench_parts.contestants import CONTESTANTS, KernelBridge, PystackBridge
from scripts.bench_parts.results import PYSTACK, Bar, Reading

INTERPRETER: Final = "python -c pass"


def startup(bench: Bench) -> list[Asked]:
    """Each contestant, started and stopped anew."""

    def measure(kind: type[Contestant]) -> Reading:
        contestant = bench.another(kind)
        contestant.make_ends()
        begun = time.perf_counter()
        contestant.start()
        taken = time.perf_counter() - begun
        contestant.stop()
        return Reading(taken)

    return [Asked(kind.name, partial(measure, kind), kind.missing()) for kind in CONTESTANTS]


def client(bench: Bench) -> list[Asked]:
    """`ip link` of pystack, the real one, and an interpreter that does nothing."""
    pystack = str(Path(sys.executable).parent / "pystack")

    def timed(argv: list[str], env: dict[str, str] | None = None) -> Reading:
        begun = time.perf_counter()
        bench.lab.run(argv, env=env)
        return Reading((time.perf_counter() - begun) * 1e3)

    def ours() -> Reading:
        daemon = bench.running(PystackBridge)
        assert isinstance(daemon, PystackBridge)
        return timed([pystack, "ip", "link"], {"PYSTACK_SOCKET": daemon.socket})

    return [
        Asked(PYSTACK, ours),
        Asked(INTERPRETER, lambda: timed([sys.executable, "-c", "pass"])),
        Asked("ip link", lambda: timed(["ip", "link"])),
    ]


def resident(bench: Bench) -> list[Asked]:
    """Each contestant that consists of processes."""

    def measure(contestant: Contestant) -> Reading:
        return processes.resident(process.pid for process in contestant.processes)

    return [
        Asked(each.name, each.measure, each.missing)
        for each in bench.between(measure)
        if each.name != KernelBridge.name
    ]


ROWS: Final = (
    Question(
        "startup",
        "from exec until frames can pass",
        "s",
        "two ports; programs in Python say when they are ready (sd_notify), others are looked at",
        startup,
        bars=(Bar(0.6, at_least=False),),
    ),
    Question(
        "client",
        "one command to the running daemon",
        "ms",
        "`pystack ip link`, from exec to exit; the real one, and an interpreter that does nothing",
        client,
        bars=(Bar(100.0, at_least=False),),
    ),
    Question(
        "memory",
        "resident memory with two ports",
        "MB",
        "RSS of all processes (pystack: daemon and keeper), after the rows above if they ran; PSS beside it",
        resident,
        bars=(Bar(80.0, at_least=False),),
    ),
)
