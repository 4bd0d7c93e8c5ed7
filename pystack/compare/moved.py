"""What both sides have, but not at the same place: by another port, in another order, in another step."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import Enum
from itertools import islice
from typing import Final

from pystack.compare.records import Captured, Frame, Hop, Log, Record

_MOST_LOOKED_AT: Final = 200  # records among which one is looked for: sides that differ in all are let be


class Move(Enum):
    """How a record's twin stands elsewhere, the likeliest first."""

    ORDER = "in another order"
    EGRESS = "another port"
    STEP = "in another step"


def moves(
    kernel: Sequence[Record | None],
    pystack: Sequence[Record | None],
    alike: Callable[[Record, Record], bool],
) -> dict[int, tuple[int, Move]]:
    """For indexes of `kernel`, where its twin stands in `pystack`; what stands at one index is no twin."""
    waiting = {index: record for index, record in enumerate(pystack) if record is not None}
    found: dict[int, tuple[int, Move]] = {}
    for move in Move:
        for index, theirs in enumerate(kernel):
            if theirs is None or index in found:
                continue
            for other, ours in islice(waiting.items(), _MOST_LOOKED_AT):
                if other != index and move is _move(theirs, ours) and alike(theirs, ours):
                    found[index] = other, move
                    del waiting[other]
                    break
    return found


def _move(theirs: Record, ours: Record) -> Move | None:
    if type(theirs) is not type(ours):
        return None
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
        case Log():
            return ""
    return record  # a command's output and a table stay where they are


def _way_in(record: Record) -> object:
    """What two records have in common that differ in their way out; None if they have none."""
    match record:
        case Frame():
            return record.dir
        case Hop():
            return (record.family, record.hook, record.priority, record.indev, record.physin)
    return None
