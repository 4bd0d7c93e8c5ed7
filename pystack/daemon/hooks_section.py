"""[hooks]: what its keys must be together, and the name that the kernel's namespace gets here."""

from __future__ import annotations

import os
from collections.abc import Iterator
from difflib import get_close_matches
from typing import Final

from pystack.daemon.names import is_netns_name
from pystack.daemon.settings import Complaint, HookSettings
from pystack.hooks.judge.points import hook_of, last_hooks
from pystack.hooks.shim.placement import POINTS, Refused
from pystack.netfilter.hooks import PREROUTING

OWN: Final = "host"  # what the daemon's own namespace of the kernel is called in pystack
SHORTEST, LONGEST = 20, 10_000  # milliseconds that a packet may wait
_LAST_QUEUE: Final = 0xFFFF


class HooksFailed(Exception):
    """We cannot stand in the kernel's path, or not read it; the sentence says why."""


def namespace_of(hooks: HookSettings) -> str:
    """The namespace of pystack's that is the kernel's."""
    return os.path.basename(hooks.netns) or OWN


def points_of(hooks: HookSettings) -> list[str]:
    """Where we stand: packets are taken over where they come in."""
    if hooks.mode != "divert":
        return hooks.points
    return [point for point in hooks.points if hook_of(point) == PREROUTING]


def hooks_complaints(hooks: HookSettings) -> Iterator[Complaint]:
    """All that is wrong with a section."""
    if not is_netns_name(hooks.netns):
        yield "netns", "neither a name nor a path of a network namespace"
    for point in hooks.points:
        if point not in POINTS:
            close = get_close_matches(point.lower(), POINTS, n=1, cutoff=0.5)
            hint = f"did you mean {close[0]}?" if close else f"known: {', '.join(POINTS)}"
            yield "points", f"unknown point {point!r} ({hint})"
        elif hooks.points.count(point) > 1:
            yield "points", f"{point} is there more than once"
    if not hooks.points:
        yield "points", "none"
    elif hooks.mode == "divert" and not any(point.endswith("/prerouting") for point in hooks.points):
        yield "points", "none at prerouting, where packets are taken over"
    elif hooks.mode != "divert" and set(POINTS).issuperset(hooks.points):
        yield from _unjudgeable(hooks)
    if not 0 <= hooks.queue_base <= _LAST_QUEUE + 1 - len(hooks.points):
        yield "queue_base", f"queues have numbers from 0 to {_LAST_QUEUE}"
    if not SHORTEST <= hooks.deadline_ms <= LONGEST:
        yield "deadline_ms", f"from {SHORTEST} to {LONGEST}"


def _unjudgeable(hooks: HookSettings) -> Iterator[Complaint]:
    try:
        last_hooks(hooks.points)
    except Refused as error:
        yield "points", str(error)
