"""Connections of two sides beside each other: how long each still lasts depends on when one looked, and who
asked for a change has a number that is drawn.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Final

from pystack.applets.conntrack.text import event_line
from pystack.netfilter.conntrack.context import Event
from pystack.netfilter.conntrack.info import (
    IPS_ASSURED,
    IPS_DST_NAT,
    IPS_DST_NAT_DONE,
    IPS_EXPECTED,
    IPS_SEEN_REPLY,
    IPS_SEQ_ADJUST,
    IPS_SRC_NAT,
    IPS_SRC_NAT_DONE,
)
from pystack.netfilter.conntrack.snapshot import Snapshot

_NAT: Final = IPS_SRC_NAT | IPS_DST_NAT | IPS_SRC_NAT_DONE | IPS_DST_NAT_DONE | IPS_SEQ_ADJUST
_STATUS: Final = IPS_EXPECTED | IPS_SEEN_REPLY | IPS_ASSURED | _NAT


def change_text(kind: str, conn: Snapshot) -> str:
    """A connection that began or changed, in what does not depend on when one looks."""
    plain = replace(conn, state=None, timeout=0, mark=0, counters=None, started=None, helper="")
    return f"[{kind}] {event_line(plain, Event.REPLY)} status={conn.status & _STATUS:#x}"


TOLERANCE: Final = 1  # seconds

# A line of a table, of events, or of what is expected; an event of the end leaves out a time of 0.
_TIMED: Final = re.compile(
    r"(?P<head>(?: *\[[A-Z]+\] )?(?:ipv[46] +\d+ )?[a-z]\S+ +\d+ |-[AUD] -t )"
    r"(?:(?P<time>\d+) )?(?P<rest>\S.*?)(?: use=\d+)?"
    r"|(?P<word>(?: *\[[A-Z]+\] )?)(?P<left>\d+) (?P<expected>(?:proto=|l3proto = ).*)"
)
_BY_USER: Final = re.compile(r" \[USERSPACE\] portid=\d+(?: progname=\S+)?$")
_ENDS: Final = ("[DESTROY]", "-D ")
_FILES: Final = ("/proc/net/nf_conntrack", "/proc/net/nf_conntrack_expect")


def shows_connections(command: str) -> bool:
    """Whether a command prints connections, or what becomes of them."""
    words = command.split()
    return words[:1] == ["conntrack"] or (words[:1] == ["cat"] and set(words[1:]) <= set(_FILES))


def without_time(line: str) -> str:
    """A line without how long it lasts and who holds it; any other line as it is."""
    return _parts(line)[1]


def reconciled(theirs: Sequence[str], ours: Sequence[str]) -> tuple[list[str], list[str]]:
    """The lines of both sides; those alike that last as long, give or take TOLERANCE, say so no more."""
    left, right = list(theirs), list(ours)
    for at, line in enumerate(left):
        for other, mine in enumerate(right):
            if line != mine and _lasts_alike(line, mine):
                left[at] = right[other] = without_time(line)
                break
    return left, right


def reconciled_events(theirs: Sequence[str], ours: Sequence[str]) -> tuple[list[str], list[str]]:
    """The same where lines have an order: each is held against the one that stands where it stands.

    When all connections are ended at once, the kernel's order is that of buckets.
    """
    left, right = list(_in_order(theirs)), list(_in_order(ours))
    for at, (line, mine) in enumerate(zip(left, right, strict=False)):
        if line != mine and _lasts_alike(line, mine):
            left[at] = right[at] = without_time(line)
    return left, right


def _in_order(lines: Sequence[str]) -> Iterator[str]:
    for ends, group in groupby(lines, lambda line: line.startswith(_ENDS)):
        found = list(group)
        yield from sorted(found, key=without_time) if ends else found


def _lasts_alike(line: str, mine: str) -> bool:
    one, two = _parts(line), _parts(mine)
    return one[1] == two[1] and abs(one[0] - two[0]) <= TOLERANCE


def _parts(line: str) -> tuple[int, str]:
    """For how long, and the rest of the line."""
    plain = _BY_USER.sub(" [USERSPACE]", line)
    found = _TIMED.fullmatch(plain)
    if found is None:
        return 0, plain
    if found["left"] is not None:
        return int(found["left"]), f"{found['word']}T {found['expected']}"
    return int(found["time"] or 0), f"{found['head']}T {found['rest']}"
