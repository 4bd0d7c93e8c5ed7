"""One difference explained: the step it lies in as both sides saw it, row beside row, and what their tables
held.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Final

from pystack.compare.align import Pair
from pystack.compare.diff import Difference
from pystack.compare.findings import Finding
from pystack.compare.path import packets_of_frames, paths
from pystack.compare.points import framed
from pystack.compare.records import Captured, ConnChange, Frame, Hop, Log, Output, Record, State
from pystack.compare.rows import ALSO, FIRST, UNKNOWN, UNMARKED, Row, field_rows, text_rows
from pystack.compare.texts import is_unordered
from pystack.compare.words import NOTHING, one_line, short_line

_MOST_ALIKE: Final = 40  # rows of a section; of longer ones those that are alike are left out
_MOST_HOPS: Final = 120  # of a step; of longer ones those of other packets are left out


@dataclass(frozen=True, slots=True)
class Section:
    """Rows of one kind."""

    heading: str
    rows: tuple[Row, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """Everything about one difference."""

    title: str
    summary: str
    sections: tuple[Section, ...]


def explain(finding: Finding) -> Explanation:
    """What both sides did in the step of a difference, and what their tables held at the end."""
    outcome, difference = finding.outcome, finding.difference
    known = f" (known: {difference.known})" if difference.known else ""
    return Explanation(
        f"{finding.number}: {outcome.file}  {outcome.title}",
        f"{difference.cls} at {difference.at}, step {difference.step}: {difference.cause}{known}",
        tuple(section for section in _sections(finding) if section.rows),
    )


def _sections(finding: Finding) -> Iterator[Section]:
    outcome, step = finding.outcome, finding.difference.step
    pairs = outcome.comparison.pairs if outcome.comparison is not None else []
    here = [pair for pair in pairs if pair.step == step]
    differs = _Differs(finding)
    hops = [pair for pair in here if _is_of(pair, Hop)]
    yield Section("paths", tuple(_path_rows(finding, hops)))
    if len(hops) > _MOST_HOPS:
        hops = _of_packets(hops, _packets(finding))
    yield Section("hops", tuple(_hop_rows(hops, differs)))
    for heading, kind in (
        ("frames that left", Frame),
        ("captures", Captured),
        ("log lines", Log),
        ("commands", Output),
    ):
        rows = _rows([pair for pair in here if _is_of(pair, kind)], differs)
        yield Section(heading, tuple(rows))
    for pair in pairs:
        if _is_of(pair, State):
            yield Section(f"{pair.at} at the end", tuple(_state_rows(pair)))


class _Differs:
    """Which pairs are not alike: also those that only follow from the first that differs."""

    def __init__(self, finding: Finding) -> None:
        comparison = finding.outcome.comparison
        found = comparison.unlike if comparison is not None else []
        self._by_half = {id(half): one for one in found for half in (one.kernel, one.pystack) if half}

    def of(self, pair: Pair) -> Difference | None:
        """What differs in a pair."""
        return self._by_half.get(id(pair.kernel)) or self._by_half.get(id(pair.pystack))


def _is_of(pair: Pair, kind: type[Record]) -> bool:
    return isinstance(pair.kernel, kind) or isinstance(pair.pystack, kind)


# --- paths and hops -------------------------------------------------------------------------------------


def _path_rows(finding: Finding, hops: Sequence[Pair]) -> Iterator[Row]:
    """The ways of all packets that began in this step; hops that were paired tell which are one packet."""
    outcome, step = finding.outcome, finding.difference.step
    theirs, ours = (
        {path.packet: str(path) for path in paths(records, finding.wiring) if path.step == step}
        for records in (outcome.kernel, outcome.pystack)
    )
    twins: dict[int, int] = {}
    for pair in hops:
        if isinstance(pair.kernel, Hop) and isinstance(pair.pystack, Hop):
            twins.setdefault(pair.kernel.packet, pair.pystack.packet)
    halves = [(path, ours.pop(twins.get(packet, 0), NOTHING)) for packet, path in theirs.items()]
    mark = FIRST
    for left, right in (*halves, *((NOTHING, path) for path in ours.values())):
        is_same = left.partition(": ")[0] == right.partition(": ")[0]  # why one was dropped is not compared
        yield Row(UNMARKED if is_same else mark, left, right)
        mark = mark if is_same else ALSO


def _packets(finding: Finding) -> tuple[Collection[int], Collection[int]]:
    """Which packets a difference is about, by their numbers on either side; none if it is about none."""
    difference, outcome = finding.difference, finding.outcome
    return (
        _packet(difference.kernel, outcome.kernel),
        _packet(difference.pystack, outcome.pystack),
    )


def _packet(record: Record | None, records: Sequence[Record]) -> Collection[int]:
    if isinstance(record, Hop):
        return (record.packet,)
    if isinstance(record, Frame):
        return {number for place, number in packets_of_frames(records).items() if records[place] is record}
    return ()


def _of_packets(pairs: list[Pair], packets: tuple[Collection[int], Collection[int]]) -> list[Pair]:
    theirs, ours = packets
    if not theirs and not ours:
        return pairs
    return [
        pair
        for pair in pairs
        if (isinstance(pair.kernel, Hop) and pair.kernel.packet in theirs)
        or (isinstance(pair.pystack, Hop) and pair.pystack.packet in ours)
    ]


def _hop_rows(pairs: Sequence[Pair], differs: _Differs) -> Iterator[Row]:
    """A hop a row, and the packet's bytes in words where they are not those of the row before."""
    mark, left, right = FIRST, "", ""
    for pair in pairs:
        theirs, ours = _bytes(pair.kernel) or left, _bytes(pair.pystack) or right
        if (theirs, ours) != (left, right):
            yield Row(UNMARKED, theirs if theirs != left else "", ours if ours != right else "")
        left, right = theirs, ours
        difference = differs.of(pair)
        mark_here = UNMARKED if difference is None else mark
        yield Row(mark_here, _hop(pair.kernel, pair.pystack), _hop(pair.pystack, pair.kernel))
        if difference is not None:
            yield from field_rows(pair.kernel, pair.pystack, difference.fields)
            mark = ALSO


