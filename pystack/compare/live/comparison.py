"""A live comparison: packets of the kernel, one after the other, through the copy."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Final

from pystack.compare.live.answers import Answers
from pystack.compare.live.beyond import Beyond
from pystack.compare.live.draws import Draws
from pystack.compare.live.history import History
from pystack.compare.live.judge import Tally, Verdict, differences
from pystack.compare.live.neighbours import Neighbours, settle_neighbours
from pystack.compare.live.passing import Passing, Passings
from pystack.compare.live.sample import Sample, learn
from pystack.compare.live.sources import Sources
from pystack.compare.live.twin import Twin, Unplayable
from pystack.compare.path import kind_of
from pystack.compare.points import framed
from pystack.compare.records import Hop
from pystack.compare.refusals import refusal
from pystack.explain.path_kind import wiring_of
from pystack.hooks.changes import Neighbour
from pystack.hooks.imported.building import Building
from pystack.netfilter.conntrack.handover import hand_over
from pystack.wire.ethernet import ETH_HLEN

_OWN: Final = (("ip", "OUTPUT"), ("arp", "OUTPUT"))  # where packets begin that somebody here makes
_WAITING: Final = 1.5  # seconds for what waits here for a neighbour, and there did no longer
_AWAITED: Final = 5.0  # seconds that the kernel has to show what the copy made
BEFORE: Final = "it began before the copy was there"
AT_ONCE: Final = 64  # packets, before what is reported meanwhile is read: it began when it was read

Wanted = Callable[[Hop], bool]


def _everything(hop: Hop) -> bool:
    return True


class Comparison:
    """Fed with the kernel's hops, it says of each packet how the two ways compare."""

    def __init__(
        self,
        building: Building,
        wanted: Wanted = _everything,
        sources: Sources | None = None,
        history: History | None = None,
        sample: Sample | None = None,
    ) -> None:
        self._history = history
        self._sample = sample or Sample()
        self._sources = sources
        self._wanted = wanted
        self.tally = Tally()
        self._passings = Passings()
        self._refused: dict[bytes, float] = {}
        self._number = 0
        self.is_behind = False  # more packets have gone their way than were compared
        self._waiting: list[tuple[float, Verdict]] = []  # until when
        self._doubtful: list[tuple[float, Verdict]] = []  # since when: something may have changed unheard
        self._draws = Draws()
        self._neighbours = Neighbours()
        self._use(building)

    @property
    def under_way(self) -> int:
        """Packets that were reported and not compared yet."""
        return len(self._passings)

    @property
    def late(self) -> int:
        """Hops that came after their packet was taken for complete."""
        return self._passings.late

    def replace(self, building: Building, why: str) -> None:
        """The namespace was changed: another copy goes on, with the connections of this one.

        What is under way meanwhile began before and ends behind the change, and is not compared.
        """
        heirs = {dev.ifindex: dev.ifindex for dev in building.netns.devices}
        hand_over(building.netns.conntrack.context, self.building.netns.conntrack.context, heirs)
        self.give_up(why)
        self._use(building)

    def spoil(self, why: str) -> None:
        """Nothing that is on its way can be compared."""
        self._passings.spoil(why)
        self._answers.forget()

    def give_up(self, why: str) -> None:
        """The same of what is not told yet."""
        self.spoil(why)
        for _, verdict in (*self._waiting, *self._doubtful):
            verdict.unplayed = why

    def _use(self, building: Building) -> None:
        settle_neighbours(building)
        self.building = building
        self._sample.use(building)
        self._answers = Answers()
        self.twin = Twin(building, self._is_refused, self._draws)
        self._beyond = Beyond(building)
        self._wiring = wiring_of(building.host, building.netns)

    def adopt(self, original: bytes, reply: bytes) -> None:
        """The kernel began a connection: where it drew a port, so is it drawn here."""
        self._draws.add(original, reply)

    def meet(self, neighbours: Iterable[Neighbour], now: float) -> None:
        """The kernel knows others from now on."""
        self._neighbours.hear(neighbours, now)

    def hear(self, hops: Sequence[Hop], now: float, lost: int = 0) -> None:
        """What the probes reported, and how many reports are missing in between: whose, nobody knows."""
        self.tally.lost += lost
        for hop in hops:
            if hop.family == "ip" and hop.hook == "OUTPUT":
                key, _ = refusal(hop.data)
                if key:
                    self._refused[key] = now
        self._passings.add(hops, now)
        if lost:  # of those that were under way before, or of those that have just begun
            self.spoil("some of its reports are lost")

    def settled(self, now: float, sure_until: float = math.inf) -> Iterator[Verdict]:
        """Of the packets that have gone their way.

        `sure_until`: until then the copy has missed nothing. A difference after that is told once it has not.
        """
        yield from self._told(sure_until)
        for verdict in self._compared(now):
            if verdict.differences and sure_until <= now:
                self._doubtful.append((now, verdict))
            else:
                yield self._counted(verdict)

    def _told(self, sure_until: float) -> Iterator[Verdict]:
        doubtful, self._doubtful = self._doubtful, []
        for since, verdict in doubtful:
            if since < sure_until or verdict.unplayed:
                yield self._counted(verdict)
            else:
                self._doubtful.append((since, verdict))

    def _compared(self, now: float) -> Iterator[Verdict]:
        self.is_behind = False
        for count, passing in enumerate(islice(self._passings.settled(now), AT_ONCE), start=1):
            self.is_behind = count == AT_ONCE
            self._neighbours.give(self.building, passing.began)
            if self._passes_over(passing):
                continue
            verdict = self._verdict(passing)
            if verdict.unplayed or not verdict.may_go_on:
                yield self._judged(verdict)
            else:
                self._waiting.append((now + _WAITING, verdict))
        if not len(self._passings):
            self._neighbours.give(self.building, now)
        yield from self._waited(now)
        if not self.is_behind:  # else the answer may be among those that are not looked at yet
            yield from self._unanswered(now)
        for key in [key for key, when in self._refused.items() if when < now - _AWAITED]:
            del self._refused[key]

    def _unanswered(self, now: float) -> Iterator[Verdict]:
        """What only the copy answered."""
        for hops in self._answers.overdue(now, self.twin.awaited):
            self._number += 1
            path = kind_of(hops, self._wiring)
            yield self._judged(Verdict(self._number, [], hops, path=path, made_here=True))

    def rest(self, over: float = math.inf) -> Iterator[Verdict]:
        """Of those that are on their way at the end; what began when it was over is cut off somewhere."""
        for passing in self._passings.rest():
            if passing.began <= over and not self._passes_over(passing):
                yield self._counted(self._judged(self._verdict(passing)))
        for verdict in self._waited(math.inf):
            yield self._counted(verdict)
        yield from self._told(math.inf)

    def _waited(self, now: float) -> Iterator[Verdict]:
        """Those that went on here meanwhile, or will not any more."""
        waiting, self._waiting = self._waiting, []
        for until, verdict in waiting:
            if until <= now or not verdict.may_go_on:
                yield self._judged(verdict)
            else:
                self._waiting.append((until, verdict))

    def _passes_over(self, passing: Passing) -> bool:
        """Whether nobody looks at it."""
        why_not = self._sample.why_not(passing)
        if not why_not:
            return False
        self.tally.passed_over[why_not] += 1
        if self._sample.goes_through(passing):
            self._verdict(passing)
        else:
            self.twin.pass_time(passing.at)
            learn(self.building, passing)
        return True

    def _is_refused(self, key: bytes) -> bool:
        return key in self._refused

    def _verdict(self, passing: Passing) -> Verdict:
        """Have it go through the copy, as far as it comes at once."""
        self._number += 1
        verdict = Verdict(self._number, passing.hops, [], path=kind_of(passing.hops, self._wiring))
        self.twin.pass_time(passing.at)
        try:
            expected = self._expected(passing)
            verdict.made_here = expected is not None
            if self._history is not None:
                self._history.note(self._number, passing, self.building, is_answer=verdict.made_here)
            verdict.pystack = self.twin.play(passing) if expected is None else expected
            if expected is None:
                self._answers.note(verdict, self.twin.caused)
        except Unplayable as error:
            verdict.unplayed = str(error)
        verdict.unplayed = passing.spoilt or self._beyond.why(passing.hops) or verdict.unplayed
        return verdict

    def _judged(self, verdict: Verdict) -> Verdict:
        """With its differences, if it is compared."""
        verdict.is_aside = verdict.unplayed == BEFORE or not self._wanted(verdict.first)
        if verdict.is_aside or verdict.unplayed:
            return verdict
        verdict.differences = differences(verdict.kernel, verdict.pystack, made_here=verdict.made_here)
        self._name_who_decided(verdict)
        first = verdict.first
        if self._sources is not None and not verdict.made_here and (first.family, first.hook) == _OWN[0]:
            verdict.differences += self._sources.differences(self.building, first)
        return verdict

    def _counted(self, verdict: Verdict) -> Verdict:
        """As what it is by now."""
        tally = self.tally
        if verdict.unplayed:
            verdict.differences = []
        if verdict.is_aside:
            tally.aside += verdict.unplayed != BEFORE
        elif verdict.unplayed:
            tally.unplayed[verdict.unplayed] += 1
        else:
            tally.differ += bool(verdict.differences)
            tally.same += not verdict.differences
        return verdict

    def _name_who_decided(self, verdict: Verdict) -> None:
        """The rule of the copy that stands where the ways part, in words behind the difference."""
        if not verdict.differences:
            return
        decision = self.twin.decision(verdict.pystack, verdict.parting)
        if decision is not None:
            first = verdict.differences[0]
            named = replace(first, cause=f"{first.cause}; pystack: {decision.words}")
            verdict.differences = [named, *verdict.differences[1:]]

    def _expected(self, passing: Passing) -> list[Hop] | None:
        """What the copy made by itself already: an answer, an error, a question by ARP."""
        first = passing.first
        if (first.family, first.hook) not in _OWN:
            return None
        for number, made in self.twin.awaited.items():
            if not _is_alike(first, made.hops[0]):
                continue
            del self.twin.awaited[number]
            return made.hops
        return None


def _is_alike(seen: Hop, made: Hop) -> bool:
    """Whether both are of one packet but for what each side draws: its identification and its sums."""
    if (seen.family, seen.hook) != (made.family, made.hook):
        return False
    theirs, ours = framed(seen)[ETH_HLEN:], framed(made)[ETH_HLEN:]
    if seen.family == "arp":
        return theirs == ours
    if len(theirs) != len(ours) or theirs[9:10] != ours[9:10] or theirs[12:20] != ours[12:20]:
        return False
    at = (theirs[0] & 15) * 4
    return theirs[at : at + 2] == ours[at : at + 2] and theirs[at + 4 : at + 8] == ours[at + 4 : at + 8]
