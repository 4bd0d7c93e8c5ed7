"""Connections that end in the stack, and what an idle one takes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from scripts.bench_parts import socket_ends, socket_memory
from scripts.bench_parts.bench import Asked, Bench, Question
from scripts.bench_parts.contestant import Contestant
from scripts.bench_parts.results import PYSTACK, Bar, Reading

SOCKETS_HOW: Final = (
    "the other end is a program on the kernel's sockets; a TAP in between, for the kernel a veth; PyTCP's "
    "sockets block, so its program has threads; `lent`: the program runs beside a daemon, on its sockets"
)


def sockets(measure: Callable[[Contestant, float], Reading]) -> Callable[[Bench], list[Asked]]:
    """Each stack as the end of one connection with the kernel."""
    return lambda bench: bench.between(
        lambda contestant: measure(contestant, bench.settings.seconds), socket_ends.ENDS
    )


ROWS: Final = (
    Question(
        "sockets-receive",
        "a trio program that receives over one connection",
        "Gbit/s",
        SOCKETS_HOW,
        sockets(socket_ends.receive),
        more_is_better=True,
        bars=(Bar(1.0), Bar(200.0, against=socket_ends.PYTCP)),
    ),
    Question(
        "sockets-send",
        "a trio program that sends over one connection",
        "Gbit/s",
        SOCKETS_HOW,
        sockets(socket_ends.send),
        more_is_better=True,
        bars=(Bar(1.0), Bar(200.0, against=socket_ends.PYTCP)),
    ),
    Question(
        "sockets-memory",
        "what a connection takes that is open and says nothing",
        "KiB",
        "the growth of a process that holds both ends of them over lo, an end counted as one",
        lambda bench: [Asked(PYSTACK, lambda: socket_memory.memory(bench.settings.frames // 2))],
        bars=(Bar(10.0, at_least=False),),
        needs_root=False,
    ),
)
