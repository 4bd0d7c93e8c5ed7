"""The verb: `pystack whatif 'iptables -P INPUT DROP'`."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable, Sequence
from itertools import groupby
from typing import Final

from pystack.applets.virtual import run
from pystack.clock import Clock
from pystack.compare.one_line_parser import USAGE, OneLineParser
from pystack.compare.programs import nobody_refuses, stand_in_for_programs
from pystack.compare.whatif.judge import Change, changes
from pystack.compare.whatif.probes import of_connections, of_listeners
from pystack.drivers.unavailable import PortUnavailable
from pystack.hooks.imported.imported import build
from pystack.hooks.imported.reading import Unreadable, read
from pystack.hooks.imported.sockets import listening
from pystack.host import Host

NOTHING_CUT: Final = 0
CUT: Final = 1
LACKING: Final = 4


def whatif(arguments: Sequence[str], *, netns: str = "", as_json: bool = False) -> int:
    """Say what a change would cut; nothing is changed."""
    parser = OneLineParser(
        prog="pystack whatif",
        description="Which live connections and listening sockets a change would cut, before it is typed. "
        "Nothing is changed: two copies of the namespace are asked.",
    )
    parser.add_argument("change", metavar="COMMAND", help="in quotes; several with `;`")
    parser.add_argument("--netns", default=netns, help="a name or a path; without: where you are")
    parser.add_argument("--json", action="store_true", default=as_json, help="one object a line")
    options = parser.parse_args(arguments)
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
    probes = [*of_connections(before, seen.connections), *of_listeners(before, sockets)]
    found = list(changes(before.host, after.host, probes))
    lines = _json_lines(found) if options.json else _lines(found, len(seen.connections), len(sockets))
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    return CUT if any(change.is_cut for change in found) else NOTHING_CUT


def _lines(found: list[Change], connections: int, sockets: int) -> Iterable[str]:
    for about, of_one in groupby(found, key=lambda change: (change.is_cut, change.probe.about)):
        is_cut, what = about
        yield f"{'cut' if is_cut else 'let in'}: {what}"
        for change in of_one:
            why = change.after.why if is_cut else f"before: {change.before.why}"
            yield f"    {change.probe.way}: {why}"
    cut = len({change.probe.about for change in found if change.is_cut})
    opened = len({change.probe.about for change in found if not change.is_cut})
    yield f"{cut} cut, {opened} let in, of {connections} connections and {sockets} listening sockets"


def _json_lines(found: list[Change]) -> Iterable[str]:
    for change in found:
        told = {"v": 1, "type": "cut" if change.is_cut else "let in", "about": change.probe.about}
        why = (change.after if change.is_cut else change.before).why
        yield json.dumps({**told, "way": change.probe.way, "packet": change.probe.packet, "reason": why})


def _complain(sentences: Iterable[str], rc: int) -> int:
    sys.stderr.write("".join(f"pystack: {sentence}\n" for sentence in sentences))
    return rc
