"""Connections of two sides beside each other: how long each still lasts depends on when one looked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Final

from pystack.applets.conntrack.text import event_line
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
    plain = replace(conn, state=None, timeout=0, mark=0, counters=None, age=None)
    return f"[{kind}] {event_line(plain, ended=False)} status={conn.status & _STATUS:#x}"


TOLERANCE: Final = 1  # seconds

_TIMED: Final = re.compile(r"( *(?:\[\w+\] )?\S+ +\d+) (\d+) (.*?)( use=\d+)?")


def without_time(line: str) -> str:
    """A line of `conntrack -L` or `-E` without how long it lasts and who holds it; any other as it is."""
    found = _TIMED.fullmatch(line)
    return line if found is None else f"{found[1]} T {found[3]}"


def reconciled(theirs: Sequence[str], ours: Sequence[str]) -> tuple[list[str], list[str]]:
    """The lines of both sides; those alike that last as long, give or take TOLERANCE, say so no more."""
    left, right = list(theirs), list(ours)
    for at, line in enumerate(left):
        for other, mine in enumerate(right):
            if line != mine and _lasts_alike(line, mine):
                left[at] = right[other] = without_time(line)
                break
    return left, right


def _lasts_alike(line: str, mine: str) -> bool:
    one, two = _TIMED.fullmatch(line), _TIMED.fullmatch(mine)
    if one is None or two is None or without_time(line) != without_time(mine):
        return False
    return abs(int(one[2]) - int(two[2])) <= TOLERANCE
