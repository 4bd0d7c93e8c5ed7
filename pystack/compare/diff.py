"""What of two sides' records differs, of which class, and by what cause.

The classes, in order of weight: VERDICT (passed on or not), EGRESS (by another port), REWRITE (other bytes),
RULE (another mark, device or rule where it was seen), STATE (other entries in a table at the end), REPLY
(what the stack itself sends: whether, and with which bytes), LOG, OUTPUT, TIMING (the same, but in another
order or step).

TCP numbers that a stack chose count from its first one here, so that they can be equal.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from operator import attrgetter
from typing import Final

from pystack.compare.align import Pair, align, place
from pystack.compare.connections import reconciled, reconciled_events, shows_connections
from pystack.compare.equivalences import Injected, alike, ignored, kind_of, unforgiven
from pystack.compare.log_lines import alike_lines, identities
from pystack.compare.moved import Move, Twin, moves
from pystack.compare.points import framed
from pystack.compare.records import (
    Captured,
    ConnChange,
    Frame,
    Hop,
    Json,
    Log,
    Output,
    Record,
    State,
    to_json,
)
from pystack.compare.relative import relative_records
from pystack.compare.texts import HASH_ORDER, STREAMS, is_unordered, sorted_lines, stream_text, table_lines

CLASSES: Final = ("VERDICT", "EGRESS", "REWRITE", "RULE", "STATE", "REPLY", "LOG", "OUTPUT", "TIMING")
_WAY_OUT: Final = ("outdev", "physout")
_VERDICT: Final = "verdict"  # the reason of a drop is shown and not compared: each kernel has other names
_DEVICES: Final = (*_WAY_OUT, "indev", "physin")
_UNOBSERVABLE_FIELDS: Final = (*_DEVICES, "table", "chain", "rule", "mark", _VERDICT)
_devices: Final = attrgetter(*_DEVICES)
_point: Final = attrgetter("family", "hook", "priority")
_seen: Final = attrgetter(*_UNOBSERVABLE_FIELDS)


@dataclass(frozen=True, slots=True)
class Difference:
    """One pair that is not alike."""

    cls: str
    step: int
    at: str
    kernel: Record | None
    pystack: Record | None
    cause: str
    known: str = ""  # the reason in the registry of known differences
    fields: tuple[str, ...] = ()  # those in which two frames or hops differ, where no mask covers it

    def to_json(self) -> Json:
        """The object of the JSON stream."""
        return {
            "v": 1,
            "type": "diff",
            "class": self.cls,
            "step": self.step,
            "at": self.at,
            "kernel": None if self.kernel is None else to_json(self.kernel, "kernel"),
            "pystack": None if self.pystack is None else to_json(self.pystack, "pystack"),
            "cause": self.cause,
            "known": bool(self.known),
        }


@dataclass(slots=True)
class Comparison:
    """The outcome for one scenario."""

    pairs: list[Pair]
    differences: list[Difference]
    forgiven: dict[str, int]  # equivalence -> how often it was needed
    not_observable: int
    unlike: list[Difference]  # every pair that is not alike, also those that only follow from a difference


class Differ:
    """Compares the two sides of one scenario."""

    def __init__(self, kernel: Sequence[Record], pystack: Sequence[Record]) -> None:
        self._kernel = relative_records(kernel)
        self._pystack = relative_records(pystack)
        entered = _entered(self._kernel) & _entered(self._pystack)
        self._injected = Injected(entered)
        self._injected_ids = identities(entered)
        self._forgiven: dict[str, int] = {}
        self._not_observable = 0

    def compare(self) -> Comparison:
        """Pair everything and look at each pair."""
        pairs = align(self._kernel, self._pystack, self._same, self._near)
        found = [difference for pair in pairs if (difference := self._judge(pair)) is not None]
        causes = _causes(self._reunited(found))
        return Comparison(pairs, causes, self._forgiven, self._not_observable, found)

    # -- alike? --------------------------------------------------------------------------------------------

    def _same(self, left: Record, right: Record) -> bool:
        if isinstance(left, Hop) and isinstance(right, Hop):
            return self._same_place(left, right) and self._alike_hops(left, right) is not None
        if isinstance(left, Frame | Captured | Log) and isinstance(right, Frame | Captured | Log):
            return self._alike_records(left, right)
        if isinstance(left, ConnChange) and isinstance(right, ConnChange):
            return left.text == right.text
        return type(left) is type(right)  # outputs and states: one of a kind in their lane, looked at later

    def _near(self, left: Record, right: Record) -> bool:
        """What can be told apart field by field: a packet at one point, frames of one kind, log lines."""
        if isinstance(left, Hop) and isinstance(right, Hop):
            return _point(left) == _point(right)
        if isinstance(left, Frame | Captured) and isinstance(right, Frame | Captured):
            return kind_of(left.data) == kind_of(right.data)
        return type(left) is type(right) and isinstance(left, Log | ConnChange)

    def _alike_records(self, left: Record, right: Record) -> bool:
        """Whether two records show the same, wherever they show it."""
        if isinstance(left, Frame | Captured) and isinstance(right, Frame | Captured):
            return left.dir == right.dir and self._alike(left.data, right.data) is not None
        if isinstance(left, Hop) and isinstance(right, Hop):
            return self._alike_hops(left, right) is not None
        if isinstance(left, Log) and isinstance(right, Log):
            return alike_lines(left.text, right.text, self._injected_ids) is not None
        return False

    def _alike(self, left: bytes, right: bytes) -> list[str] | None:
        if left == right:
            return []  # nearly always: who made it need not be found out
        return alike(left, right, self._injected)

    def _alike_hops(self, left: Hop, right: Hop) -> list[str] | None:
        return [] if left.data == right.data else self._alike(framed(left), framed(right))

    def _same_place(self, left: Hop, right: Hop) -> bool:
        if _point(left) != _point(right):
            return False
        theirs, ours = _devices(left), _devices(right)
        return theirs == ours or all(
            mine == other or mine is None or other is None for mine, other in zip(theirs, ours, strict=True)
        )

    # -- a pair --------------------------------------------------------------------------------------------

    def _judge(self, pair: Pair) -> Difference | None:
        left, right = pair.kernel, pair.pystack
        if left is None or right is None:
            return self._one_sided(pair)
        if isinstance(left, Frame | Captured) and isinstance(right, Frame | Captured):
            return self._frames(pair, left.data, right.data, left.dir == right.dir)
        if isinstance(left, Hop) and isinstance(right, Hop):
            return self._hops(pair, left, right)
        if isinstance(left, Log) and isinstance(right, Log):
            return self._lines(pair, left.text, right.text)
        if isinstance(left, Output) and isinstance(right, Output):
            return self._outputs(pair, left, right)
        if isinstance(left, ConnChange) and isinstance(right, ConnChange):
            return None if left.text == right.text else self._difference("STATE", pair, "what changed")
        assert isinstance(left, State), "records of one lane are of one kind"
        assert isinstance(right, State), "records of one lane are of one kind"
        return self._states(pair, left, right)

    def _one_sided(self, pair: Pair) -> Difference | None:
        only = pair.kernel or pair.pystack
        who = "pystack" if pair.kernel is None else "the kernel"
        match only:
            case Frame() | Captured() | Hop():
                data = framed(only) if isinstance(only, Hop) else only.data
                rule = ignored(data)
                if rule is not None:
                    self._forgive([rule])
                    return None
                made = self._injected.made_by_stack(data)
                kind = "REPLY" if made else "VERDICT"
                return self._difference(kind, pair, f"only {who} has it at {pair.at}")
            case Log():
                return self._difference("LOG", pair, f"only {who} logs it")
            case ConnChange():
                return self._difference("STATE", pair, f"only {who} tells: {only.text}")
            case State():
                self._not_observable += 1
                return None
        return self._difference("OUTPUT", pair, f"only {who} ran it")

    def _frames(self, pair: Pair, left: bytes, right: bytes, same_way: bool) -> Difference | None:
        masks = self._alike(left, right)
        if masks is None:
            return self._rewritten(pair, left, right)
        if not same_way:
            return self._difference("VERDICT", pair, "seen on its way in and on its way out")
        self._forgive(masks)
        return None

    def _rewritten(self, pair: Pair, left: bytes, right: bytes) -> Difference:
        kind = "REPLY" if self._injected.made_by_stack(left) else "REWRITE"
        fields = unforgiven(left, right, self._injected)
        return self._difference(kind, pair, ", ".join(fields), fields)

    def _hops(self, pair: Pair, left: Hop, right: Hop) -> Difference | None:
        masks = self._alike_hops(left, right)
        if masks is not None and _seen(left) == _seen(right):
            self._forgive(masks)
            return None
        unlike = [name for name in _UNOBSERVABLE_FIELDS if self._is_unlike(left, right, name)]
        if unlike and unlike[0] in _WAY_OUT:
            return self._difference("EGRESS", pair, f"{unlike[0]} at {pair.at}", unlike)
        if masks is None:
            return self._rewritten(pair, framed(left), framed(right))
        self._forgive(masks)
        if not unlike:
            return None
        kind = "VERDICT" if unlike[0] == _VERDICT else "RULE"
        return self._difference(kind, pair, f"{unlike[0]} at {pair.at}", unlike)

    def _is_unlike(self, left: Hop, right: Hop, name: str) -> bool:
        theirs, ours = getattr(left, name), getattr(right, name)
        if theirs is None or ours is None:
            self._not_observable += theirs is not ours
            return False
        return bool(theirs != ours)

    def _lines(self, pair: Pair, left: str, right: str) -> Difference | None:
        masks = alike_lines(left, right, self._injected_ids)
        if masks is None:
            return self._difference("LOG", pair, "log line")
        self._forgive(masks)
        return None

    def _outputs(self, pair: Pair, left: Output, right: Output) -> Difference | None:
        if left.rc != right.rc:
            return self._difference("OUTPUT", pair, "exit code")
        for stream in STREAMS:
            theirs, ours = stream_text(left, stream), stream_text(right, stream)
            if theirs != ours and is_unordered(left.command):
                theirs, ours = sorted_lines(theirs), sorted_lines(ours)
                self._forgive([HASH_ORDER] if theirs == ours else [])
            if theirs != ours and shows_connections(left.command):
                theirs, ours = _timeless(left.command, theirs.splitlines(), ours.splitlines())
            if theirs != ours:
                return self._difference("OUTPUT", pair, _first_line(theirs, ours))
        return None

    def _states(self, pair: Pair, left: State, right: State) -> Difference | None:
        theirs, ours = table_lines(left), table_lines(right)
        if left.what == "conntrack":
            theirs, ours = map(sorted, reconciled(theirs, ours))
        if theirs == ours:
            return None
        lines = sorted(set(theirs) ^ set(ours))
        return self._difference("STATE", pair, f"{left.what}: {lines[0] if lines else 'how often'}")

    # -- bookkeeping ---------------------------------------------------------------------------------------

    def _forgive(self, names: Sequence[str]) -> None:
        for name in names:
            self._forgiven[name] = self._forgiven.get(name, 0) + 1

    def _difference(self, cls: str, pair: Pair, cause: str, fields: Sequence[str] = ()) -> Difference:
        return Difference(cls, pair.step, pair.at, pair.kernel, pair.pystack, cause, fields=tuple(fields))

    def _reunited(self, found: list[Difference]) -> list[Difference]:
        """What one side has and the other has elsewhere is one difference, not two."""
        apart = [index for index, one in enumerate(found) if not self._halves_are_same(one)]
        moved, taken = moves(
            {index: found[index].kernel for index in apart},
            {index: found[index].pystack for index in apart},
            self._alike_records,
        )
        return [
            part
            for index, one in enumerate(found)
            for part in self._parted(one, moved.get(index), is_taken=index in taken)
        ]

    def _halves_are_same(self, difference: Difference) -> bool:
        left, right = difference.kernel, difference.pystack
        return left is not None and right is not None and self._same(left, right)

    def _parted(self, one: Difference, twin: Twin | None, *, is_taken: bool) -> Iterator[Difference]:
        """What becomes of a difference once each half is with its twin elsewhere, if it has one."""
        if twin is None and not is_taken:
            yield one
            return
        if twin is not None and one.kernel is not None:
            yield _moved(one.kernel, twin)
        rest = Pair(None if twin else one.kernel, None if is_taken else one.pystack)
        alone = self._one_sided(rest) if rest.kernel or rest.pystack else None
        if alone is not None:
            yield alone


def _moved(theirs: Record, twin: Twin) -> Difference:
    ours, move = twin
    at = place(theirs)
    if move is Move.STEP:
        return Difference("TIMING", theirs.step, at, theirs, ours, f"pystack has it in step {ours.step}")
    if move is Move.ORDER:
        return Difference("TIMING", theirs.step, at, theirs, ours, "in another order")
    if isinstance(theirs, Hop):
        return Difference("EGRESS", theirs.step, at, theirs, ours, f"outdev at {at}")
    return Difference("EGRESS", theirs.step, f"{at} / {place(ours)}", theirs, ours, "another port")


def _causes(found: Sequence[Difference]) -> list[Difference]:
    """Of a packet's hops only the first that differs: what follows, follows from it."""
    seen: set[tuple[int, str, int]] = set()
    causes = []
    for difference in found:
        halves = (("kernel", difference.kernel), ("pystack", difference.pystack))
        packets = {(difference.step, side, hop.packet) for side, hop in halves if isinstance(hop, Hop)}
        if not packets or not packets & seen:
            causes.append(difference)
        seen |= packets
    return causes


def _entered(records: Sequence[Record]) -> set[bytes]:
    """What was put in, or answered alike; an answer to what a side drew is that side's."""
    return {record.data for record in records if isinstance(record, Frame) and record.dir == "in"}


def _timeless(command: str, theirs: list[str], ours: list[str]) -> tuple[str, str]:
    """What was printed of connections, as far as it does not depend on when that was."""
    if is_unordered(command):
        left, right = map(sorted, reconciled(theirs, ours))
    else:
        left, right = reconciled_events(theirs, ours)
    return "\n".join(left), "\n".join(right)


def _first_line(theirs: str, ours: str) -> str:
    left, right = theirs.splitlines(), ours.splitlines()
    for number, (mine, other) in enumerate(zip(left, right, strict=False), 1):
        if mine != other:
            return f"line {number}: {mine!r} is not {other!r}"
    return f"{len(left)} lines are not {len(right)}"
