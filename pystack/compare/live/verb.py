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
from pystack.compare.live.following import Following
from pystack.compare.live.judge import Verdict
from pystack.compare.live.kernel import LiveKernel
from pystack.compare.live.report import columns, line, summary
from pystack.compare.one_line_parser import OneLineParser
from pystack.drivers.unavailable import PortUnavailable
from pystack.hooks.imported.building import Building
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
    add("--no-follow", action="store_true", help="stay with the state of the beginning")
    add("--hops", action="store_true", help="both ways of every packet, not only of those that differ")
    return parser.parse_args(arguments)


def compare_live(arguments: Sequence[str]) -> int:
    """Until Ctrl-C, or as long as was asked for."""
    options = _options(arguments)
    try:
        building = _copy_of(options.netns)
        _complain(building.left_out)
        with LiveKernel(options.netns, _numbers(building)) as kernel:
            watch = Watch(kernel, Comparison(building), options)
            watch.run()
    except (LiveUnavailable, PortUnavailable, Unreadable) as error:
        _complain([str(error)])
        return LACKING
    comparison = watch.comparison
    _show(comparison.rest(), hops=options.hops)
    _print(summary(comparison.tally, comparison.late))
    return DIFFERS if comparison.tally.differ else SAME


class Watch:
    """The loop: what the kernel reports, what it changes, what comes of the comparison."""

    def __init__(self, kernel: LiveKernel, comparison: Comparison, options: argparse.Namespace) -> None:
        self.comparison = comparison
        self._kernel = kernel
        self._options = options
        self._following = None if options.no_follow else Following(options.netns)

    def run(self) -> None:
        """Until it is over."""
        start, poll = time.monotonic(), select.poll()
        poll.register(self._kernel.fileno(), select.POLLIN)
        try:
            while not self._is_over(time.monotonic() - start):
                poll.poll(TICK * 1000)
                self._look(time.monotonic() - start)
        except KeyboardInterrupt:
            pass  # how it usually ends
        finally:
            if self._following is not None:
                self._following.close()

    def _look(self, now: float) -> None:
        comparison = self.comparison
        for original, reply in self._kernel.begun():
            comparison.adopt(original, reply)
        hops, lost = self._kernel.read()
        comparison.hear(hops, now, lost)
        if self._following is not None:
            changed = self._following.look(comparison.building, now)
            if changed:
                self._begin_anew(", ".join(sorted(changed)))
        _show(comparison.settled(now), hops=self._options.hops)

    def _begin_anew(self, changed: str) -> None:
        _complain([f"{changed} changed: read again"])
        comparison = self.comparison
        building = _copy_of(self._options.netns, comparison.building.host.clock)
        new = [sentence for sentence in building.left_out if sentence not in comparison.building.left_out]
        _complain(new)
        comparison.replace(building, f"{changed} changed meanwhile")

    def _is_over(self, now: float) -> bool:
        options = self._options
        if options.seconds and now >= options.seconds:
            return True
        return bool(options.count) and self.comparison.tally.compared >= options.count


def _copy_of(netns: str, clock: Clock | None = None) -> Building:
    return build(read(netns), Host(seed=1, clock=clock or Clock(wall=time.time())))


def _numbers(building: Building) -> dict[str, int]:
    return {name: dev.ifindex for name, dev in building.ports.items()}


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
