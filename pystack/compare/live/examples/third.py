"""`--third`: another kernel that was given the copy's state, as a third voter.

Where it sides with the live kernel, pystack does otherwise with the same state; where it sides with pystack,
the live kernel has a state that the copy has not.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from pystack.compare.align import pair_up
from pystack.compare.live.examples.example import Example
from pystack.compare.live.examples.ways import is_same_way, place_of
from pystack.compare.live.judge import is_same_made
from pystack.compare.live.report import WIDE, cell
from pystack.compare.records import Hop
from pystack.compare.rows import FIRST, UNMARKED

CODE: Final = "code"
STATE: Final = "state"
NEITHER: Final = "neither"
NOT_THE_WAY: Final = "not the way"
_WORDS: Final = {
    CODE: "the clone goes the live kernel's way: pystack does otherwise with the same state",
    STATE: "the clone goes pystack's way: the live kernel has another state than the copy",
    NEITHER: "the clone goes a way of its own",
    NOT_THE_WAY: "all three go the same way: what differs is not how this packet fares",
}
_VOTES: Final = {
    (True, False): CODE,
    (False, True): STATE,
    (False, False): NEITHER,
    (True, True): NOT_THE_WAY,
}
_MARKS: Final = 6  # columns beside the three ways

Way = Sequence[Hop]


def vote(example: Example) -> str:
    """What the third voter says differs; nothing if it could not be asked."""
    if example.clone is None:
        return ""
    live, pystack = example.cause.example.kernel, example.cause.example.pystack
    same = _has_same_octets if is_same_way(live, pystack) else is_same_way
    sides = same(example.clone, live), same(example.clone, pystack)
    return _VOTES[sides]


def _has_same_octets(way: Way, other: Way) -> bool:
    return len(way) == len(other) and all(map(is_same_made, way, other))


def lines(example: Example, width: int = WIDE) -> Iterator[str]:
    """All three ways beside each other, and whom the third voter sides with."""
    if example.clone is None:
        yield f"  the clone was not asked: {example.result}"
        return
    verdict, size = example.cause.example, (width - _MARKS) // 3
    yield f"    {'kernel, live':{size}} {'kernel, clone':{size}} pystack"
    for live, clone, pystack in _rows(verdict.kernel, example.clone, verdict.pystack):
        mark = UNMARKED if _are_one(live, clone) and _are_one(live, pystack) else FIRST
        yield f"  {mark} {cell(live, size)} {cell(clone, size)} {cell(pystack, size)}".rstrip()
    yield f"  {_WORDS[vote(example)]}"
    yield from (f"  the clone lacks: {lack}" for lack in example.reproduction.lacks)


def _rows(live: Way, clone: Way, pystack: Way) -> Iterator[tuple[Hop | None, Hop | None, Hop | None]]:
    """By the places where each was seen."""
    both = pair_up(live, clone, _is_same_place, _never)
    first = [one or other for one, other in both]
    kernels = {id(hop): pair for hop, pair in zip(first, both, strict=True)}
    for known, ours in pair_up([hop for hop in first if hop], pystack, _is_same_place, _never):
        yield *kernels.get(id(known), (None, None)), ours


def _are_one(hop: Hop | None, other: Hop | None) -> bool:
    return hop is not None and other is not None and is_same_made(hop, other)


def _is_same_place(one: Hop, other: Hop) -> bool:
    return place_of(one) == place_of(other)


def _never(one: Hop, other: Hop) -> bool:
    return False
