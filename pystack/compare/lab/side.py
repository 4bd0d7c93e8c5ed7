"""What plays scenarios: the kernel in a namespace, the kernel in a VM, pystack in virtual time."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol

from pystack.compare.records import Record
from pystack.compare.scenario import Scenario, Topology

COMMAND_PATIENCE: Final = 60.0  # seconds that a `run` may take, on any side
STOP_SIGNAL: Final = 2  # SIGINT: what a user presses, and what tcpdump and ping answer with their sums

# What tables hold at the end is told in the words of these commands.
STATES: Final[Mapping[str, tuple[str, ...]]] = {
    "fdb": ("bridge", "fdb", "show"),
    "neigh": ("ip", "neigh", "show"),
    "route": ("ip", "route", "show"),
    "conntrack": ("conntrack", "-L"),
}


class SideError(Exception):
    """A side cannot do what a scenario asks: a setup line it refuses, a right or a feature that is missing.

    Each complaint is a sentence that names file and line where there are any; the runner makes `error` of it,
    or `skipped` if `missing` is true.
    """

    def __init__(self, complaints: list[str], missing: bool = False) -> None:
        super().__init__("\n".join(complaints))
        self.complaints = complaints
        self.missing = missing


@dataclass(frozen=True, slots=True)
class Choices:
    """What one side drew by chance, for the other to take over, so that the rest stays comparable."""

    addresses: Mapping[str, bytes] = field(
        default_factory=dict
    )  # by device, in other namespaces by NETNS/DEV
    mappings: tuple[tuple[bytes, bytes], ...] = ()  # connections that began, by their two tuples (tuples.py)


class Side(Protocol):
    """A stack that scenarios are played on.

    `open` builds what scenarios with an equal topology share, `play` leaves it as it found it: dynamic state
    (learned FDB entries, neighbours, cached routes, conntrack, counters) is flushed, commands are ended.
    A scenario whose `run` steps change the configuration leaves a side that has to be built again before the
    next one; the side finds that out itself.
    """

    def open(self, topology: Topology, file: str = "<setup>", line: int = 1) -> None:
        """Build the ports, 02:00:00:00:00:01… in order and down, and run the setup.

        `file` and `line` say where the setup's first line stands, for complaints. Opening what is open builds
        anew only what differs. Raises SideError, with nothing left behind.
        """

    def lacks(self, needs: Collection[str]) -> list[str]:
        """Which of these features (features.py) this side does not have here."""

    def choices(self) -> Choices:
        """What was drawn while the topology was built, and while a scenario was played on it."""

    def adopt(self, choices: Choices) -> None:
        """Take over what the other side drew; before `open` and `play`."""

    def play(self, scenario: Scenario, hops: bool = True) -> list[Record]:
        """Play every step, in the order of the file; records in the order in which things happened.

        Steps count from 1; step 0 are the frames that the setup sent out of the ports. Stations are heard and
        answer as station.py says, their frames are recorded as those of a Send; `stop` sends STOP_SIGNAL. At
        the end, in the last step: the output of commands that were not stopped, then a State record for each
        of STATES.
        """

    def close(self) -> None:
        """Put everything back. May be called at any time, and twice."""


class Oracle(Side, Protocol):
    """A side that is a kernel."""

    def version(self) -> tuple[int, int]:
        """Which one: major and minor. Raises SideError where there is none."""
