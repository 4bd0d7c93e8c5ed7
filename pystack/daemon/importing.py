"""`pystack import [NETNS]` and `--host`: a namespace of the kernel as a setup, and as a host of ours."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from typing import Final

from pystack.clock import Clock
from pystack.daemon.in_process import Manner, complain, run_on
from pystack.daemon.output import write_all
from pystack.drivers.unavailable import PortUnavailable
from pystack.hooks.imported.building import Building
from pystack.hooks.imported.imported import build
from pystack.hooks.imported.reading import Unreadable, read
from pystack.hooks.imported.text import lines
from pystack.host import Host

DONE: Final = 0
LACKING: Final = 4


def print_state(netns: str) -> int:
    """The setup on standard output; on standard error, by name, what is left out."""
    try:
        building = taken_over(netns)
    except (PortUnavailable, Unreadable) as error:
        return complain([f"import: {error}"], LACKING)
    named = [*building.left_out, *building.of_programs]
    text = "".join(f"{line}\n" for line in lines(building))
    write_all(1, text.encode(errors="surrogateescape"))
    return complain([f"import: {sentence}" for sentence in named], DONE)


def run_on_copy(argv: Sequence[str], netns: str, manner: Manner) -> int:
    """Run a command on a host that is like a namespace; what is left out of it may decide, so it is named."""
    try:
        building = taken_over(netns)
    except (PortUnavailable, Unreadable) as error:
        return complain([f"--host: {error}"], LACKING)
    complain([f"--host: {sentence}" for sentence in building.left_out], DONE)
    return run_on(building.host, argv, manner, building.ports)


def taken_over(netns: str) -> Building:
    """A host as a namespace is now; our own for an empty name. Raises PortUnavailable, Unreadable."""
    seen = read(netns)
    return build(seen, Host(seed=int.from_bytes(os.urandom(8)), clock=Clock(wall=time.time())))
