"""What an explanation is made of: a packet's way, stage by stage, each with what decided."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from pystack.explain.path_kind import Crossed

Json = dict[str, object]

DROPPED: Final = "dropped"  # how such an end begins


@dataclass(frozen=True, slots=True)
class Reason:
    """One sentence of a why, and the line of configuration that it rests on."""

    text: str
    config: str = ""  # FILE:LINE

    def to_json(self) -> Json:
        """For programs."""
        return {"text": self.text, "config": self.config or None}


@dataclass(frozen=True, slots=True)
class Told:
    """What is to be said of a decision, wherever it is made."""

    text: str  # the outcome, in a few words
    function: str = ""  # Linux: where the kernel decides this
    reasons: tuple[Reason, ...] = ()
    config: str = ""  # the line that decided


@dataclass(frozen=True, slots=True)
class Stage:
    """One stop on the way."""

    packet: int
    netns: str
    kind: str  # rx, bridge, hook, connection, nat, route, length, neighbour, arp, protocol, tx, drop
    place: str  # the device, the hook, the table
    told: Told
    changes: tuple[str, ...] = ()
    drop: str = ""  # the kernel's name of the reason
    verbose: bool = False  # nothing happened here: shown with --detailed

    def to_json(self) -> Json:
        """For programs."""
        return {
            "v": 1,
            "type": "stage",
            "packet": self.packet,
            "netns": self.netns,
            "kind": self.kind,
            "place": self.place,
            "text": self.told.text,
            "why": [reason.to_json() for reason in self.told.reasons],
            "changes": list(self.changes),
            "config": self.told.config or None,
            "function": self.told.function or None,
            "drop": self.drop or None,
        }


class Step(NamedTuple):
    """What one rule of netfilter said, or a chain's policy."""

    family: int
    text: str  # `filter:INPUT:1 (-p icmp -j DROP): DROP`
    verdict: int
    config: str


class Passing(NamedTuple):
    """A hook that a packet met."""

    crossed: Crossed
    log: str  # what a LOG rule there would begin its line with
    lines: tuple[str, ...] = ()  # what those that are there print


@dataclass(slots=True)
class Traveller:
    """One packet on its way; clones of it travel under the same number."""

    number: int
    netns: str
    first: bytes  # as it was first seen
    has_link: bool  # whether that begins with a link header
    protocol: int
    begins: str  # where it was first seen: "in tap1", "made here"
    cause: int = 0  # the packet that was being handled when this one was made
    network: bytes = b""  # as it was last seen, from the network header on
    network_protocol: int = 0  # and what that is
    ends: list[str] = field(default_factory=list)
    mark: int = 0  # as it was last seen
    hook: str = ""  # where it was last seen to enter one
    steps: list[Step] = field(default_factory=list)  # at the hook where it is
    misfit: str = ""  # why it fits no connection
    waits: str = ""  # for what, if it has no end yet
    passed: list[Passing] = field(default_factory=list)
    path: str = ""  # its kind: 1-7, 4-lo-4 …; known once nothing moves any more

    @property
    def frame(self) -> bytes:
        """With a link header in any case."""
        return self.first if self.has_link else bytes(12) + self.protocol.to_bytes(2, "big") + self.first

    def logged(self) -> Iterator[Json]:
        """The lines that LOG rules print of it, for programs."""
        for passing in self.passed:
            where = {"family": passing.crossed.family, "hook": passing.crossed.hook}
            for line in passing.lines:
                yield {"v": 1, "type": "log", "packet": self.number, **where, "text": line}

    def to_json(self) -> Json:
        """For programs."""
        return {
            "v": 1,
            "type": "packet",
            "packet": self.number,
            "netns": self.netns,
            "begins": self.begins,
            "cause": self.cause or None,
            "hex": self.first.hex(),
        }
