"""The rows of the bench: what is asked, of whom, how, and how well pystack wants to do."""

from __future__ import annotations

from typing import Final

from scripts.bench_parts.rows import core, daemon, live, netfilter, routes, sockets, traffic, twin

QUESTIONS: Final = (
    *traffic.ROWS,
    *sockets.ROWS,
    *daemon.ROWS,
    *core.ROWS,
    *routes.ROWS,
    *netfilter.ROWS,
    *twin.ROWS,
    *live.ROWS,
)
