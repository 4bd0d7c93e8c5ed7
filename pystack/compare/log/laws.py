"""What holds of the lines of one packet whatever the rules are: the order of hooks and tables, the fields
that
a host does not change, and those that it must.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final

from pystack.compare.log.finding import Fault, Finding
from pystack.compare.log.order import hooks_of, rank, table_rank
from pystack.compare.log.passage import Line, Passage
from pystack.compare.log.place import Hook

_MOST_PREFIXES: Final = 256  # of one flow
_MOST_FLOWS: Final = 4096  # whose lines are remembered
_AFTER_ROUTING: Final = ("FORWARD", "POSTROUTING")
_PER_PORT: Final = (Hook("bridge", "FORWARD"), Hook("bridge", "POSTROUTING"), Hook("bridge", "OUTPUT"))


def calls_ip(passage: Passage) -> bool:
    """Whether br_netfilter shows IP what is on a bridge: then lines of IP name the ports."""
    return any(line.message.physin or line.message.physout for line in passage.lines)


def must_meet(passage: Passage, kind: str) -> tuple[Hook, ...]:
    """The hooks on its way, in order."""
    return hooks_of(kind, kind[:1] if kind[:1].isdigit() else _way_in(passage), calls_ip=calls_ip(passage))


def _way_in(passage: Passage) -> str:
    if passage.port_in:
        return "1"
    return "3" if passage.entered_by else "4"


def broken(passage: Passage, kind: str) -> Iterator[Finding]:
    """Every law that its lines do not keep."""
    yield from _disorder(passage, must_meet(passage, kind))
    yield from _wrong_ttl(passage)
    for line in passage.lines:
        if line.place.contradiction:
            yield Finding(Fault.FIELD, passage.number, line.place.contradiction, line.number, _name(line))


def _disorder(passage: Passage, hooks: Sequence[Hook]) -> Iterator[Finding]:
    """Lines that stand before one that must come first. A flood begins anew for each port."""
    places = {hook: number for number, hook in enumerate(hooks)}
    lines = [line for line in passage.lines if line.hook in places]
    for before, line in pairwise(lines):
        here, there = places[before.hook], places[line.hook]
        is_flood = len(passage.ports_out) > 1 and line.hook in _PER_PORT
        if there < here and not is_flood:
            text = f"{_name(line)} stands behind {_name(before)}, and {line.hook} comes before {before.hook}"
            yield Finding(Fault.ORDER, passage.number, text, line.number, _name(line))
        elif there == here:
            ranks = table_rank(before.hook, before.place.table), table_rank(line.hook, line.place.table)
            if ranks[0] is not None and ranks[1] is not None and ranks[1] < ranks[0]:
                text = (
                    f"{_name(line)} stands behind {_name(before)}, and at {line.hook} "
                    f"{line.place.table} comes before {before.place.table}"
                )
                yield Finding(Fault.ORDER, passage.number, text, line.number, _name(line))


def _wrong_ttl(passage: Passage) -> Iterator[Finding]:
    """Routing takes one off TTL, between PREROUTING and FORWARD; nothing else does."""
    told = [(line, line.message.datagram) for line in sorted(passage.lines, key=_by_rank)]
    first: int | None = None
    for line, datagram in told:
        if datagram is None:
            continue
        is_routed = line.hook.name in _AFTER_ROUTING and bool(line.message.indev) and not _is_bridged(passage)
        here = datagram.ttl + is_routed
        if first is None:
            first = here
        elif here != first:
            wanted = first - is_routed
            text = f"{_name(line)} has TTL={datagram.ttl}, and the lines before make it {wanted}"
            yield Finding(Fault.FIELD, passage.number, text, line.number, f"{_name(line)} TTL")


def _is_bridged(passage: Passage) -> bool:
    return any(line.message.physout for line in passage.lines)


def _by_rank(line: Line) -> int:
    return rank(line.hook)


def _name(line: Line) -> str:
    return line.message.prefix.strip() or str(line.hook)


@dataclass(slots=True)
class _Habit:
    """What the packets of one flow have lines for."""

    packets: int = 0
    counts: Counter[tuple[Hook, str]] = field(default_factory=Counter)  # by hook and prefix
    last: dict[tuple[Hook, str], int] = field(default_factory=dict)  # the last packet that had it

    def note(self, passage: Passage) -> None:
        """One packet more."""
        self.packets += 1
        for line in passage.lines:
            key = line.hook, line.message.prefix
            if key in self.last or len(self.last) < _MOST_PREFIXES:
                self.counts[key] += 1
                self.last[key] = passage.number

    def is_usual_behind(self, key: tuple[Hook, str], number: int) -> bool:
        """Whether most packets have a line, and one that came later than this packet."""
        return 2 * self.counts[key] >= self.packets and self.last[key] > number


class Habits:
    """What other packets of the same flow have lines for: a rule that spoke there must speak here too."""

    def __init__(self) -> None:
        self._flows: dict[tuple[object, ...], _Habit] = {}

    def learn(self, passages: Iterable[tuple[Passage, str]]) -> None:
        """From packets and their kinds."""
        for passage, kind in passages:
            flow = _flow(passage, kind)
            if flow not in self._flows and len(self._flows) >= _MOST_FLOWS:
                del self._flows[next(iter(self._flows))]
            self._flows.setdefault(flow, _Habit()).note(passage)

    def missing(self, passage: Passage, kind: str) -> Iterator[Finding]:
        """Lines that others have, of a packet that was seen behind that place. nat is asked once a
        connection, a note says where it leaves lines out, and a rule may be about first packets alone.
        """
        habit = self._flows.get(_flow(passage, kind))
        if passage.left_out or habit is None:
            return
        hooks = must_meet(passage, kind)
        own = {(line.hook, line.message.prefix) for line in passage.lines}
        reached = max((hooks.index(line.hook) for line in passage.lines if line.hook in hooks), default=-1)
        for hook, prefix in habit.last:
            if (hook, prefix) in own or hook not in hooks or hooks.index(hook) >= reached:
                continue
            is_of_nat = hook.family == "ip" and "NAT" in prefix.upper()
            if not is_of_nat and habit.is_usual_behind((hook, prefix), passage.number):
                text = f"no line {prefix.strip()}, which other packets of this flow have at {hook}"
                yield Finding(Fault.MISSING, passage.number, text, about=prefix.strip())


def _flow(passage: Passage, kind: str) -> tuple[object, ...]:
    told = passage.datagram
    if told is None:
        return (passage.host, kind, passage.port_in, passage.link_in)
    ports = (told.carried.get(name) for name in ("SPT", "DPT", "TYPE"))
    ends = (told.source, told.destination, told.protocol)
    return (passage.host, kind, passage.entered_by, passage.left_by, *ends, *ports)
