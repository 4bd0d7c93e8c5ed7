"""The commands of a batch, each as one or a few steps of the kernel's. nft: src/rule.c do_command()"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from pystack.applets.nft.cache import OBJECT_KINDS
from pystack.applets.nft.chain_maker import base_chain, new_chain, policy_of
from pystack.applets.nft.contents import Contents
from pystack.applets.nft.held import held
from pystack.applets.nft.meters import listed_meters
from pystack.applets.nft.rule_maker import RuleMaker
from pystack.applets.nft.tree.commands import ChainText, Command, ObjectText, RuleText, SetText, TableText
from pystack.applets.nft.tree.expressions import Element
from pystack.errors import EEXIST, ENOENT, EOPNOTSUPP, NetError
from pystack.netfilter.nft.change import Change, Changes
from pystack.netfilter.nft.editor import CHAIN, HANDLE, OBJECT, POLICY, SET, WHOLE, Editor, Rejected
from pystack.netfilter.nft.table import Named, NftRule, NftTable
from pystack.netfilter.rule import Chain


class Steps:
    """Does them for one batch. Each raises Rejected, or Blamed."""

    def __init__(
        self,
        editor: Editor,
        rules: RuleMaker,
        contents: Contents,
        changes: Changes,
    ) -> None:
        self._editor = editor
        self._rules = rules
        self._contents = contents
        self._changes = changes

    def do(self, command: Command) -> None:
        """One evaluated command that changes something."""
        kind = "object" if command.object in OBJECT_KINDS else command.object
        self._changes.creates = command.operation == "create"
        operation = "add" if self._changes.creates else command.operation
        _STEPS[operation, kind](self, command)

    def _import(self, command: Command) -> None:
        raise NetError(EOPNOTSUPP)

    # --- tables -------------------------------------------------------------------------------------------

    def _add_table(self, command: Command) -> None:
        handle, body = command.handle, command.body
        text = body if isinstance(body, TableText) else TableText(handle.family, handle.table)
        made = self._editor.add_table(
            handle.family,
            handle.table,
            frozenset(text.flags),
            text.comment,
            exclusive=command.operation == "create",
        )
        if made:
            self._changes.note(Change("add", "table", self._table(command)))

    def _delete_table(self, command: Command) -> None:
        handle = command.handle
        if handle.table:
            table = self._table(command)
        else:
            table = self._editor.table_of_handle(handle.family, handle.handle or 0)
        self._delete_one_table(table)

    def _delete_one_table(self, table: NftTable) -> None:
        self._changes.note_end_of(table)
        self._editor.delete_table(table)

    def _flush_ruleset(self, command: Command) -> None:
        for table in self._editor.tables_of(command.handle.family):
            self._delete_one_table(table)

    def _table(self, command: Command) -> NftTable:
        return self._editor.table(command.handle.family, command.handle.table)

    # --- chains -------------------------------------------------------------------------------------------

    def _add_chain(self, command: Command) -> None:
        """Linux: nf_tables_newchain()"""
        table, name, text = self._table(command), command.handle.name, command.body
        text = text if isinstance(text, ChainText) else ChainText(name)
        policy, chain = policy_of(text), table.chains.get(name)
        if chain is None:
            if policy is not None and not text.hook:
                raise Rejected(EOPNOTSUPP, POLICY)
            chain = new_chain(table.family, name, text)
            self._editor.add_chain(table, chain)
        elif command.operation == "create":
            raise Rejected(EEXIST, CHAIN)
        else:
            self._editor.update_chain(chain, base_chain(table.family, name, text), policy)
        self._changes.note(Change("add", "chain", table, chain))

    def _delete_chain(self, command: Command) -> None:
        table, chain, blamed = self._chain(command)
        self._editor.delete_chain(table, chain, blamed)
        self._changes.note(Change("delete", "chain", table, chain))

    def _rename_chain(self, command: Command) -> None:
        table, chain, _ = self._chain(command)
        assert isinstance(command.body, str), "the new name"
        self._editor.rename_chain(table, chain, command.body)
        self._changes.note(Change("add", "chain", table, chain))

    def _chain(self, command: Command) -> tuple[NftTable, Chain, str]:
        """And which word is to blame for what is the matter with it."""
        table, handle = self._table(command), command.handle
        if handle.name:
            return table, self._editor.chain(table, handle.name), CHAIN
        return table, self._editor.chain_of_handle(table, handle.handle or 0), HANDLE

    # --- rules --------------------------------------------------------------------------------------------

    def _add_rule(self, command: Command) -> None:
        """Behind all, or behind the one that is named. Linux: nf_tables_newrule()"""
        table, chain, rule = self._new_rule(command)
        index = self._beside(chain, command)
        index = len(chain.rules) if index is None else index + 1
        self._put(table, chain, index, rule)
        self._changes.note(Change("add", "rule", table, chain, rule))

    def _insert_rule(self, command: Command) -> None:
        """In front of all, or of the one that is named."""
        table, chain, rule = self._new_rule(command)
        self._put(table, chain, self._beside(chain, command) or 0, rule)
        self._changes.note(Change("insert", "rule", table, chain, rule))

    def _replace_rule(self, command: Command) -> None:
        """It has the handle of the one whose place it takes, and is told as deleted and added."""
        table, chain, rule = self._new_rule(command, handle=command.handle.handle or 0)
        index = self._editor.rule_index(chain, rule.handle)
        old = chain.rules[index]
        self._editor.delete_rule(table, chain, index)
        self._put(table, chain, index, rule)
        self._changes.note(Change("replace", "rule", table, chain, rule, old))

    def _new_rule(self, command: Command, handle: int = 0) -> tuple[NftTable, Chain, NftRule]:
        """Sets and chains of its own come into being in front of it. Linux: nf_tables_newrule()"""
        table, text = self._table(command), command.body
        assert isinstance(text, RuleText), "a rule"
        self._check_beside(table, command)
        own = self._rules.own_parts(text, table)
        chain = self._editor.chain(table, command.handle.name)
        if handle:
            self._editor.rule_index(chain, handle)
        else:
            handle = table.next_handle()
        return table, chain, self._rules.make(text, table, own, handle)

    def _check_beside(self, table: NftTable, command: Command) -> None:
        """nft looks for the rule itself, before the kernel gives a handle."""
        chain = table.chains.get(command.handle.name)
        if chain is not None:
            self._beside(chain, command)

    def _put(self, table: NftTable, chain: Chain, index: int, rule: NftRule) -> None:
        for own in rule.own_chains:
            self._changes.note(Change("add", "chain", table, own))
            for inside in own.rules:
                self._changes.note(Change("add", "rule", table, own, inside))
        self._editor.add_rule(table, chain, index, rule)
        self._editor.check_early(table)

    def _beside(self, chain: Chain, command: Command) -> int | None:
        """Where the rule stands that a position, or an index, speaks of."""
        handle = command.handle
        if handle.index is not None:
            if handle.index >= len(chain.rules):  # they were there when nft looked
                raise Rejected(ENOENT)
            return handle.index
        at = handle.position if handle.position is not None else handle.handle
        if at is None or command.operation == "replace":
            return None
        return self._editor.rule_index(chain, at, WHOLE)

    def _delete_rule(self, command: Command) -> None:
        table, chain, _ = self._chain(command)
        index = self._editor.rule_index(chain, command.handle.handle or 0)
        self._changes.note(Change("delete", "rule", table, chain, chain.rules[index]))
        self._editor.delete_rule(table, chain, index)

    def _flush_chain(self, command: Command) -> None:
        table, chain, _ = self._chain(command)
        self._flush(table, [chain])

    def _flush_table(self, command: Command) -> None:
        table = self._table(command)
        self._flush(table, list(table.chains.values()))

    def _flush(self, table: NftTable, chains: list[Chain]) -> None:
        for chain in chains:
            for rule in chain.rules:
                self._changes.note(Change("delete", "rule", table, chain, rule))
            self._editor.flush_chain(table, chain)

    # --- sets and objects ---------------------------------------------------------------------------------

    def _add_set(self, command: Command) -> None:
        """Linux: nf_tables_newset()"""
        table, text = self._table(command), command.body
        assert isinstance(text, SetText), "a set"
        named, elements = table.sets.get(command.handle.name), text.elements
        if named is None:
            if listed_meters(table, command.handle.name):
                raise Rejected(EOPNOTSUPP)
            text = replace(text, name=command.handle.name, elements=None)
            named = self._contents.new_set(table, command, text)
            self._editor.add_set(table, named)
            self._changes.note(Change("add", command.object, table, named))
        elif command.operation == "create" or not self._contents.is_same(named, text):
            raise Rejected(EEXIST, SET)
        else:
            self._contents.amend(named, text)
        if elements:
            self._contents.add(table, named, elements, exclusive=command.operation == "create")
            self._note_elements("add", table, named)

    def _delete_set(self, command: Command) -> None:
        table, handle = self._table(command), command.handle
        blamed = SET if handle.name else HANDLE
        if handle.name:
            named = self._set(table, command)
        else:
            named = self._editor.of_handle(table.sets.values(), handle.handle or 0)
        self._editor.delete_set(table, named, blamed)
        self._changes.note(Change("delete", command.object, table, named))

    def _flush_set(self, command: Command) -> None:
        table = self._table(command)
        named = self._set(table, command)
        self._contents.flush(named)
        self._note_elements("delete", table, named)

    def _note_elements(self, operation: str, table: NftTable, named: Named) -> None:
        for other, elements in held(named).elements.told_changes():
            self._changes.note(Change(other or operation, "element", table, named, elements))

    def _add_element(self, command: Command) -> None:
        table = self._table(command)
        named, elements = self._set(table, command), _elements(command)
        self._contents.add(table, named, elements, exclusive=command.operation == "create")
        self._editor.check_early(table)
        self._note_elements("add", table, named)

    def _delete_element(self, command: Command) -> None:
        table = self._table(command)
        named, elements = self._set(table, command), _elements(command)
        self._contents.delete(named, elements)
        self._note_elements("delete", table, named)

    def _set(self, table: NftTable, command: Command) -> Named:
        named = table.sets.get(command.handle.name)
        if named is None:
            raise Rejected(ENOENT, SET)
        return named

    def _add_object(self, command: Command) -> None:
        """Linux: nf_tables_newobj()"""
        table, text = self._table(command), command.body
        text = text if isinstance(text, ObjectText) else ObjectText(command.object, command.handle.name)
        known = table.objects.get((command.object, command.handle.name))
        if known is None:
            named = self._contents.new_object(table, text)
            self._editor.add_object(table, command.object, named)
            self._changes.note(Change("add", command.object, table, named))
        elif command.operation == "create":
            raise Rejected(EEXIST, OBJECT)
        else:
            self._contents.update_object(table, known, text)

    def _delete_object(self, command: Command) -> None:
        table, handle, kind = self._table(command), command.handle, command.object
        if handle.name:
            found = table.objects.get((kind, handle.name))
            if found is None:
                raise Rejected(ENOENT, OBJECT)
        else:
            known = (named for (of, _), named in table.objects.items() if of == kind)
            found = self._editor.of_handle(known, handle.handle or 0)
        self._editor.delete_object(table, found, OBJECT if handle.name else HANDLE)
        self._changes.note(Change("delete", kind, table, found))

    def _delete_flow_table(self, command: Command) -> None:
        """There never is one: making them is refused."""
        self._table(command)
        raise Rejected(ENOENT, OBJECT if command.handle.name else HANDLE)


def _elements(command: Command) -> tuple[Element, ...]:
    assert isinstance(command.body, tuple), "elements"
    return command.body


_STEPS: Final[dict[tuple[str, str], Callable[[Steps, Command], None]]] = {
    ("add", "table"): Steps._add_table,
    ("add", "chain"): Steps._add_chain,
    ("add", "rule"): Steps._add_rule,
    ("add", "set"): Steps._add_set,
    ("add", "map"): Steps._add_set,
    ("add", "element"): Steps._add_element,
    ("add", "object"): Steps._add_object,
    ("insert", "rule"): Steps._insert_rule,
    ("replace", "rule"): Steps._replace_rule,
    ("delete", "table"): Steps._delete_table,
    ("delete", "chain"): Steps._delete_chain,
    ("delete", "rule"): Steps._delete_rule,
    ("delete", "set"): Steps._delete_set,
    ("delete", "map"): Steps._delete_set,
    ("delete", "element"): Steps._delete_element,
    ("delete", "object"): Steps._delete_object,
    ("delete", "flowtable"): Steps._delete_flow_table,
    ("flush", "ruleset"): Steps._flush_ruleset,
    ("flush", "table"): Steps._flush_table,
    ("flush", "chain"): Steps._flush_chain,
    ("flush", "set"): Steps._flush_set,
    ("flush", "map"): Steps._flush_set,
    ("flush", "meter"): Steps._flush_set,
    ("rename", "chain"): Steps._rename_chain,
    ("import", "ruleset"): Steps._import,
}
