"""What the daemon, and commands with a stack of their own, agree on with Python's garbage collector."""

from __future__ import annotations

import gc
from typing import Final

NEVER: Final = 1_000_000_000


def gc_discipline() -> None:
    """Call once after start, when modules, tables and tasks are there.

    A full (generation 2) collection looks at every object there is: half a second at a million conntrack
    entries, during which no packet moves. So what exists now is taken out of its sight, and it never runs by
    itself. Nothing on the packet path makes cycles, so nothing is lost; the cheap young collections go on and
    catch what trio and the commands leave behind. A full collection by hand (`gc.collect()`) after a reload
    is welcome. A command that reads a large file would spend half its time in full collections.
    """
    gc.collect()
    gc.freeze()
    young, middle, _ = gc.get_threshold()
    gc.set_threshold(young, middle, NEVER)
