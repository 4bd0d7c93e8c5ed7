"""A scenario: a setup, and what then happens to it; told once, played by both sides."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

IPV4_ALONE: Final = ("ip",)  # the protocols whose hooks are observed unless a scenario says more


@dataclass(frozen=True, slots=True)
class Send:
    """Frames enter by a port."""

    port: str
    frames: tuple[bytes, ...]
    text: str  # as the file has it
    relative: bool = False  # TCP numbers that the stack chose count from its first one


@dataclass(frozen=True, slots=True)
class Call:
    """One call on a socket, in the words of calls.py."""

    text: str


@dataclass(frozen=True, slots=True)
class Run:
    """One simple command, to its end; hosts go on answering meanwhile."""

    command: str


@dataclass(frozen=True, slots=True)
class Start:
    """A command that is left running."""

    command: str
    name: str


@dataclass(frozen=True, slots=True)
class Stop:
    """The end of one that was."""

    name: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Time passes: real for the kernel, virtual for pystack."""

    seconds: float


Step = Send | Call | Run | Start | Stop | Wait


@dataclass(frozen=True, slots=True)
class Station:
    """Somebody behind a port who answers ARP and echo by himself."""

    name: str
    port: str
    mac: bytes
    addresses: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Topology:
    """What scenarios with an equal setup can share."""

    ports: tuple[str, ...]
    setup: str
    ipv6: bool = False
    offload: bool = False
    hash_seed: int | None = None


@dataclass(frozen=True, slots=True)
class Expectation:
    """What a learner wrote down beforehand: what `--predict` shows beside both sides."""

    path: str = ""
    log: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scenario:
    """One file."""

    file: str
    title: str
    topology: Topology
    steps: tuple[Step, ...]
    stations: tuple[Station, ...] = ()
    capture: tuple[str, ...] = ()
    claim: str = ""
    verdict: str = ""
    kernel: str = ""
    needs: tuple[str, ...] = ()
    family: tuple[str, ...] = IPV4_ALONE
    expectations: tuple[Expectation, ...] = ()
    step_lines: tuple[int, ...] = field(default=())  # where each step stands in the file
    setup_line: int = 1  # where the first line of the setup stands
    capture_line: int = 1

    def place(self, step: int) -> str:
        """Where a step stands, counted from 1, for complaints."""
        return f"{self.file}:{self.step_lines[step - 1]}" if self.step_lines else self.file
