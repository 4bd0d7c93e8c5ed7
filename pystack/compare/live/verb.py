"""The verb: `pystack compare live`."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack, closing
from functools import partial
from importlib.util import find_spec
from typing import Final

from pystack.applets.tcpdump.filter import FilterError, Subject, Test, compile_filter, matches
from pystack.applets.tcpdump.link import EN10MB
from pystack.applets.tcpdump.names import Names
from pystack.clock import Clock
from pystack.compare.live.causes import Cause
from pystack.compare.live.comparison import Comparison, Wanted
from pystack.compare.live.errors import LiveUnavailable
from pystack.compare.live.examples.afterwards import Afterwards
from pystack.compare.live.examples.keeper import Keeper, NoFolder
from pystack.compare.live.examples.reproduction import Reproduction, reproduction
from pystack.compare.live.following import Following
from pystack.compare.live.history import History
from pystack.compare.live.kernel import LiveKernel
from pystack.compare.live.report import WIDE
from pystack.compare.live.sample import Sample
from pystack.compare.live.screen import Lines, Page, Screen, Text
from pystack.compare.live.sources import Sources
from pystack.compare.live.state import first_line_of
from pystack.compare.live.watch import Watch
from pystack.compare.one_line_parser import USAGE, OneLineParser
from pystack.compare.points import framed
from pystack.compare.records import Hop
from pystack.drivers.kernel_netns import HeldNetns
from pystack.drivers.unavailable import PortUnavailable
from pystack.errors import NotModelled
from pystack.hooks.imported.building import Building
from pystack.hooks.imported.imported import build
from pystack.hooks.imported.reading import Unreadable, read, read_links
from pystack.hooks.shim.placement import USUAL, Refused
from pystack.hooks.shim.rules import ShimsUnavailable
from pystack.hooks.shim.shims import Shims
from pystack.host import Host

SAME: Final = 0
DIFFERS: Final = 1
LACKING: Final = 4


def _options(arguments: Sequence[str], *, as_json: bool) -> argparse.Namespace:
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
    add("--packets", action="store_true", help="a line for every packet, not only for those that differ")
    add("--hops", action="store_true", help="the same, with both ways of each")
    add("--filter", metavar="EXPRESSION", default="", help="only these, in tcpdump's words")
    add("--sample", type=int, default=0, metavar="N", help="look at one flow in N")
    add("--rate", type=int, default=0, metavar="N", help="look at N packets a second at most")
    add("--shims", nargs="?", const=",".join(USUAL), default="", metavar="POINTS", help="NFQUEUE rules, too")
    add(
        "--keep",
        metavar="DIR",
        help="for each cause a scenario for `pystack compare lab`, as small as it can be",
    )
    add("--third", action="store_true", help="at the end ask another kernel that gets the copy's state, too")
    add("--json", action="store_true", default=as_json, help="one object a line")
    options = parser.parse_args(arguments)
    if options.sample < 0 or options.rate < 0:
        parser.error("--sample and --rate take a number of flows, of packets")
    if options.count < 0 or not options.seconds >= 0:
        parser.error("-c and --seconds take a number of packets, of seconds; 0: no end")
    return options


def compare_live(arguments: Sequence[str], *, as_json: bool = False) -> int:
    """Until Ctrl-C, or as long as was asked for."""
    options = _options(arguments, as_json=as_json)
    text = Text()
    try:
        wanted = _wanted(options.filter)
    except (FilterError, NotModelled) as error:
        text.note(f"--filter: {error}")
        return USAGE

    try:
        with ExitStack() as outer, ExitStack() as stack:
            netns = outer.enter_context(closing(HeldNetns(options.netns)))
            return _compared(netns, options, wanted, outer, stack)
    except NoFolder as error:
        text.note(f"--keep: {error}")
        return USAGE
    except (LiveUnavailable, PortUnavailable, Unreadable, Refused, ShimsUnavailable) as error:
        text.note(str(error))
        return LACKING


def _page(options: argparse.Namespace, stack: ExitStack) -> Page:
    """For whoever reads: a program, a file, or eyes on a terminal, as long as the stack is open."""
    if options.json:
        return Lines(hops=options.hops)
    is_terminal = sys.stdout.isatty()
    is_dumb = not is_terminal or os.environ.get("TERM", "dumb") == "dumb"
    if is_dumb or options.packets or options.hops or find_spec("rich") is None:
        width = min(shutil.get_terminal_size().columns, WIDE) if is_terminal else WIDE
        return Text(packets=options.packets, hops=options.hops, width=width)
    from pystack.compare.live.display import Display

    return stack.enter_context(closing(Display()))


def _compared(
    held: HeldNetns, options: argparse.Namespace, wanted: Wanted, outer: ExitStack, stack: ExitStack
) -> int:
    """Packets and changes are heard before all is read; what was added is gone before the end is told, which
    is when the inner stack has been closed. A folder is begun once there is something to watch.
    """
    netns = held.path
    page = _page(options, stack)

    def copy_of(clock: Clock | None = None) -> Building:
        return build(read(netns), Host(seed=1, clock=clock or Clock(wall=time.time())))

    shims = stack.enter_context(Shims(netns, [point for point in options.shims.split(",") if point]))
    kernel = stack.enter_context(LiveKernel(netns, build(read_links(netns), Host(seed=1)).entrances))
    following = None if options.no_follow else stack.enter_context(closing(Following(netns)))
    building = copy_of()
    for sentence in building.left_out:
        page.note(sentence)
    keeper = outer.enter_context(closing(Keeper(options.keep))) if options.keep else None
    history = History() if keeper or options.third else None
    sample = Sample(options.sample, options.rate)
    comparison = Comparison(building, wanted, Sources(partial(first_line_of, netns)), history, sample)
    screen: Screen = page
    if history is not None:
        screen = Afterwards(page, partial(_reproduction, comparison, history), keeper, third=options.third)
    kernel.probe(building.entrances)
    if following is not None:
        following.keep(building)
    watch = Watch(held, kernel, comparison, screen, copy_of, following)
    watch.run(seconds=options.seconds, count=options.count)
    counts = shims.counts()
    stack.close()
    watch.end(counts)
    if held.is_deleted():
        raise LiveUnavailable(f"namespace {held.name} was deleted")
    return DIFFERS if comparison.tally.differ else SAME


def _reproduction(comparison: Comparison, history: History, cause: Cause) -> Reproduction:
    return reproduction(comparison.building, history.of([cause.example.first]), cause.example)


def _wanted(expression: str) -> Wanted:
    """Raises FilterError, NotModelled."""
    test: Test = compile_filter(expression, EN10MB, Names(), live=False)

    def is_wanted(hop: Hop) -> bool:
        frame = framed(hop)
        return matches(test, Subject(frame, len(frame)))

    return is_wanted
