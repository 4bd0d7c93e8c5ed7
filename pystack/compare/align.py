"""Pairs what the two sides yielded: like with like where there is like, else what is near.

Order is compared where it means something: frames of one port, captures of one device, hops of one packet,
log lines, a command's output. Between ports it means nothing: a kernel with two processors has none.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

from pystack.compare.records import Captured, ConnChange, Frame, Hop, Log, Output, Record, State

T = TypeVar("T")
Same = Callable[[T, T], bool]

_QUADRATIC_LIMIT: Final = 1_000_000  # cells; longer streams are paired greedily


@dataclass(frozen=True, slots=True)
class Pair:
    """One thing as both sides saw it; None where a side has nothing to set against it."""

    kernel: Record | None
    pystack: Record | None

    @property
    def step(self) -> int:
        """Of the scenario."""
        return self._shown.step

    @property
    def at(self) -> str:
        """Where it was seen, in words."""
        return place(self._shown)

    @property
    def _shown(self) -> Record:
        shown = self.pystack if self.kernel is None else self.kernel
        assert shown is not None, "a pair has at least one half"
        return shown


def lane(record: Record) -> Hashable:
    """Records of one lane are compared in order with each other, and with no others."""
    match record:
        case Frame():
            return (record.step, "frame", record.dir, record.port)
        case Captured():
            return (record.step, "capture", "", record.device)
        case Hop():
            return (record.step, "hop", "", "")
        case Log():
            return (record.step, "log", "", "")
        case Output():
            return (record.step, "output", "", record.command)
        case State():
            return (record.step, "state", "", record.what)
        case ConnChange():
            return (record.step, "connection", "", "")


def place(record: Record) -> str:
    """Where a record was seen, in words."""
    match record:
        case Frame():
            return f"port {record.port}"
        case Captured():
            return f"capture on {record.device}"
        case Hop():
            return f"{record.family} {record.hook} {record.priority}"
        case Log():
            return "log"
        case Output():
            return record.command
        case State():
            return record.what
        case ConnChange():
            return "connections"


def align(
    kernel: Iterable[Record],
    pystack: Iterable[Record],
    same: Callable[[Record, Record], bool],
    near: Callable[[Record, Record], bool],
) -> list[Pair]:
    """Every record of both sides, in pairs, by step; those that are not the same but `near` each other are
    set side by side. What was put in is not compared: it is the same by design.
    """
    lanes: dict[Hashable, tuple[list[Record], list[Record]]] = {}
    for side, records in enumerate((kernel, pystack)):
        for record in records:
            if isinstance(record, Frame) and record.dir == "in":
                continue
            lanes.setdefault(lane(record), ([], []))[side].append(record)
    pairs = [
        Pair(left, right)
        for theirs, ours in lanes.values()
        for left, right in pair_up(theirs, ours, same, near)
    ]
    return sorted(pairs, key=lambda pair: pair.step)


def pair_up(
    left: Sequence[T], right: Sequence[T], same: Same[T], near: Same[T]
) -> list[tuple[T | None, T | None]]:
    """The longest common subsequence is paired; between its members what is near; the rest stands alone."""
    if len(left) == len(right) and all(map(same, left, right)):
        return list(zip(left, right, strict=True))
    pairs: list[tuple[T | None, T | None]] = []
    for rest_left, rest_right, anchor in _stretches(_anchors(left, right, same), left, right):
        neighbours = _anchors(rest_left, rest_right, near)
        for alone_left, alone_right, neighbour in _stretches(neighbours, rest_left, rest_right):
            pairs += [(mine, None) for mine in alone_left]
            pairs += [(None, theirs) for theirs in alone_right]
            pairs += neighbour
        pairs += anchor
    return pairs


def _stretches(
    anchors: Sequence[tuple[int, int]], left: Sequence[T], right: Sequence[T]
) -> Iterator[tuple[Sequence[T], Sequence[T], list[tuple[T, T]]]]:
    """What lies before each anchor on both sides, and the anchor; at last what lies behind them all."""
    begin_left = begin_right = 0
    for at_left, at_right in anchors:
        anchor = [(left[at_left], right[at_right])]
        yield left[begin_left:at_left], right[begin_right:at_right], anchor
        begin_left, begin_right = at_left + 1, at_right + 1
    yield left[begin_left:], right[begin_right:], []


def _anchors(left: Sequence[T], right: Sequence[T], same: Same[T]) -> list[tuple[int, int]]:
    if len(left) * len(right) > _QUADRATIC_LIMIT:
        return _greedy_anchors(left, right, same)
    height, width = len(left), len(right)
    longest = [[0] * (width + 1) for _ in range(height + 1)]
    equal = [[same(mine, theirs) for theirs in right] for mine in left]
    for i in range(height - 1, -1, -1):
        row, below = longest[i], longest[i + 1]
        for j in range(width - 1, -1, -1):
            row[j] = below[j + 1] + 1 if equal[i][j] else max(below[j], row[j + 1])
    anchors, i, j = [], 0, 0
    while i < height and j < width:
        if equal[i][j]:
            anchors.append((i, j))
            i, j = i + 1, j + 1
        elif longest[i + 1][j] >= longest[i][j + 1]:
            i += 1
        else:
            j += 1
    return anchors


def _greedy_anchors(left: Sequence[T], right: Sequence[T], same: Same[T]) -> list[tuple[int, int]]:
    anchors, start = [], 0
    for i, mine in enumerate(left):
        for j in range(start, min(start + 64, len(right))):
            if same(mine, right[j]):
                anchors.append((i, j))
                start = j + 1
                break
    return anchors