def _bytes(half: Record | None) -> str:
    return f"packet {half.packet}: {short_line(framed(half))}" if isinstance(half, Hop) else ""


def _hop(half: Record | None, other: Record | None) -> str:
    """What only the other side could observe is asked about, not denied."""
    if not isinstance(half, Hop):
        return NOTHING
    if isinstance(other, Hop):
        physin, physout = _asked(half.physin, other.physin), _asked(half.physout, other.physout)
        half = replace(half, physin=physin, physout=physout)
    words = [f"  {half.family} {half.hook} {half.priority}", f"{half.indev or ''}>{half.outdev or ''}"]
    words += [
        f"{name} {value}"
        for name, value in (
            ("physin", half.physin),
            ("physout", half.physout),
            ("mark", half.mark or None),
            ("chain", half.chain),
            ("rule", half.rule),
            ("", half.config),
        )
        if value is not None
    ]
    if half.verdict is not None:
        words.append(f"{half.verdict}: {half.reason}" if half.reason else half.verdict)
    return "  ".join(words)


def _asked(name: str | None, on_the_other_side: str | None) -> str | None:
    """NFLOG does not show a bridge's ports everywhere."""
    return UNKNOWN if name is None is not on_the_other_side else name


# --- everything else ------------------------------------------------------------------------------------


def _rows(pairs: Sequence[Pair], differs: _Differs) -> Iterator[Row]:
    mark = FIRST
    alike = sum(differs.of(pair) is None for pair in pairs)
    for pair in pairs:
        difference = differs.of(pair)
        if difference is not None:
            yield from _marked(mark, pair)
            yield from field_rows(pair.kernel, pair.pystack, difference.fields)
            mark = ALSO
        elif alike <= _MOST_ALIKE:
            yield from _marked(UNMARKED, pair)
    if alike > _MOST_ALIKE:
        yield Row(UNMARKED, f"(and {alike} that are alike)", "")


def _marked(mark: str, pair: Pair) -> Iterator[Row]:
    if isinstance(pair.kernel, Output) or isinstance(pair.pystack, Output):
        yield from text_rows(_output(pair.kernel), _output(pair.pystack))
    else:
        yield Row(mark, _placed(pair.kernel), _placed(pair.pystack))


def _placed(half: Record | None) -> str:
    match half:
        case Frame():
            return f"{half.port} {one_line(half.data)}"
        case Captured():
            return f"{half.device} {half.dir} {one_line(half.data)}"
        case Log() | ConnChange():
            return half.text
    return NOTHING


def _output(half: Record | None) -> list[str]:
    if not isinstance(half, Output):
        return []
    lines = half.text.splitlines()
    if is_unordered(half.command):
        lines.sort()
    return [f"# {half.command}", *lines, f"exit code {half.rc}"]


def _state_rows(pair: Pair) -> Iterator[Row]:
    """Tables have no order."""
    theirs, ours = (
        sorted(half.text.splitlines()) if isinstance(half, State) else []
        for half in (pair.kernel, pair.pystack)
    )
    if pair.kernel is None or pair.pystack is None:
        yield Row(
            UNMARKED, *("(not observable)" if half is None else "" for half in (pair.kernel, pair.pystack))
        )
    yield from text_rows(theirs, ours)
