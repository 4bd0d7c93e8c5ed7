"""What nft knows of the tables while it evaluates a batch: those that are there, and what the batch makes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import Final

from pystack.applets.nft.compile.elements import ends_of
from pystack.applets.nft.held import held
from pystack.applets.nft.meters import listed_meters
from pystack.applets.nft.place import KERNEL, Place
from pystack.applets.nft.surroundings import Surroundings
from pystack.applets.nft.tree.commands import Command, Handle, ObjectText, SetText
from pystack.applets.nft.tree.expressions import Anything, Concatenation, Element
from pystack.netfilter.nft.ruleset import Ruleset
from pystack.netfilter.nft.set import NftSet
from pystack.netfilter.nft.table import Named, NftTable

SetKey = tuple[str, str, str]
Span = tuple[int, int, Place | None]  # both ends in it; where this batch put it in, if it did

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


@dataclass(slots=True)
class KnownTable:
    """By name, in the order of their making."""

    chains: list[str] = field(default_factory=list)
    sets: dict[str, SetText] = field(default_factory=dict)
    objects: list[tuple[str, str]] = field(default_factory=list)

    @classmethod
    def of(cls, table: NftTable) -> KnownTable:
        """One that is there."""
        sets = {name: replace(held(named).text, at=KERNEL) for name, named in table.sets.items()}
        return cls(list(table.chains), sets, list(table.objects))


class Cache:
    """A Context of evaluation. nft: src/cache.c"""

    def __init__(self, ruleset: Ruleset, surroundings: Surroundings) -> None:
        self.surroundings = surroundings
        self._ruleset = ruleset
        self._there = dict.fromkeys(ruleset.tables)
        self._gone: set[tuple[str, str]] = set()  # taken away by this batch, though they may be there again
        self._known: dict[tuple[str, str], KnownTable] = {}  # of those that were asked for
        self._ranges: dict[SetKey, list[Span]] = {}
        self._added: dict[SetKey, list[Element]] = {}  # by this batch, and not asked for since

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

    def set_ranges(self, family: str, table: str, name: str) -> list[Span]:
        """What an interval set holds, as numbers with both ends in it."""
        key = family, table, name
        ranges = self._ranges.get(key)
        if ranges is None:
            named = self._set_there(family, table, name)
            content = named.content if named is not None else None
            ranges = [_span(one.key, one.end) for one in content] if isinstance(content, NftSet) else []
        ranges += _spans(self._added.pop(key, []))
        ranges.sort(key=itemgetter(0))
        self._ranges[key] = _without_covered(ranges)
        return self._ranges[key]

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

    def _table(self, family: str, name: str) -> KnownTable:
        key = family, name
        if key not in self._there:
            return KnownTable()
        known = self._known.get(key)
        if known is None:
            table = self._ruleset.tables.get(key) if key not in self._gone else None
            known = self._known[key] = KnownTable() if table is None else KnownTable.of(table)
        return known

    # --- what the batch does ------------------------------------------------------------------------------

    def enter(self, command: Command) -> None:
        """Know what an evaluated command makes, and takes away. nft: src/evaluate.c cmd_evaluate_add()"""
        if command.operation in ("add", "create"):
            self._add(command)
        elif command.operation == "delete":
            self._delete(command)
        elif command.operation == "flush":
            self._flush(command)

    def _add(self, command: Command) -> None:
        handle, body = command.handle, command.body
        if command.object == "table":
            self._there[handle.family, handle.table] = None
            return
        known = self._table(handle.family, handle.table)
        if command.object == "chain" and handle.name not in known.chains:
            known.chains.append(handle.name)
        elif isinstance(body, SetText):
            known.sets.setdefault(handle.name, replace(body, elements=None))
            self._add_ranges(handle, body.elements or ())
        elif command.object == "element":
            assert isinstance(body, tuple), "elements"
            self._add_ranges(handle, body)
        elif isinstance(body, ObjectText) and (body.kind, handle.name) not in known.objects:
            known.objects.append((body.kind, handle.name))

    def _add_ranges(self, handle: Handle, elements: tuple[Element, ...]) -> None:
        declared = self._table(handle.family, handle.table).sets.get(handle.name)
        if declared is None or "interval" not in declared.flags:
            return
        self._added.setdefault((handle.family, handle.table, handle.name), []).extend(elements)

    def _flush(self, command: Command) -> None:
        handle = command.handle
        if command.object == "ruleset":
            for key in [key for key in self._there if handle.family in ("", key[0])]:
                self._forget_table(key)
        elif command.object in ("set", "map"):
            self._empty((handle.family, handle.table, handle.name))

    def _forget_table(self, key: tuple[str, str]) -> None:
        self._there.pop(key, None)
        self._known.pop(key, None)
        self._gone.add(key)
        for ranges in [one for one in {*self._ranges, *self._added} if one[:2] == key]:
            self._empty(ranges)

    def _empty(self, key: SetKey) -> None:
        self._ranges[key] = []
        self._added.pop(key, None)

    def _delete(self, command: Command) -> None:
        handle = command.handle
        if command.object == "table":
            self._forget_table((handle.family, handle.table))
            return
        known = self._table(handle.family, handle.table)
        if command.object == "element":
            self._forget_ranges(command)
        elif command.object == "chain" and handle.name in known.chains:
            known.chains.remove(handle.name)
        elif command.object in ("set", "map"):
            known.sets.pop(handle.name, None)
            self._empty((handle.family, handle.table, handle.name))
        elif (command.object, handle.name) in known.objects:
            known.objects.remove((command.object, handle.name))

    def _forget_ranges(self, command: Command) -> None:
        handle, elements = command.handle, command.body
        assert isinstance(elements, tuple), "elements"
        ranges = self.set_ranges(handle.family, handle.table, handle.name)
        gone = {span[:2] for span in _spans(elements)}
        ranges[:] = [span for span in ranges if span[:2] not in gone]


def _without_covered(spans: list[Span]) -> list[Span]:
    """A merged interval stands for those that it was made of; what was there first stays of two alike."""
    kept: list[Span] = []
    for span in spans:
        while kept and kept[-1][0] == span[0] and kept[-1][1] < span[1]:
            kept.pop()
        if not kept or span[1] > kept[-1][1]:
            kept.append(span)
    return kept


def _spans(elements: Iterable[Element]) -> list[Span]:
    keys = ((element.key, element.at) for element in elements)
    return [_span(*ends_of(key), at) for key, at in keys if not isinstance(key, Anything | Concatenation)]


def _span(low: bytes, high: bytes, at: Place | None = None) -> Span:
    return int.from_bytes(low), int.from_bytes(high), at
