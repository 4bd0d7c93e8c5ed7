"""What a batch changed, in the order in which it did: for who echoes it, and for who monitors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from pystack.netfilter.nft.table import Named, NftRule, NftTable
from pystack.netfilter.rule import Chain, Rule

Tell = Callable[[], tuple[object, ...]]  # elements, as the front end knows them


@dataclass(frozen=True, slots=True)
class Change:
    """One of them. Linux: struct nft_trans"""

    operation: str  # add, create, insert, replace, delete
    kind: str  # table, chain, rule, set, map, element; of objects their own
    table: NftTable
    thing: Chain | Named | None = None  # of a rule its chain
    part: Rule | Tell | None = None  # a rule, or elements of the set
    old: Rule | None = None  # the one that a rule replaced
    policy: int | None = None  # a chain's at that moment, where it may have got another one since

    @property
    def events(self) -> tuple[Change, ...]:
        """As who monitors hears of it: of a rule in the place of another one twice, and of its own sets."""
        if self.old is not None:
            gone = replace(self, operation="delete", part=self.old, old=None)
            return (*gone.events, replace(self, operation="add", old=None))
        if self.operation != "delete" or not isinstance(self.part, NftRule):
            return (self,)
        return (self, *(Change("delete", "set", self.table, named) for named in self.part.own_sets))

    @property
    def elements(self) -> tuple[object, ...]:
        """Of a set."""
        assert callable(self.part), "elements of a set"
        return self.part()

    @property
    def rule(self) -> Rule:
        """Of a chain."""
        assert isinstance(self.part, Rule), "a rule of a chain"
        return self.part

    @property
    def name(self) -> str:
        """Of what is in the table."""
        assert self.thing is not None, "all but tables are something in one"
        return self.thing.name


class Changes:
    """Those of one batch."""

    def __init__(self) -> None:
        self.all: list[Change] = []
        self.creates = False  # what is added now must not be there yet

    def note(self, change: Change) -> None:
        """It was done."""
        is_created = self.creates and change.operation == "add"
        self.all.append(replace(change, operation="create") if is_created else change)

    def note_end_of(self, table: NftTable) -> None:
        """All that is in a table goes before it does. Linux: nft_flush_table()"""
        for chain in table.chains.values():
            for rule in (*chain.rules, *chain.behind):
                self.note(Change("delete", "rule", table, chain, rule))
        for named in table.sets.values():
            self.note(Change("delete", "set", table, named))
        for (kind, _), named in table.objects.items():
            self.note(Change("delete", kind, table, named))
        for chain in table.chains.values():
            self.note(Change("delete", "chain", table, chain))
        self.note(Change("delete", "table", table))
