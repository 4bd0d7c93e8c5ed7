"""What the commands of ebtables-legacy do to the tables. Linux: ebtables libebtc.c"""

from __future__ import annotations

from collections.abc import Collection

from pystack.applets.ebtables.editor import Editor, leads_back, misplaced
from pystack.applets.ebtables.extension import BY_KERNEL, Site, TargetExtension
from pystack.applets.ebtables.parser import Change, Command
from pystack.applets.ebtables.spec import RuleSpec
from pystack.applets.iptables.refused import Refused
from pystack.errors import NotModelled
from pystack.netfilter.rule import BaseChain, Chain, Jump
from pystack.netfilter.table import Table

_64_BITS = 0xFFFFFFFFFFFFFFFF


class LegacyEditor(Editor):
    """Changes one namespace's legacy tables."""

    def table(self, name: str) -> Table:
        """The table a command is about. Raises Refused."""
        if name not in self.table_names:
            raise Refused(f"Bad table name '{name}'")
        return self.tables.use(self.owner.tables, name)

    def chains_of(self, name: str) -> tuple[Collection[str], Collection[str]]:
        """The names of a table's chains: the built-in ones, the user's."""
        table = self.table(name)
        built_in = self.built_in(table)
        return built_in, [chain for chain in table.chains if chain not in built_in]

    # --- rules --------------------------------------------------------------------------------------------

    def insert(self, command: Command) -> None:
        """`-I`; what is not positive counts from the end."""
        table = self.table(command.table)
        chain, rule = self._compiled(command, table, "")
        at = command.first - 1 if command.first > 0 else command.first + len(chain.rules)
        if not 0 <= at <= len(chain.rules):
            raise Refused("The specified rule number is incorrect")
        table.insert(chain, at, rule)
        self._validate(table, chain, at, "")

    def delete(self, command: Command) -> None:
        """`-D`"""
        table = self.table(command.table)
        chain = self.chain(table, command.chain)
        first, last = self._places(command, table, chain)
        for _ in range(first, last + 1):
            table.delete(chain, first)

    def change_counters(self, command: Command) -> None:
        """`-C`"""
        table = self.table(command.table)
        chain = self.chain(table, command.chain)
        first, last = self._places(command, table, chain)
        packets, octets = command.changes
        for rule in chain.rules[first : last + 1]:
            rule.packets = _changed(rule.packets, packets)
            rule.octets = _changed(rule.octets, octets)

    def _places(self, command: Command, table: Table, chain: Chain) -> tuple[int, int]:
        """The first and the last rule meant, from 0. Linux: check_and_change_rule_number()"""
        count = len(chain.rules)
        if not command.first:
            for number, rule in enumerate(chain.rules):
                if command.spec.same_as(rule):
                    return number, number
            raise Refused("Sorry, rule does not exist")
        first, last = (
            number + count + 1 if number < 0 else number for number in (command.first, command.last)
        )
        if not 0 <= first <= last <= count:
            raise Refused("Sorry, wrong rule numbers")
        return first - 1, last - 1

    def _refuse(self, site: Site, spec: RuleSpec, verb: str, chain: Chain) -> None:
        for extension, values in spec.extensions():
            why = extension.refusal(values, site)
            hook = chain.name if isinstance(chain, BaseChain) else ""
            why = why or extension.misplacement(site.table, hook)
            if not why and isinstance(extension, TargetExtension):
                why = extension.missing(values)
            if why:
                raise Refused(why)

    def _check_target(self, table: Table, spec: RuleSpec) -> None:
        """The parser did that."""

    def _validate(self, table: Table, chain: Chain, number: int, verb: str) -> None:
        target = chain.rules[number].target
        why = ""
        if isinstance(target, Jump) and leads_back(chain):
            to_itself = target.chain is chain
            why = BY_KERNEL if to_itself else f"Loop from chain '{chain.name}' to chain '{target.chain.name}'"
        why = why or misplaced(table)
        if why:
            table.delete(chain, number)
            raise Refused(why)

    # --- chains -------------------------------------------------------------------------------------------

    def delete_chains(self, command: Command) -> None:
        """`-X`: one, or all of the user's that no rule leads to."""
        table = self.table(command.table)
        if command.chain in self.built_in(table):
            raise NotModelled("ebtables-legacy -X of a built-in chain")
        if command.chain:
            return self._delete_chain(table, command.chain)
        for name in self.chains_of(table.name)[1]:
            if not table.chains[name].references:
                self._delete_chain(table, name)

    def _delete_chain(self, table: Table, name: str) -> None:
        for chain in table.chains.values():
            for number, rule in enumerate(chain.rules):
                if isinstance(rule.target, Jump) and rule.target.chain.name == name:
                    where = f"it's referenced in chain '{chain.name}', rule {number}"
                    raise Refused(f"Can't delete the chain '{name}', {where}")
        table.flush(table.chains[name])
        table.remove_chain(name)

    def rename_chain(self, command: Command) -> None:
        """`-E`"""
        if command.chain in self.built_in(self.table(command.table)):
            raise NotModelled("ebtables-legacy -E of a built-in chain")
        super().rename_chain(command)


def _changed(before: int, change: Change) -> int:
    sign, value = change
    if not sign:
        return value
    return (before + value if sign == "+" else before - value) & _64_BITS
