"""A router of the kernel's with queues at five hooks, and who answers for them; nobody's queues beside it."""

from __future__ import annotations

import sys
from typing import Final

from pystack.hooks.shim.placement import USUAL
from scripts.bench_parts.contestant import write
from scripts.bench_parts.lab import NETNS_FOLDER
from scripts.bench_parts.nat_rows import KernelRouter
from scripts.bench_parts.queue_end import FIRST_QUEUE, LOOP, OBSERVE
from scripts.bench_parts.results import PYSTACK

DAEMON: Final = "daemon with [hooks]"
LIBRARY_LOOP: Final = "NetfilterQueue loop"

_CONFIGURATION: Final = """\
name = "bench"

[hooks]
netns = "{netns}"

[daemon]
socket = "{socket}"
"""


class ShimRouter(KernelRouter):
    """With pystack's shims, which observe."""

    name = PYSTACK

    def start(self) -> None:
        super().start()
        self.answer(OBSERVE)

    def answer(self, how: str) -> None:
        """Returns when somebody does."""
        inside = ["nsenter", f"--net={NETNS_FOLDER}/{self.middle}"]
        self.spawn_until_ready([*inside, sys.executable, "-m", "scripts.bench_parts.queue_end", how])


class HooksRouter(KernelRouter):
    """With the daemon, which judges what passes in the background."""

    name = DAEMON

    def start(self) -> None:
        super().start()
        text = _CONFIGURATION.format(netns=self.middle, socket=self.folder / "pystack.sock")
        argv = ["run", "-c", write(self.folder / "hooks.toml", text), "--allow-system-changes"]
        self.spawn_until_ready([sys.executable, "-m", "pystack", *argv])


class LoopRouter(ShimRouter):
    """With the same rules, and a loop that accepts."""

    name = LIBRARY_LOOP

    def start(self) -> None:
        KernelRouter.start(self)
        for number, point in enumerate(USUAL, start=FIRST_QUEUE):
            table, _, chain = point.partition("/")
            rule = f"iptables -t {table} -A {chain.upper()} -j NFQUEUE --queue-num {number} --queue-bypass"
            self.lab.run(rule.split(), netns=self.middle)
        self.answer(LOOP)


QUEUE_ROUTERS: Final = (ShimRouter, HooksRouter, LoopRouter, KernelRouter)
