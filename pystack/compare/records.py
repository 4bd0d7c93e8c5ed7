"""What a side of a comparison yields: one record for everything that could be seen, in the order in which it
happened.

A field that is None was not observable on that side, which is never the same as equal.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from pystack.wire.ethernet import ETH_P_IP

KERNEL: Final = "kernel"
PYSTACK: Final = "pystack"

NO_LINK_HEADER: Final = bytes(12) + ETH_P_IP.to_bytes(2, "big")  # what a hop shows where there is none

Json = dict[str, object]


@dataclass(frozen=True, slots=True)
class Frame:
    """A frame at a port: "in" as it was injected, "out" as the side emitted it."""

    step: int
    port: str
    dir: str
    data: bytes

    def fields(self) -> Json:
        """What the JSON line carries."""
        return {"port": self.port, "dir": self.dir, "hex": self.data.hex()}


@dataclass(frozen=True, slots=True)
class Captured:
    """A frame that a tap on an inner device saw."""

    step: int
    device: str
    dir: str  # "in", "out"
    data: bytes

    def fields(self) -> Json:
        """What the JSON line carries."""
        return {"device": self.device, "dir": self.dir, "hex": self.data.hex()}


@dataclass(frozen=True, slots=True)
class Log:
    """A line of a LOG target, byte for byte."""

    step: int
    text: str

    def fields(self) -> Json:
        """What the JSON line carries."""
        return {"text": self.text}


@dataclass(frozen=True, slots=True)
class Hop:
    """A packet at a point of the path."""

    step: int
    packet: int
    family: str
    hook: str
    priority: int
    table: str | None
    chain: str | None
    rule: str | None
    indev: str | None
    outdev: str | None
    physin: str | None
    physout: str | None
    mark: int | None
    data: bytes
    verdict: str | None = None
    reason: str | None = None
    config: str | None = None

    def fields(self) -> Json:
        """What the JSON line carries."""
        return {
            "packet": self.packet,
            "family": self.family,
            "hook": self.hook,
            "priority": self.priority,
            "table": self.table,
            "chain": self.chain,
            "rule": self.rule,
            "in": self.indev,
            "out": self.outdev,
            "physin": self.physin,
            "physout": self.physout,
            "mark": self.mark,
            "hex": self.data.hex(),
            "verdict": self.verdict,
            "reason": self.reason,
            "config": self.config,
        }


@dataclass(frozen=True, slots=True)
class Output:
    """What a command printed, and how it ended."""

    step: int
    command: str
    rc: int
    text: str
    out: str
    err: str

    def fields(self) -> Json:
        """What the JSON line carries."""
        return {"rc": self.rc, "text": self.text, "out": self.out, "err": self.err, "command": self.command}


@dataclass(frozen=True, slots=True)
class State:
    """A table at the end: what is in it, a line an entry."""

    step: int
    what: str  # fdb, neigh, route, conntrack
    text: str

    def fields(self) -> Json:
        """What the JSON line carries."""
        return {"what": self.what, "text": self.text}


# Where a hop's line has another word than the field, or the same one.
_HOP_KEYS: Final = {"in": "indev", "out": "outdev"} | {
    name: name for name in Hop.__slots__ if name not in ("step", "indev", "outdev", "data")
}


@dataclass(frozen=True, slots=True)
class ConnChange:
    """A connection began, or changed: which, and what it has been through by now."""

    step: int
    text: str

    def fields(self) -> Json:
        """What the JSON line carries."""
        return {"text": self.text}


Record = Frame | Captured | Log | Hop | Output | State | ConnChange

TYPES: Final[dict[type, str]] = {
    Frame: "frame",
    Captured: "capture",
    Log: "log",
    Hop: "hop",
    Output: "output",
    State: "state",
    ConnChange: "connection",
}


def to_json(record: Record, side: str) -> Json:
    """The record as one object of the JSON stream."""
    head: Json = {"v": 1, "type": TYPES[type(record)], "side": side, "step": record.step}
    return head | record.fields()


def from_json(entry: Mapping[str, Any]) -> Record:
    """The record that an object of the stream tells of. Raises KeyError and ValueError where it tells of
    none.
    """
    step, get = int(entry["step"]), entry.__getitem__
    match entry["type"]:
        case "frame":
            return Frame(step, get("port"), get("dir"), bytes.fromhex(get("hex")))
        case "capture":
            return Captured(step, get("device"), get("dir"), bytes.fromhex(get("hex")))
        case "log":
            return Log(step, get("text"))
        case "hop":
            fields = {name: get(key) for key, name in _HOP_KEYS.items()}
            return Hop(step=step, data=bytes.fromhex(get("hex")), **fields)
        case "output":
            return Output(step, get("command"), get("rc"), get("text"), get("out"), get("err"))
        case "state":
            return State(step, get("what"), get("text"))
        case "connection":
            return ConnChange(step, get("text"))
    raise ValueError(f"unknown record {entry['type']!r}")
