"""Tables that texts have made, for tests of evaluation: what a listing of them would show."""

from __future__ import annotations

from dataclasses import replace
from itertools import chain

from pystack.applets.nft.errors import NftError
from pystack.applets.nft.evaluate import as_declared, evaluate, expand
from pystack.applets.nft.evaluate.ledger import Ledger
from pystack.applets.nft.place import COMMAND_LINE
from pystack.applets.nft.printer.page import Page
from pystack.applets.nft.printer.tables import table_text
from pystack.applets.nft.reading import read
from pystack.applets.nft.source import source_of
from pystack.applets.nft.surroundings import Surroundings
from pystack.applets.nft.tree.commands import ChainText, Command, ObjectText, RuleText, SetText, TableText
from pystack.applets.nft.tree.expressions import Element
from pystack.applets.nft.tree.listed import ListedChain, ListedObject, ListedRule, ListedSet, ListedTable
from pystack.applets.tcpdump.names import Names


def names() -> Names:
    """The few that tests write."""
    known = Names()
    known.read_services("ssh 22/tcp\nhttp 80/tcp\ndomain 53/udp\n")
    known.read_protocols("icmp 1 ICMP\ntcp 6 TCP\nudp 17 UDP\nipv6-icmp 58 IPv6-ICMP\n")
    return known


class Book:
    """A Context of evaluation that keeps what was evaluated."""

    def __init__(self) -> None:
        self.surroundings = Surroundings(names=names(), devices={"lo": 1, "eth0": 2})
        self._tables: dict[tuple[str, str], ListedTable] = {}
        self._ledgers: dict[tuple[str, str, str], Ledger] = {}

    # --- what is asked --------------------------------------------------------------------------------------

    def has_table(self, family: str, table: str) -> bool:
        return (family, table) in self._tables

    def has_chain(self, family: str, table: str, chain: str) -> bool:
        return chain in self.chains(family, table)

    def has_object(self, family: str, table: str, kind: str, name: str) -> bool:
        return name in self.objects(family, table)

    def set_named(self, family: str, table: str, name: str) -> SetText | None:
        sets = self._table(family, table).sets
        return next((one.text for one in sets if one.text.name == name), None)

    def rules(self, family: str, table: str, chain: str) -> list[int] | None:
        return None

    def ledger(self, family: str, table: str, name: str) -> Ledger:
        return self._ledgers.setdefault((family, table, name), Ledger())

    def tables(self) -> list[tuple[str, str]]:
        return list(self._tables)

    def chains(self, family: str, table: str) -> list[str]:
        return [one.text.name for one in self._table(family, table).chains]

    def sets(self, family: str, table: str) -> list[tuple[str, bool]]:
        return [(one.text.name, one.text.is_map) for one in self._table(family, table).sets]

    def objects(self, family: str, table: str) -> list[str]:
        return [one.text.name for one in self._table(family, table).objects]

    def _table(self, family: str, table: str) -> ListedTable:
        return self._tables.get((family, table), ListedTable(family, table, 0))

    # --- what is kept ---------------------------------------------------------------------------------------

    def run(self, text: str) -> None:
        """Evaluate all of a text, as from the command line; NftError tells of all that is wrong."""
        found, errors, _ = read(source_of(COMMAND_LINE, text.encode() + b"\n"))
        for command in chain.from_iterable(map(expand, found)):
            try:
                self.enter(evaluate(command, self))
            except NftError as error:
                errors.append(error)
                declared = as_declared(command, self)
                if declared is not None:
                    self.enter(declared)
        if errors:
            raise NftError.of(errors)

    def enter(self, command: Command) -> None:
        """Keep what a command has made."""
        handle, body = command.handle, command.body
        key = handle.family or "ip", handle.table
        table = self._table(*key)
        match body:
            case TableText() | None if command.object == "table":
                self._tables.setdefault(key, table)
                return
            case ChainText():
                table = replace(table, chains=(*table.chains, ListedChain(body, 0, ())))
            case SetText():
                table = replace(table, sets=(*table.sets, ListedSet(body, 0)))
            case ObjectText():
                table = replace(table, objects=(*table.objects, ListedObject(body, 0)))
            case RuleText():
                table = replace(table, chains=_with_rule(table.chains, handle.name, body))
            case tuple() if command.operation != "delete":
                table = replace(table, sets=_with_elements(table.sets, handle.name, body))
            case None if command.object == "chain":
                table = replace(table, chains=(*table.chains, ListedChain(ChainText(handle.name), 0, ())))
        self._tables[key] = table

    def text(self) -> str:
        """`nft list ruleset`."""
        page = Page(around=self.surroundings)
        return "".join(table_text(table, page) for table in self._tables.values())


def _with_rule(chains: tuple[ListedChain, ...], name: str, rule: RuleText) -> tuple[ListedChain, ...]:
    return tuple(
        replace(chain, rules=(*chain.rules, ListedRule(rule, 0))) if chain.text.name == name else chain
        for chain in chains
    )


def _with_elements(
    sets: tuple[ListedSet, ...], name: str, items: tuple[Element, ...]
) -> tuple[ListedSet, ...]:
    return tuple(
        replace(one, text=replace(one.text, elements=(*(one.text.elements or ()), *items)))
        if one.text.name == name
        else one
        for one in sets
    )
