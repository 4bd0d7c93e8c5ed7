"""Which hook of the copy a point of the kernel stands for, and which points make a whole of it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pystack.hooks.shim.placement import Refused
from pystack.netfilter.hooks import FORWARD, INPUT, IP_HOOK_NAMES, OUTPUT, POSTROUTING, PREROUTING

BEGINNINGS: Final = frozenset({PREROUTING, OUTPUT})
_BEHIND: Final = {PREROUTING: (INPUT, FORWARD, POSTROUTING), FORWARD: (POSTROUTING,), OUTPUT: (POSTROUTING,)}
_TRANSLATED_AT: Final = (PREROUTING, INPUT, OUTPUT, POSTROUTING)
_ANYWHERE: Final = "mangle"
_IN_FRONT: Final = "raw"  # the table whose rules see a packet before its connection is looked for


def hook_of(point: str) -> int:
    """The number of its hook."""
    return IP_HOOK_NAMES.index(point.partition("/")[2].upper())


def last_hooks(points: Sequence[str]) -> frozenset[int]:
    """Those behind which no packet is seen again. Raises Refused where the points leave that open."""
    hooks = [hook_of(point) for point in points]
    for first, second in ((a, b) for at, a in enumerate(points) for b in points[at + 1 :]):
        if hook_of(first) == hook_of(second):
            raise Refused(f"{first} and {second} are one hook, and the copy's rules there are asked once")
    here, onward = INPUT in hooks, FORWARD in hooks or POSTROUTING in hooks
    if PREROUTING in hooks and here != onward:
        needed = "forward or postrouting" if here else "input"
        raise Refused(f"prerouting needs {needed}, too: connections begin where their packets' way ends")
    return frozenset(hook for hook in hooks if not set(_BEHIND.get(hook, ())) & set(hooks))


def missing_for_nat(points: Sequence[str], *, kernel_tracks: bool) -> list[str]:
    """Which points it takes that what the copy makes of addresses can be the kernel's: each end of a
    connection has one, and the kernel, if it tracks connections, only ever sees the inner side.
    """
    tables = {hook_of(point): point.partition("/")[0] for point in points}
    missing = []
    for hook in _TRANSLATED_AT:
        in_front = kernel_tracks and hook in BEGINNINGS
        if hook not in tables or (in_front and tables[hook] != _IN_FRONT):
            missing.append(f"{_IN_FRONT if in_front else _ANYWHERE}/{IP_HOOK_NAMES[hook].lower()}")
    return missing
