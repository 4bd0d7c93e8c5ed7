"""What both sides have, but not at the same place: by another port, in another order, in another step."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import Enum, auto
from itertools import islice
from typing import Final, NamedTuple

from pystack.compare.records import Captured, Frame, Hop, Output, Record, State

_MOST_LOOKED_AT: Final = 200  # records among which one is looked for: sides that differ in all are let be


class Move(Enum):
    """How a record's twin stands elsewhere, the likeliest first."""

    ORDER = auto()
    EGRESS = auto()
    STEP = auto()


class Twin(NamedTuple):
    """The same as pystack has it, and how that stands to where the kernel has it."""

    record: Record
    move: Move


def moves(
    kernel: Mapping[int, Record | None],
    pystack: Mapping[int, Record | None],
    alike: Callable[[Record, Record], bool],
) -> tuple[dict[int, Twin], set[int]]:
    """The twins of the kernel's records, and the keys that pystack's are taken from; what has one key on both
    sides is no twin.
    """
    waiting = {key: record for key, record in pystack.items() if record is not None}
    found: dict[int, Twin] = {}
    for move in Move:
        for key, theirs in kernel.items():
            if theirs is None or key in found:
                continue
            for other, ours in islice(waiting.items(), _MOST_LOOKED_AT):
                if other != key and move is _move(theirs, ours) and alike(theirs, ours):
                    found[key] = Twin(ours, move)
                    del waiting[other]
                    break
    return found, {key for key, record in pystack.items() if record is not None and key not in waiting}


def _move(theirs: Record, ours: Record) -> Move | None:
    if type(theirs) is not type(ours) or isinstance(theirs, Output | State):
        return None  # a command's output and a table stay where they are
    is_same_step = theirs.step == ours.step
    if _place(theirs) == _place(ours):
        return Move.ORDER if is_same_step else Move.STEP
    return Move.EGRESS if is_same_step and _way_in(theirs) == _way_in(ours) is not None else None


def _place(record: Record) -> object:
    match record:
        case Frame():
            return record.port
        case Captured():
            return record.device
        case Hop():
            return (_way_in(record), record.outdev, record.physout)
    return ""


def _way_in(record: Record) -> object:
    """What two records have in common that differ in their way out; None if they have none."""
    match record:
        case Frame():
            return record.dir
        case Hop():
            return (record.family, record.hook, record.priority, record.indev, record.physin)
    return None
