"""`nft monitor`: changes of the tables, and packets that are followed, as it happens.

nft: src/monitor.c, src/evaluate.c cmd_evaluate_monitor()
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator, Iterator
from dataclasses import dataclass
from typing import Final

from pystack.applets.nft.errors import NftError
from pystack.applets.nft.events_json import change_things
from pystack.applets.nft.events_text import change_lines, generation_line
from pystack.applets.nft.json_out.dump import dump
from pystack.applets.nft.listing import listed_rule
from pystack.applets.nft.printer.chains import listed_rule_text
from pystack.applets.nft.printer.page import Page
from pystack.applets.nft.traced_text import traced_text
from pystack.applets.nft.tree.commands import Command
from pystack.applets.requests import Answer, Request, Wait
from pystack.applets.session import Session
from pystack.events import Event, RulesetChanged, Traced
from pystack.netfilter.nft.change import Change
from pystack.netfilter.rule import Rule

MONITOR: Final = "monitor"  # the operation
_EVENTS: Final = ("new", "destroy")
_FORMATS: Final = ("json", "xml", "vm")
_THINGS: Final = frozenset({"table", "chain", "rule", "set", "map", "element"})
_KINDS: Final = {
    "tables": frozenset({"table"}),
    "chains": frozenset({"chain"}),
    "rules": frozenset({"rule"}),
    "sets": frozenset({"set", "map"}),
    "elements": frozenset({"element"}),
    "trace": frozenset[str](),
}


@dataclass(frozen=True, slots=True)
class Watched:
    """What somebody wants to hear of."""

    event: str = ""  # new, destroy; "": both
    of: str = ""  # tables, chains, …; "": everything
    is_json: bool = False

    @property
    def traces(self) -> bool:
        """Packets that are followed are neither new nor destroyed."""
        return not self.event and self.of in ("", "trace")

    @property
    def generations(self) -> bool:
        """That a batch held is told only to those who want everything."""
        return not self.event and not self.of and not self.is_json

    def hears(self, change: Change) -> bool:
        """Objects are forgotten where one asks for all that is new, or for all that is destroyed."""
        if self.event and (change.operation == "delete") != (self.event == "destroy"):
            return False
        if self.of in _KINDS:
            return change.kind in _KINDS[self.of]
        return change.kind in _THINGS or self.of == "ruleset" or not self.event


def watched_of(command: Command, *, is_json: bool) -> Watched:
    """Out of the words behind `monitor`; raises NftError."""
    words = str(command.body or "").split()
    event, of = "", ""
    if "event" in command.places:
        event = words.pop(0)
        if event not in _EVENTS:
            raise NftError(command.places["event"], f"invalid event {event}")
    if words and words[0] not in _FORMATS:
        of = words.pop(0)
    return Watched(event, of, is_json or bool(words))


def monitor(watched: Watched, session: Session, page: Page) -> Generator[Request, Answer, None]:
    """Until the user ends it."""
    waiting: deque[str] = deque()
    rules = dict(_rule_texts(session, page))

    def hear(event: Event) -> None:
        if isinstance(event, RulesetChanged) and event.netns == session.netns.name:
            waiting.extend(lines_of(event, watched, page))
        elif isinstance(event, Traced) and event.netns == session.netns.name and watched.traces:
            waiting.append(traced_text(event, rules, page))

    stop = session.netns.events.subscribe(hear)
    try:
        while True:
            yield Wait(lambda: bool(waiting))
            while waiting:
                session.io.out.write(waiting.popleft())
    finally:  # it knows no signal, so the first one ends it
        stop()


def _rule_texts(session: Session, page: Page) -> Iterator[tuple[Rule, str]]:
    """As they are when the tool begins: it asks for none later."""
    for table in session.netns.nft.tables.values():
        for rule in table.rules():
            yield rule, listed_rule_text(listed_rule(rule), page)


def lines_of(event: RulesetChanged, watched: Watched, page: Page) -> Iterator[str]:
    """What is said of a batch to who wants to hear of that."""
    for change in _changes(event):
        if not watched.hears(change):
            continue
        if watched.is_json:
            yield from (f"{dump(thing)}\n" for thing in change_things(change, page))
        else:
            yield from (f"{line}\n" for line in change_lines(change, page))
    if watched.generations:
        yield f"{generation_line(event.generation, event.program)}\n"


def _changes(event: RulesetChanged) -> Iterator[Change]:
    for change in event.changes:
        assert isinstance(change, Change), "nft's own changes"
        yield from change.events
