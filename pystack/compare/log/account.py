"""What is to be said of each packet of a log: its kind of path, how it ended, what its lines do wrong."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from pystack.compare.log.finding import Fault, Finding
from pystack.compare.log.judge import differences
from pystack.compare.log.kind import end_of, path_of
from pystack.compare.log.laws import Habits, broken, must_meet
from pystack.compare.log.machine import mentions
from pystack.compare.log.passage import Passage
from pystack.compare.log.place import Hook
from pystack.compare.log.relations import Relations, crossings, relate
from pystack.compare.log.replay import Played, Replay, Unplayable
from pystack.compare.log.surroundings import Surroundings
from pystack.explain.path_kind import NOBODY_SAW, Wiring

_MOST_MACHINES: Final = 64  # of which a log may tell


@dataclass(slots=True)
class Account:
    """Of one packet."""

    passage: Passage
    kind: str
    end: str
    wiring: Wiring
    hooks: tuple[Hook, ...]  # that it must meet
    findings: list[Finding] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    played: Played | None = None
    is_unplayed: bool = False  # there is a setup, and the packet cannot be played through it
    seen_before: int | None = None
    seen_again: int | None = None
    answers: int | None = None
    answered_by: int | None = None


class Accountant:
    """Batch by batch; what one batch shows of a machine helps with the next."""

    def __init__(self, replay: Replay | None = None, setup: str = "") -> None:
        self._replay = replay
        self._setup = setup  # its text
        self._surroundings: dict[str, Surroundings] = {}  # by machine
        self._habits = Habits()

    def accounts(self, passages: Sequence[Passage]) -> list[Account]:
        """Of all packets of a batch, in their order."""
        related = relate(passages)
        for passage in passages:
            self._of(passage.host).learn([passage])
        for passage in crossings(passages, related):
            self._of(passage.host).crosses(passage.left_by)
        told = [self._account(passage, related) for passage in passages]
        self._habits.learn((account.passage, account.kind) for account in told)
        if self._replay is not None:
            self._replay.machine.adopt(passages)
        for account in told:
            account.findings += self._judged(account)
        return told

    def awaited(self) -> Iterator[Played]:
        """What pystack made and printed, and the log has not."""
        if self._replay is not None:
            yield from self._replay.awaited()

    def _of(self, host: str) -> Surroundings:
        host = host if host in self._surroundings or len(self._surroundings) < _MOST_MACHINES else ""
        return self._surroundings.setdefault(host, Surroundings())

    def _account(self, passage: Passage, related: Relations) -> Account:
        wiring = self._wiring(passage)
        kind, number = path_of(passage, wiring), passage.number
        end = end_of(passage, kind)
        if how := related.refusals.get(number):
            end = f"answered by {how}"
        return Account(
            passage,
            kind,
            end,
            wiring,
            must_meet(passage, kind),
            seen_before=related.seen_before.get(number),
            seen_again=related.seen_again(number),
            answers=related.answers.get(number),
            answered_by=related.answered_by(number),
        )

    def _wiring(self, passage: Passage) -> Wiring:
        if self._replay is not None and self._is_of_setup(passage):
            return self._replay.wiring
        return self._of(passage.host).wiring(passage)

    def _is_of_setup(self, passage: Passage) -> bool:
        """Whether the machine of the setup has the packet's devices."""
        assert self._replay is not None, "asked where there is one"
        devices = {passage.entered_by, passage.left_by, passage.port_in} - {""}
        return all(self._replay.machine.netns.devices.get(device) is not None for device in devices)

    def _judged(self, account: Account) -> Iterator[Finding]:
        passage = account.passage
        if self._replay is None:
            account.notes += _guesses(passage)
            yield from broken(passage, account.kind)
            yield from self._habits.missing(passage, account.kind)
            return
        try:
            played = self._replay.play(passage)
        except Unplayable as why:
            account.is_unplayed = True
            account.notes.append(f"not played through the setup: {why}")
            yield from broken(passage, account.kind)
            return
        account.played = played
        if played.note:
            account.notes.append(played.note)
        if NOBODY_SAW not in account.kind and played.kind not in (account.kind, NOBODY_SAW):
            text = f"the lines show path {account.kind}, pystack's packet took {played.kind}"
            yield Finding(Fault.PATH, passage.number, text, about=f"{account.kind} and {played.kind}")
        for finding in differences(passage, played, frozenset(self._replay.injected)):
            yield self._with_reason(finding, passage)

    def _with_reason(self, finding: Finding, passage: Passage) -> Finding:
        if finding.fault is not Fault.EXTRA:
            return finding
        line = next(line for line in passage.lines if line.number == finding.line)
        if mentions(self._setup, line.message.prefix):
            return finding
        text = f"{line.message.prefix.strip()}: no rule of the setup prints this"
        return replace(finding, text=text)


def _guesses(passage: Passage) -> Iterator[str]:
    numbers = [str(line.number) for line in passage.lines if line.place.is_guess]
    if numbers:
        yield f"no prefix says which hook wrote line {', '.join(numbers[:5])}: the usual one is taken"
