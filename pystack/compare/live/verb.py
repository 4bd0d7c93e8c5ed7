"""The verb: `pystack compare live`."""

from __future__ import annotations

import argparse
import select
import sys
import time
from collections.abc import Iterable, Sequence
from typing import Final

from pystack.clock import Clock
from pystack.compare.live.comparison import Comparison
from pystack.compare.live.errors import LiveUnavailable
from pystack.compare.live.judge import Verdict
from pystack.compare.live.kernel import LiveKernel
from pystack.compare.live.report import columns, line, summary
from pystack.compare.one_line_parser import OneLineParser
from pystack.drivers.unavailable import PortUnavailable
from pystack.hooks.imported.imported import build
from pystack.hooks.imported.reading import Unreadable, read
from pystack.host import Host

SAME: Final = 0
DIFFERS: Final = 1
LACKING: Final = 4
TICK: Final = 0.05  # seconds between two looks


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = OneLineParser(
        prog="pystack compare live",
        description="The packets of a live namespace, through the kernel and through a copy of it, side by "
        "side. NFLOG probes show the kernel's way; the fate of no packet changes.",
    )
    add = parser.add_argument
    add("netns", metavar="NETNS", nargs="?", default="", help="a name or a path; without: where you are")
    add("-c", dest="count", type=int, default=0, metavar="N", help="end after so many packets")
    add("--seconds", type=float, default=0.0, metavar="S", help="end after this time")
    add("--hops", action="store_true", help="both ways of every packet, not only of those that differ")
    return parser.parse_args(arguments)


def compare_live(arguments: Sequence[str]) -> int:
    """Until Ctrl-C, or as long as was asked for."""
    options = _options(arguments)
    try:
        building = build(read(options.netns), Host(seed=1, clock=Clock(wall=time.time())))
        _complain(building.left_out)
        ports = {name: dev.ifindex for name, dev in building.ports.items()}
        kernel = LiveKernel(options.netns, ports).open()
    except (LiveUnavailable, PortUnavailable, Unreadable) as error:
        _complain([str(error)])
        return LACKING
    comparison = Comparison(building)
    try:
        _watch(kernel, comparison, options)
    except KeyboardInterrupt:
        pass  # how it usually ends
    finally:
        kernel.close()
    _show(comparison.rest(), hops=options.hops)
    _print(summary(comparison.tally, comparison.late))
    return DIFFERS if comparison.tally.differ else SAME


def _watch(kernel: LiveKernel, comparison: Comparison, options: argparse.Namespace) -> None:
    start = time.monotonic()
    poll = select.poll()
    poll.register(kernel.fileno(), select.POLLIN)
    while True:
        poll.poll(TICK * 1000)
        now = time.monotonic() - start
        hops, lost = kernel.read()
        comparison.hear(hops, now, lost)
        _show(comparison.settled(now), hops=options.hops)
        if options.seconds and now >= options.seconds:
            return
        if options.count and comparison.tally.compared >= options.count:
            return


def _show(verdicts: Iterable[Verdict], *, hops: bool) -> None:
    for verdict in verdicts:
        _print([line(verdict)])
        if hops or verdict.differences:
            _print(columns(verdict))


def _print(lines: Iterable[str]) -> None:
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.flush()


def _complain(sentences: Iterable[str]) -> None:
    sys.stderr.write("".join(f"pystack: compare live: {sentence}\n" for sentence in sentences))
