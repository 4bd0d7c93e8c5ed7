"""What nft knows of the tables while it evaluates a batch: those that are there, and what the batch makes."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Final

from pystack.applets.nft.evaluate.beside import rule_index
from pystack.applets.nft.evaluate.ledger import Held, Ledger
from pystack.applets.nft.loads import Loads
from pystack.applets.nft.meters import listed_meters
from pystack.applets.nft.place import KERNEL, Place
from pystack.applets.nft.stock import KnownTable, StockTable
from pystack.applets.nft.surroundings import Surroundings
from pystack.applets.nft.tree.commands import (
    ChainText,
    Command,
    Handle,
    ObjectText,
    RuleText,
    SetText,
    TableText,
)
from pystack.applets.nft.tree.expressions import Anything, Element
from pystack.netfilter.nft.ruleset import Ruleset
from pystack.netfilter.nft.set import NftSet
from pystack.netfilter.nft.table import Named

SetKey = tuple[str, str, str]

OBJECT_KINDS: Final = (
    "counter",
    "quota",
    "limit",
    "ct helper",
    "ct timeout",
    "ct expectation",
    "secmark",
    "synproxy",
)


class Cache:
    """A Context of evaluation. nft: src/cache.c"""

    def __init__(self, ruleset: Ruleset, surroundings: Surroundings) -> None:
        self.surroundings = surroundings
        self._ruleset = ruleset
        self.load(Loads())

    def load(self, loads: Loads) -> None:
        """Begin anew with what is there."""
        self._loads = loads
        tables = list(self._ruleset.tables if "table" in loads.kinds else ())
        if loads.only is not None:
            tables = [key for key in tables if key == (loads.only.family, loads.only.table)]
        self._there = dict.fromkeys(tables)
        self._gone = set(self._ruleset.tables) - set(self._there)  # and what this batch takes away
        self._known: dict[tuple[str, str], KnownTable] = {}  # of those that were asked for
        self._declarations: dict[SetKey, Place] = {}  # of sets that the batch makes
        self._ledgers: dict[SetKey, Ledger] = {}  # of those that were asked for

    # --- what evaluation asks -----------------------------------------------------------------------------

    def tables(self) -> list[tuple[str, str]]:
        """(family, name) of every table."""
        return list(self._there)

    def has_table(self, family: str, table: str) -> bool:
        """Is there such a table?"""
        return (family, table) in self._there

    def has_chain(self, family: str, table: str, chain: str) -> bool:
        """Is there such a chain?"""
        return chain in self._table(family, table).chains

    def has_object(self, family: str, table: str, kind: str, name: str) -> bool:
        """Is there such a counter, quota, …, or a meter?"""
        there = self._ruleset.tables.get((family, table))
        if kind == "meter":
            return there is not None and bool(listed_meters(there, name))
        return (kind, name) in self._table(family, table).objects

    def set_named(self, family: str, table: str, name: str) -> SetText | None:
        """The evaluated declaration of a named set or map, without its elements."""
        return self._table(family, table).sets.get(name)

    def ledger(self, family: str, table: str, name: str) -> Ledger:
        """What an interval set holds."""
        key = family, table, name
        found = self._ledgers.get(key)
        if found is None:
            named = self._set_there(family, table, name)
            content = named.content if named is not None else None
            found = self._ledgers[key] = Ledger(_known(content) if isinstance(content, NftSet) else ())
        return found

    def _set_there(self, family: str, table: str, name: str) -> Named | None:
        """One that was there before this batch, and still is."""
        there = self._ruleset.tables.get((family, table))
        if there is None or (family, table) in self._gone or name not in self._table(family, table).sets:
            return None
        return there.sets.get(name)

    def chains(self, family: str, table: str) -> list[str]:
        """The names of a table's chains."""
        return self._table(family, table).chains

    def sets(self, family: str, table: str) -> list[tuple[str, bool]]:
        """The names of a table's sets and maps, and whether it is a map."""
        return [(name, text.is_map) for name, text in self._table(family, table).sets.items()]

    def objects(self, family: str, table: str) -> list[str]:
        """The names of a table's objects, of whatever kind."""
        return [name for _, name in self._table(family, table).objects]

    def rules(self, family: str, table: str, chain: str) -> list[int] | None:
        """The handles of a chain's rules, 0 for those of this batch; None if nft does not look at them."""
        return self._table(family, table).rules.setdefault(chain, []) if self._loads.rules else None

    def _table(self, family: str, name: str) -> KnownTable:
        key = family, name
        if key not in self._there:
            return KnownTable()
        known = self._known.get(key)
        if known is None:
            table = self._ruleset.tables.get(key) if key not in self._gone else None
            known = KnownTable() if table is None else KnownTable.of(table, self._loads)
            self._known[key] = known
        return known

    def look_again(self) -> None:
        """The kernel did not find what a rule names: what this batch made may be forgotten for it.

        nft: src/cmd.c nft_cmd_enoent_rule()
        """
        if self._loads.again:
            self.load(Loads(frozenset({"table", "chain"})))

    def stock(self) -> Iterator[StockTable]:
        """What `list` finds."""
        for key in self._there:
            live = self._ruleset.tables.get(key) if key not in self._gone else None
            ledgers = {of[2]: ledger for of, ledger in self._ledgers.items() if of[:2] == key}
            yield StockTable(*key, live, self._known.get(key), ledgers)

    def completed(self, commands: Sequence[Command]) -> list[Command]:
        """The same, but sets of intervals are declared with all that they hold in the end: so nft sends them.

        Whoever creates an element in a set that the same batch makes is refused for it.
        """
        return [self._with_all(command) for command in commands]

    def _with_all(self, command: Command) -> Command:
        handle, body = command.handle, command.body
        key = handle.family, handle.table, handle.name
        if not isinstance(body, SetText) or self._declarations.get(key) is not command.at:
            return command
        self._table(handle.family, handle.table).made["set", handle.name] = body
        ledger = self._ledgers.get(key)
        if ledger is None or body.auto_merge:
            return command
        own = body.elements or ()
        known = {id(one) for one in own}
        later = [one.item for one in ledger.held if id(one.item) not in known]
        return replace(command, body=replace(body, elements=(*own, *later))) if later else command

    # --- what the batch does ------------------------------------------------------------------------------

    def enter(self, command: Command) -> None:
        """Know what an evaluated command makes, and takes away. nft: src/evaluate.c cmd_evaluate_add()"""
        if isinstance(command.body, RuleText):
            self._put_rule(command)
        elif command.operation in ("add", "create"):
            self._add(command)
        elif command.operation == "delete":
            self._delete(command)
        elif command.operation == "flush":
            self._flush(command)

    def _add(self, command: Command) -> None:
        handle, body = command.handle, command.body
        if command.object == "table":
            self._add_table(handle, body)
            return
        known, name = self._table(handle.family, handle.table), handle.name
        if command.object == "chain" and name not in known.chains:
            known.chains.append(name)
            known.made["chain", name] = (
                replace(body, devices=None) if isinstance(body, ChainText) else ChainText(name)
            )
        elif isinstance(body, SetText) and name not in known.sets:
            self._declarations[handle.family, handle.table, name] = command.at
            known.sets[name] = replace(body, elements=None)
            known.made["set", name] = body
        elif isinstance(body, ObjectText) and (body.kind, name) not in known.objects:
            known.objects.append((body.kind, name))
            known.made[body.kind, name] = body

    def _put_rule(self, command: Command) -> None:
        """nft: src/evaluate.c rule_cache_update()"""
        handle = command.handle
        rules = self.rules(handle.family, handle.table, handle.name)
        if rules is not None and command.operation != "replace":
            at, is_insert = rule_index(handle, rules), command.operation == "insert"
            rules.insert(at + (not is_insert) if at is not None else 0 if is_insert else len(rules), 0)

    def _add_table(self, handle: Handle, body: object) -> None:
        key = handle.family, handle.table
        if key in self._there:
            return
        self._there[key] = None
        self._table(*key).table = body if isinstance(body, TableText) else TableText(*key)

    def _flush(self, command: Command) -> None:
        handle = command.handle
        if command.object in ("set", "map"):  # who flushes the ruleset has read nothing of it
            self.ledger(handle.family, handle.table, handle.name).clear()

    def _forget_table(self, key: tuple[str, str]) -> None:
        self._there.pop(key, None)
        self._known.pop(key, None)
        self._gone.add(key)
        self._ledgers = {of: ledger for of, ledger in self._ledgers.items() if of[:2] != key}

    def _delete(self, command: Command) -> None:
        handle = command.handle
        if command.object == "table":
            self._forget_table((handle.family, handle.table))
            return
        known = self._table(handle.family, handle.table)
        known.made.pop(("set" if command.object == "map" else command.object, handle.name), None)
        if command.object == "chain" and handle.name in known.chains:
            known.chains.remove(handle.name)
        elif command.object in ("set", "map"):
            known.sets.pop(handle.name, None)
            self._ledgers.pop((handle.family, handle.table, handle.name), None)
        elif (command.object, handle.name) in known.objects:
            known.objects.remove((command.object, handle.name))


def _known(content: NftSet) -> Iterator[Held]:
    """What the kernel holds."""
    for one in content:
        if not one.is_catch_all:
            low, high = int.from_bytes(one.key), int.from_bytes(one.end)
            yield Held(low, high, Element(Anything(), at=KERNEL), is_known=True)
