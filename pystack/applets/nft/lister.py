"""What `list`, `get` and `reset` print. nft: src/rule.c do_command_list()"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from typing import Final, NamedTuple

from pystack.applets.nft.cache import OBJECT_KINDS
from pystack.applets.nft.compile.sets import TypedSet
from pystack.applets.nft.held import held
from pystack.applets.nft.json_out.dump import Json
from pystack.applets.nft.json_out.tables import declaration_things, part_things, table_thing, table_things
from pystack.applets.nft.listing import listed_set, listed_table, nothing
from pystack.applets.nft.printer.page import Page
from pystack.applets.nft.printer.tables import declarations_text, parts_text, table_text
from pystack.applets.nft.stock import StockTable
from pystack.applets.nft.tree.commands import Command, SetText
from pystack.applets.nft.tree.expressions import Element
from pystack.applets.nft.tree.listed import ListedTable
from pystack.errors import ENOENT, NotModelled
from pystack.netfilter.nft.editor import Rejected
from pystack.netfilter.nft.ruleset import Ruleset
from pystack.netfilter.nft.statements.counters import Counter, Quota

PLURALS: Final = {f"{kind}s": kind for kind in OBJECT_KINDS}


class Shape(NamedTuple):
    """How much of a table is said, as text and as JSON."""

    text: Callable[[ListedTable, Page], str]
    things: Callable[[ListedTable, Page], list[Json]]
    shows_rules: bool = True


WHOLE: Final = Shape(table_text, table_things)
PARTS: Final = Shape(parts_text, part_things)
DECLARATIONS: Final = Shape(declarations_text, declaration_things, shows_rules=False)
NAMES: Final = Shape(
    lambda table, page: f"table {table.family} {table.name}\n", lambda table, page: [table_thing(table)]
)


class Lister:
    """Answers one command with tables, or parts of them."""

    def __init__(self, stock: Iterable[StockTable], command: Command) -> None:
        self._stock = stock
        self._command = command

    def answer(self) -> tuple[Shape, Iterable[ListedTable]]:
        """Which tables, and how much of them is said."""
        kind = PLURALS.get(self._command.object, self._command.object)
        if kind == "tables":
            return NAMES, (table.listed(nothing, nothing, nothing) for table in self._tables())
        if kind in ("table", "ruleset"):
            return WHOLE, (table.listed() for table in self._tables())
        if kind in ("chain", "set", "map", "meter"):
            return PARTS, self._one(kind)
        if kind == "chains":
            tables = (table.listed(sets=nothing, objects=nothing) for table in self._tables())
            return DECLARATIONS, tables
        if kind in ("sets", "maps", "meters"):
            return PARTS, self._sets(kind)
        if kind in OBJECT_KINDS:
            return PARTS, self._objects(kind)
        if kind == "flowtables":  # no table has any
            return PARTS, (table.listed(nothing, nothing, nothing) for table in self._tables())
        raise NotModelled(f"nft list {self._command.object}", ("list ruleset", "list tables", "list chains"))

    def _tables(self) -> Iterator[StockTable]:
        handle = self._command.handle
        for table in self._stock:
            if handle.family in ("", table.family) and handle.table in ("", table.name):
                yield table

    def _one(self, kind: str) -> Iterator[ListedTable]:
        name = self._command.handle.name
        for table in self._tables():
            if kind == "chain":
                yield table.listed(chains=name.__eq__, sets=nothing, objects=nothing)
            elif kind == "meter":
                yield _with_meters(table, name)
            else:
                yield table.listed(chains=nothing, sets=name.__eq__, objects=nothing)

    def _sets(self, kind: str) -> Iterator[ListedTable]:
        for table in self._tables():
            if kind == "meters":
                yield _with_meters(table)
                continue
            listed = table.listed(chains=nothing, objects=nothing)
            yield replace(listed, sets=tuple(one for one in listed.sets if _is_of(one.text, kind)))

    def _objects(self, kind: str) -> Iterator[ListedTable]:
        """Tables that have objects, of whatever kind. nft: do_list_obj()"""
        name = self._command.handle.name
        for table in self._tables():
            if table.has_objects():
                listed = table.listed(nothing, nothing, lambda known: name in ("", known))
                chosen = tuple(one for one in listed.objects if one.text.kind == kind)
                yield replace(listed, objects=chosen)


def _is_of(text: SetText, kind: str) -> bool:
    return text.is_map == (kind == "maps")


def _with_meters(table: StockTable, name: str = "") -> ListedTable:
    return replace(table.listed(nothing, nothing, nothing), sets=table.meters(name))


def found_elements(ruleset: Ruleset, command: Command) -> ListedTable:
    """What `get element` prints. Raises Rejected."""
    handle, items = command.handle, command.body
    table = ruleset.tables.get((handle.family, handle.table))
    named = table.sets.get(handle.name) if table is not None else None
    if table is None or named is None:
        raise Rejected(ENOENT)
    assert isinstance(items, tuple), "elements"
    found = listed_set(named, elements=False)
    text = replace(found.text, elements=_got(held(named).elements, items))
    listed = listed_table(table, chains=nothing, sets=nothing, objects=nothing)
    return replace(listed, sets=(replace(found, text=text),))


def _got(elements: TypedSet, items: tuple[Element, ...]) -> tuple[Element, ...]:
    """Raises Rejected for one that is not there."""
    got = []
    for one in elements.get(items):
        if one is None:
            raise Rejected(ENOENT)
        got.append(one)
    return tuple(got)


def chosen_objects(ruleset: Ruleset, command: Command) -> list[Counter | Quota]:
    """Which counters and quotas `reset` is about. Raises Rejected where none is called so."""
    handle, kind = command.handle, PLURALS.get(command.object, command.object)
    found = [
        named.content
        for table in ruleset.tables.values()
        for (of, name), named in table.objects.items()
        if of == kind
        and isinstance(named.content, Counter | Quota)
        and handle.family in ("", table.family)
        and handle.table in ("", table.name)
        and handle.name in ("", name)
    ]
    if handle.name and not found:
        raise Rejected(ENOENT)
    return found
