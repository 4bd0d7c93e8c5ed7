"""A batch: all of its commands hold, or none. nft: src/libnftables.c nft_netlink()"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Final

from pystack.applets.nft.blamed import Blamed, BlamedTwice
from pystack.applets.nft.cache import Cache
from pystack.applets.nft.contents import Contents
from pystack.applets.nft.errors import NftError
from pystack.applets.nft.evaluate.collapse import uncollapsed
from pystack.applets.nft.mentions import Mentions
from pystack.applets.nft.place import COMMAND_LINE, NOWHERE, Place
from pystack.applets.nft.rule_maker import RuleMaker
from pystack.applets.nft.steps import Steps
from pystack.applets.nft.tree.commands import ChainText, Command, RuleText
from pystack.applets.nft.wording import refusal
from pystack.errors import NetError, NotModelled
from pystack.netfilter.nft.change import Change, Changes
from pystack.netfilter.nft.editor import TABLE, Editor, Rejected, Suspects
from pystack.netfilter.nft.journal import Journal
from pystack.netfilter.nft.ruleset import Ruleset
from pystack.netfilter.nft.table import NftTable
from pystack.netfilter.nft.validation import fault_of
from pystack.netns import Netns
from pystack.origins import Origins

_PROGRAM: Final = "nft"

Show = Callable[[Command], None]
Refused = tuple[Command, int, Place | None]  # with which errno, and which word is blamed

_QUESTIONS: Final = ("list", "get", "reset", "describe")


class Transaction:
    """Runs evaluated commands."""

    def __init__(self, netns: Netns, cache: Cache, origins: Origins, show: Show) -> None:
        self._netns = netns
        self._cache = cache
        self._origins = origins
        self._show = show  # what lists, and changes nothing

    def run(self, commands: Sequence[Command], *, check: bool) -> list[Change]:
        """What was changed. Raises NftError with all that the kernel refuses; nothing is changed then.

        A batch that only as a whole turns out to lead packets where they may not go is done once more with
        a look at the tables after each step, to find the one to blame. At tables that are new in it the
        kernel looks only from such a batch to the next one that holds, tries (-c) not counted.
        Linux: net/netfilter/nf_tables_api.c nf_tables_validate(), nft_validate_state_update()
        """
        self._answer([command for command in commands if command.operation in _QUESTIONS])
        commands = [command for command in commands if command.operation not in _QUESTIONS]
        ruleset = self._netns.nft
        known = {id(table) for table in ruleset.tables.values()}

        def is_new(table: NftTable) -> bool:
            return ruleset.is_wary and id(table) not in known

        def is_any(table: NftTable) -> bool:
            return ruleset.is_wary or id(table) in known

        changes = self._attempt(commands, is_new, check=check)
        if changes is None:
            ruleset.is_wary |= not check
            changes = self._attempt(commands, is_any, check=check, is_last=True)
            assert changes is not None, "it is not done a third time"
        return changes

    def _answer(self, questions: Sequence[Command]) -> None:
        """They are asked before the batch is sent. nft: src/rule.c do_command()"""
        for command in questions:
            try:
                self._show(command)
            except NetError as error:
                raise refusal(command, error.number, None) from None

    def _attempt(
        self, commands: Sequence[Command], suspects: Suspects, *, check: bool, is_last: bool = False
    ) -> list[Change] | None:
        """None if it has to be done again."""
        ruleset, journal, changes = self._netns.nft, Journal(), Changes()
        editor = Editor(ruleset, journal, suspects)
        maker = RuleMaker(self._netns.nft_ground, self._origins.line)
        contents = Contents(self._netns.nft_ground, self._cache, journal)
        steps = Steps(editor, maker, contents, changes)
        try:
            refused = self._do_all(commands, steps)
        except Exception:  # not modelled, or a fault of ours: nothing stays half done
            journal.roll_back()
            raise
        is_bad = not refused and not is_last and _has_fault(ruleset, changes)
        if refused or is_bad or check:
            journal.roll_back()
            if refused:
                raise NftError.of([refusal(*one, self._cache) for one in refused])
            return None if is_bad else []
        journal.commit()
        ruleset.is_wary = False
        for change in changes.all:
            if change.kind == "chain":
                self._origins.note(change.thing)
        self._netns.ruleset_changed(changes, _PROGRAM)
        return changes.all

    def _do_all(self, commands: Sequence[Command], steps: Steps) -> list[Refused]:
        """What the kernel refuses; it goes on behind that, to find everything."""
        refused: list[Refused] = []
        for command in commands:
            try:
                steps.do(command)
            except NetError as error:
                if command.collapsed:  # nothing of it is done: which of them are to blame is seen one by one
                    refused += self._do_all(uncollapsed(command), steps)
                    continue
                refused += [*_also_blamed(command, error), (command, error.number, _blamed(command, error))]
            except NotModelled as error:
                raise NotModelled(f"{_line_of(command)}{error.name}", error.known) from None
        return refused


def _line_of(command: Command) -> str:
    """`FILE:LINE: `, for what stands in one."""
    name = command.at.source.name
    return "" if name in (COMMAND_LINE, NOWHERE.source.name) else f"{name}:{command.at.line}: "


def _has_fault(ruleset: Ruleset, changes: Changes) -> bool:
    touched = {id(change.table): change.table for change in changes.all if change.operation != "delete"}
    there = {id(table) for table in ruleset.tables.values()}
    return any(fault_of(table) for known, table in touched.items() if known in there)


def _also_blamed(command: Command, error: NetError) -> Iterator[Refused]:
    """Where a table is not there, a rule's own sets are refused in front of it: each, and its elements."""
    if isinstance(error, BlamedTwice):
        yield command, error.first.number, error.first.at
    if isinstance(error, Rejected) and error.blamed == TABLE and isinstance(command.body, RuleText):
        own_set = replace(command, object="element")  # whose name, which nobody gave, is like no other
        for at in Mentions(command.body.statements).filled:
            yield own_set, error.number, _blamed(command, error)
            if at is not None:
                yield own_set, error.number, at


def _blamed(command: Command, error: NetError) -> Place | None:
    """The place of what the kernel blames; None: the whole command."""
    if isinstance(error, Blamed):
        return error.at
    if not isinstance(error, Rejected) or not error.blamed:
        return None
    body = command.body
    if isinstance(body, ChainText) and error.blamed in body.places:
        return body.places[error.blamed]
    places = command.handle.places
    return places.get(error.blamed, places.get("name"))
