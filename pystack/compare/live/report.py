"""What is printed of a live comparison."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, NamedTuple

from pystack.compare.align import pair_up
from pystack.compare.live.causes import Causes
from pystack.compare.live.judge import Tally, Told, Verdict, is_same, is_same_made
from pystack.compare.records import Hop
from pystack.compare.rows import ALSO, FIRST, UNMARKED
from pystack.compare.words import NOTHING


class QueueCounts(NamedTuple):
    """What is known of one shim."""

    point: str
    queue: int
    seen: int
    dropped_by_queue: int
    dropped_by_socket: int
    late: int  # let go on at the deadline, because nobody answered
    uncompared: int


WIDE: Final = 122  # columns of a terminal in which both ways have room
_MARKS: Final = 5  # columns beside the ways


def line(verdict: Verdict) -> str:
    """A packet on one line."""
    if verdict.unplayed:
        end = f"not compared: {verdict.unplayed}"
    else:
        end = "same" if verdict.is_same else f"DIFFERS: {verdict.differences[0].cause}"
    return f"#{verdict.number} {verdict.path}  {verdict.words}  [{end}]"


def columns(verdict: Verdict, width: int = WIDE) -> Iterator[str]:
    """Both ways beside each other; one mark where they part, another where they differ besides."""
    size = (width - _MARKS) // 2
    yield f"    {'kernel':{size}} pystack"
    unlike = FIRST
    alike = is_same_made if verdict.made_here else is_same
    for left, right in pair_up(verdict.kernel, verdict.pystack, alike, _is_near):
        is_alike = not verdict.differences or (left and right and alike(left, right))
        mark = UNMARKED if is_alike else unlike
        unlike = unlike if is_alike else ALSO
        yield f"  {mark} {cell(left, size)} {cell(right, size)}".rstrip()


def _is_near(left: Hop, right: Hop) -> bool:
    return (left.family, left.hook, left.priority) == (right.family, right.hook, right.priority)


def cell(hop: Hop | None, size: int) -> str:
    """Where a packet was seen, in so many columns."""
    words = NOTHING if hop is None else _words(hop)
    return f"{words[: size - 1]}…" if len(words) > size else f"{words:{size}}"


def _words(hop: Hop) -> str:
    words = f"{hop.family} {hop.hook} {hop.priority}  {hop.indev or ''}>{hop.outdev or ''}"
    if hop.physin or hop.physout:
        words += f"  phys {hop.physin or ''}>{hop.physout or ''}"
    return words + (f"  mark {hop.mark:#x}" if hop.mark else "")


def state_lines(state: Iterable[Told]) -> Iterator[str]:
    """What each side knows, one below the other: these lines are long."""
    for told in state:
        yield f"    {told.what:12} kernel   {told.kernel}"
        yield f"    {'':12} pystack  {told.pystack}"


def causes_lines(causes: Causes) -> Iterator[str]:
    """The most frequent first."""
    for cause in sorted(causes.all.values(), key=lambda cause: -cause.count):
        many = "one packet" if cause.count == 1 else f"{cause.count} packets, the first"
        yield f"{cause.cls} {cause.text}: {many} is #{cause.example.number}"
    if causes.others:
        yield f"{causes.others} packets for still other reasons"


def queue_lines(counts: Iterable[QueueCounts]) -> Iterator[str]:
    """What each shim saw, and what the kernel could not hand over."""
    for one in counts:
        lost = one.dropped_by_queue + one.dropped_by_socket
        words = [f"{one.seen} packets"]
        words += [f"{lost} not handed over"] if lost else []
        words += [f"{one.late} late"] if one.late else []
        yield f"queue {one.queue} at {one.point}: {', '.join(words)}"


def summary(tally: Tally, late: int) -> Iterator[str]:
    """How it went in all."""
    yield f"{tally.compared} packets compared: {tally.same} same, {tally.differ} differ"
    for cause, count in tally.unplayed.most_common():
        yield f"  {count} not compared: {cause}"
    if tally.aside:
        yield f"  {tally.aside} aside: the filter left them out"
    for reason, count in tally.passed_over.most_common():
        yield f"  {count} not looked at: {reason}"
    if tally.lost:
        lost = "one report was" if tally.lost == 1 else f"{tally.lost} reports were"
        yield f"  {lost} lost: more packets passed than can be compared"
    if late:
        yield f"  {late} hops came too late to be compared"
