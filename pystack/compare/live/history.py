"""What has passed of every flow: with it one of its packets can be put through another host.

Not without end: of a flow that becomes long all is forgotten but its connection as it is then, and flows that
were silent for the longest time are forgotten whole.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from pystack.compare.live.flows import Flows, tuple_of
from pystack.compare.live.passing import Passing
from pystack.compare.points import POINTS, Point, framed
from pystack.compare.records import Hop
from pystack.hooks.imported.building import Building
from pystack.netfilter.conntrack.snapshot import Snapshot, snapshot

LONGEST: Final = 128  # packets of a flow
MOST_OCTETS: Final = 32 << 20  # of all flows


def _place(seen: Hop | Point) -> tuple[str, str, int]:
    return seen.family, seen.hook, seen.priority


_SOCKETS: Final = max(_place(point) for point in POINTS if (point.family, point.hook) == ("ip", "INPUT"))


@dataclass(frozen=True, slots=True)
class Seen:
    """A packet: where it began, and what became of it at its end."""

    number: int  # as its verdict has it
    beginnings: Sequence[Hop]
    is_answer: bool  # the host made it by itself, of what came before
    taken: bytes  # the beginning of what a socket of the host got; nothing if none got anything

    @property
    def octets(self) -> int:
        """How long it is."""
        return sum(len(hop.data) for hop in self.beginnings)


@dataclass(slots=True, eq=False)
class Story:
    """One flow's."""

    before: Snapshot | None = None  # its connection, as it was before the first of these packets
    packets: list[Seen] = field(default_factory=list)
    forgotten: int = 0  # packets before that

    def until(self, number: int) -> list[Seen]:
        """The packets up to one of them."""
        return [seen for seen in self.packets if seen.number <= number]


class History:
    """Of all flows of a namespace."""

    def __init__(self) -> None:
        self._flows: Flows[Story] = Flows(lambda _: Story())
        self._order: OrderedDict[int, Story] = OrderedDict()  # the one that was silent for longest is first
        self._octets = 0

    def note(self, number: int, passing: Passing, building: Building, *, is_answer: bool) -> None:
        """Another packet, which the copy has not seen yet."""
        story = self._flows.of(passing.hops)
        if not story.packets:
            story.before = _connection(building, passing.first)
        elif len(story.packets) >= LONGEST:
            self._forget(story)
            story.before = _connection(building, passing.first)
        taken = next((hop.data for hop in passing.hops if _place(hop) == _SOCKETS), b"")
        seen = Seen(number, tuple(passing.beginnings), is_answer, taken)
        story.packets.append(seen)
        self._octets += seen.octets
        self._order[id(story)] = story
        self._order.move_to_end(id(story))
        while self._octets > MOST_OCTETS:
            _, eldest = self._order.popitem(last=False)
            self._forget(eldest)

    def of(self, hops: Sequence[Hop]) -> Story:
        """The flow's of a packet."""
        return self._flows.of(hops)

    def _forget(self, story: Story) -> None:
        self._octets -= sum(seen.octets for seen in story.packets)
        story.forgotten += len(story.packets)
        story.packets.clear()


def _connection(building: Building, first: Hop) -> Snapshot | None:
    key = tuple_of(framed(first))
    context = building.netns.conntrack.context
    found = None if key is None else context.find(key)
    return None if found is None else snapshot(found, context)
