"""What a batch prints: answers to commands that list, and the echo of what it changed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pystack.applets.nft.cache import Cache
from pystack.applets.nft.compat.loaded import Loaded, shows_xt
from pystack.applets.nft.describe import describe
from pystack.applets.nft.events_json import change_things
from pystack.applets.nft.events_text import change_lines, generation_line
from pystack.applets.nft.json_out.dump import dump
from pystack.applets.nft.json_out.tables import listing, warnings
from pystack.applets.nft.lister import PARTS, Lister, Shape, chosen_objects, found_elements
from pystack.applets.nft.options import Options
from pystack.applets.nft.printer.page import Page
from pystack.applets.nft.tree.commands import Command
from pystack.applets.nft.tree.expressions import Expression
from pystack.applets.nft.tree.listed import ListedTable
from pystack.applets.session import Session
from pystack.netfilter.nft.change import Change


class Shown:
    """Prints for one run."""

    def __init__(self, session: Session, options: Options, cache: Cache) -> None:
        self._out = session.io.out
        self._err = session.io.err
        self._ruleset = session.netns.nft
        self._cache = cache
        self._json = options.json
        self._page = Page(options.style, cache.surroundings)
        self._loaded = Loaded()

    def show(self, command: Command) -> None:
        """Answer a command that lists. Raises NetError."""
        if command.operation == "describe":
            assert isinstance(command.body, Expression), "an expression, or the name of a type"
            self._out.write(describe(command.body, self._page.around))
            return
        counted = chosen_objects(self._ruleset, command) if command.operation == "reset" else []
        shape, tables = self._answer(command)
        if self._json:
            things = [thing for table in tables for thing in shape.things(table, self._page)]
            self._err.write("".join(warnings(things)))
            self._out.write(listing(things))
        else:
            for table in tables:
                self._out.write(shape.text(self._translated(table, shape), self._page))

        for one in counted:
            one.reset()

    def _answer(self, command: Command) -> tuple[Shape, Iterable[ListedTable]]:
        if command.operation == "get":
            return PARTS, [found_elements(self._ruleset, command)]
        shape, tables = Lister(self._cache.stock(), command).answer()
        return shape, tables

    def _translated(self, table: ListedTable, shape: Shape) -> ListedTable:
        """nft: src/rule.c table_print()"""
        if not shape.shows_rules or not shows_xt(table):
            return table
        owner = f"{table.family} {table.name}"
        self._err.line(f"# Warning: table {owner} is managed by iptables-nft, do not touch!")
        table = self._loaded.translated(table)
        self._err.write("".join(self._loaded.not_found))
        self._loaded.not_found.clear()
        return table

    def echo(self, changes: Sequence[Change]) -> None:
        """What was added, inserted or replaced."""
        told = [change for change in changes if change.operation != "delete"]
        if self._json:
            things = [thing for change in told for thing in change_things(change, self._page)]
            self._err.write("".join(warnings(things)))
            self._out.line(dump({"nftables": things}))
            return
        for change in told:
            for line in change_lines(change, self._page):
                self._out.line(line)
        if told:
            self._out.line(generation_line(self._ruleset.generation))
