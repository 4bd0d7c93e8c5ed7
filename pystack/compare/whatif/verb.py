"""The verb: `pystack whatif 'iptables -P INPUT DROP'`."""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from typing import Final

from pystack.applets.running_tables import firewall_lines
from pystack.applets.virtual import run
from pystack.clock import Clock
from pystack.compare.one_line_parser import USAGE, OneLineParser
from pystack.compare.programs import nobody_refuses, stand_in_for_programs
from pystack.compare.whatif.judge import CUT, LET_IN, MOVED, Change, changes
from pystack.compare.whatif.probes import of_connections, of_listeners
from pystack.compare.whatif.published import published
from pystack.drivers.unavailable import PortUnavailable
from pystack.hooks.imported.imported import build
from pystack.hooks.imported.reading import Unreadable, read
from pystack.hooks.imported.sockets import listening
from pystack.host import Host

NOTHING_CUT: Final = 0
HARMED: Final = 1
LACKING: Final = 4


def _options(arguments: Sequence[str], netns: str, *, as_json: bool) -> argparse.Namespace:
    parser = OneLineParser(
        prog="pystack whatif",
        description="What a change would cut, before it is typed. Nothing is changed: two copies of the "
        "namespace are asked, one of them with the change. Asked are the next packet of each connection in "
        "each direction (of this host, forwarded, translated), and a first packet, from each link and from "
        "beyond, for each listening socket and each port that DNAT or REDIRECT publish.",
    )
    parser.add_argument("change", metavar="COMMAND", help="in quotes; several with `;`")
    parser.add_argument("--netns", default=netns, help="a name or a path; without: where you are")
    parser.add_argument("--json", action="store_true", default=as_json, help="one object a line")
    return parser.parse_args(arguments)


def whatif(arguments: Sequence[str], *, netns: str = "", as_json: bool = False) -> int:
    """Say what a change would cut; nothing is changed."""
    options = _options(arguments, netns, as_json=as_json)
    try:
        seen = read(options.netns)
    except (PortUnavailable, Unreadable) as error:
        return _complain([f"whatif: {error}"], LACKING)
    before, after = (build(seen, Host(seed=1, clock=Clock(wall=time.time()))) for _ in range(2))
    _complain([f"whatif: {sentence}" for sentence in before.left_out], 0)
    for copy in (before, after):
        stand_in_for_programs(copy.netns, nobody_refuses)
    ended = run(["sh", "-c", options.change], after.host)
    if ended.rc:
        said = [line.removeprefix("pystack: ") for line in ended.err.splitlines()]
        return _complain([f"whatif: {line}" for line in said], USAGE)
    sockets = list(listening(seen.sockets))
    ports = list(published(firewall_lines(before.netns)))
    flows = list(of_connections(before, seen.connections))
    found = list(changes(before.host, after.host, [*flows, *of_listeners(before, [*sockets, *ports])]))
    connections = len({probe.about for probe in flows})
    counts = connections, len(sockets), len(ports), len(seen.connections) - connections
    lines = (
        _json_lines(found) if options.json else [*_lines(found), f"{_counts(found)}, of {_asked(*counts)}"]
    )
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return HARMED if any(change.kind != LET_IN for change in found) else NOTHING_CUT


def _lines(found: list[Change]) -> Iterator[str]:
    for (kind, what), of_one in groupby(found, key=lambda change: (change.kind, change.probe.about)):
        yield f"{kind}: {what}"
        for change in of_one:
            yield f"    {change.probe.way}: {change.reason}"


def _counts(found: list[Change]) -> str:
    """Of connections, sockets and ports, not of packets; what is moved is told only where it happens."""
    many = {
        kind: len({change.probe.about for change in found if change.kind == kind})
        for kind in (CUT, MOVED, LET_IN)
    }
    return ", ".join(f"{count} {kind}" for kind, count in many.items() if count or kind != MOVED)


def _asked(connections: int, sockets: int, ports: int, others: int) -> str:
    asked = f"{connections} connections, {sockets} listening sockets, {ports} published ports"
    return asked + (f"; {others} connections are over, or of IPv6 or other protocols" if others else "")


def _json_lines(found: list[Change]) -> Iterator[str]:
    for change in found:
        told = {"v": 1, "type": change.kind, "about": change.probe.about, "way": change.probe.way}
        yield json.dumps({**told, "packet": change.probe.packet, "reason": change.reason})


def _complain(sentences: Iterable[str], rc: int) -> int:
    sys.stderr.write("".join(f"pystack: {sentence}\n" for sentence in sentences))
    return rc
