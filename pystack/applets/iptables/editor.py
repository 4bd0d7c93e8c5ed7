"""What the commands do to the tables, in the words and with the errno of the two owners."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from pystack.applets.iptables.extension import Site
from pystack.applets.iptables.family import IPV6
from pystack.applets.iptables.owner import Owner
from pystack.applets.iptables.parser import Command
from pystack.applets.iptables.reach import has_misplaced, leads_to, onward_of_all, onward_of_reachable
from pystack.applets.iptables.refused import VERSION_PROBLEM, KernelRefused, Refused
from pystack.applets.iptables.spec import VERDICTS, RuleSpec
from pystack.errors import E2BIG, EBUSY, EEXIST, EINVAL, ELOOP, ENOENT, ENOTEMPTY, NetError, NotModelled
from pystack.netfilter.rule import BaseChain, Chain, Jump, Rule
from pystack.netfilter.table import LEGACY, Table
from pystack.netfilter.tables import TABLE_NAMES, Tables, chains_of
from pystack.netfilter.verdict import NAMES, NF_ACCEPT
from pystack.origins import Origins

EMLINK: Final = 31


class Editor:
    """Changes one namespace's tables for one owner."""

    def __init__(self, tables: Tables, owner: Owner, origins: Origins) -> None:
        self.tables = tables
        self.owner = owner
        self.in_batch = False  # somebody looks at the whole table at the end
        self._origins = origins

    def table(self, name: str) -> Table:
        """The table a command is about. Raises Refused."""
        if name not in TABLE_NAMES:
            if self.owner.is_nft:
                raise Refused(f"table '{name}' does not exist", VERSION_PROBLEM)
            what = "Table does not exist (do you need to insmod?)"
            raise Refused(f"can't initialize {self.owner.program} table `{name}': {what}", VERSION_PROBLEM)
        return self.tables.use(self.owner.tables, name)

    def hint_at_legacy(self, tool: str) -> str:
        """What nft's commands print to say that they do not show all. Linux: nft_check_xt_legacy()"""
        if not self.owner.is_nft or not self.tables.names(LEGACY):
            return ""
        legacy = f"{self.owner.program}-legacy"
        return f"# Warning: {legacy} tables present, use {legacy}{tool} to see them\n"

    def chain(self, table: Table, name: str) -> Chain:
        """A chain that a command is about; a built-in one of nft comes into being by that."""
        if name in chains_of(table.name):
            return self.tables.use_chain(table, name)
        found = table.chains.get(name)
        if found is None:
            raise KernelRefused(ENOENT)
        return found

    # --- rules --------------------------------------------------------------------------------------------

    def append(self, command: Command) -> None:
        """`-A`"""
        table = self.table(command.table)
        for spec in command.specs():
            chain, rule = self._compiled(command, table, spec, "APPEND")
            table.append(chain, rule)
            self._refuse_loops(table, chain, "APPEND", len(chain.rules) - 1)
            self._refuse_misplaced(table, chain, "APPEND", len(chain.rules) - 1)

    def insert(self, command: Command) -> None:
        """`-I`; the first place if none is given."""
        table = self.table(command.table)
        at = max(command.rulenum - 1, 0)
        for spec in command.specs():  # each in front of the one before
            chain, rule = self._compiled(command, table, spec, "INSERT")
            if at > len(chain.rules):
                raise KernelRefused(E2BIG)
            table.insert(chain, at, rule)
            self._refuse_loops(table, chain, "INSERT", at)
            self._refuse_misplaced(table, chain, "INSERT", at)

    def replace(self, command: Command) -> None:
        """`-R`"""
        table = self.table(command.table)
        chain, rule = self._compiled(command, table, command.specs()[0], "REPLACE")
        if command.rulenum > len(chain.rules):
            raise KernelRefused(E2BIG)
        at = command.rulenum - 1
        before = chain.rules[at]
        table.replace(chain, at, rule)
        if has_misplaced(table):
            table.replace(chain, at, before)
            raise KernelRefused(EINVAL, "RULE_REPLACE", f"rule in chain {chain.name}")

    def delete(self, command: Command) -> None:
        """`-D`, by number or by what the rule says."""
        table = self.table(command.table)
        chain = self.chain(table, command.chain)
        if command.rulenum:
            if command.rulenum > len(chain.rules):
                raise KernelRefused(E2BIG)
            return table.delete(chain, command.rulenum - 1)
        for spec in command.specs():
            table.delete(chain, self._found(table, chain, spec))

    def check(self, command: Command) -> None:
        """`-C`: raises KernelRefused if there is no such rule."""
        table = self.table(command.table)
        chain = self.chain(table, command.chain)
        for spec in command.specs():
            self._found(table, chain, spec)

    def _found(self, table: Table, chain: Chain, spec: RuleSpec) -> int:
        self._check_target(table, spec)
        for number, rule in enumerate(chain.rules):
            if spec.same_as(rule):
                return number
        raise KernelRefused(ENOENT, "rule")

    def _compiled(self, command: Command, table: Table, spec: RuleSpec, verb: str) -> tuple[Chain, Rule]:
        self._check_target(table, spec)
        chain = self.chain(table, command.chain)
        if self.owner.is_nft and spec.header.is_impossible:
            raise KernelRefused(EINVAL, f"RULE_{verb}", f"rule in chain {chain.name}")
        site = Site(self.tables, table.name, chain.name, self.owner.is_nft, spec)
        for extension, values in spec.parts():
            error = extension.kernel_error(values, site)
            if error:
                raise KernelRefused(error, f"RULE_{verb}", f"rule in chain {chain.name}")
        tests, target = spec.compile(site, table.chains)
        rule = Rule(tests, target, spec, self._origins.line)
        if rule.connection_users and self.owner.family is IPV6:
            raise NotModelled("connection tracking of IPv6", ("rules that ask for no connection",))
        if command.counters is not None:
            rule.packets, rule.octets = command.counters
        return chain, rule

    def _check_target(self, table: Table, spec: RuleSpec) -> None:
        """A name that is neither verdict nor extension is that of a user's chain."""
        name = spec.target
        if not name or spec.extension is not None or (name in VERDICTS and not spec.goto):
            return
        if name in table.chains and name not in chains_of(table.name):
            return
        if self.owner.is_nft:
            raise Refused(f"Chain '{name}' does not exist")
        if spec.goto:
            raise Refused(f"goto '{name}' is not a chain")
        raise Refused(f"Couldn't load target `{name}':No such file or directory\n")

    def _refuse_loops(self, table: Table, chain: Chain, verb: str, number: int) -> None:
        """A chain that leads back to itself is refused; by legacy only where packets can come to it.

        Linux: nft_chain_validate(); net/netfilter/x_tables.c mark_source_chains()
        """
        target, is_nft = chain.rules[number].target, self.owner.is_nft
        onward = onward_of_all if is_nft else onward_of_reachable
        if not isinstance(target, Jump) or target.chain not in onward(chain):
            return
        if not leads_to(target.chain, chain, onward):
            return
        if not is_nft and not any(leads_to(base, chain, onward) for base in table.base_chains()):
            return
        table.delete(chain, number)
        raise KernelRefused(EMLINK if is_nft else ELOOP, f"RULE_{verb}", f"rule in chain {chain.name}")

    def _refuse_misplaced(self, table: Table, chain: Chain, verb: str, number: int) -> None:
        """Not every target may be reached from every hook."""
        rule = chain.rules[number]
        is_checked_before = isinstance(chain, BaseChain) and not isinstance(rule.target, Jump)
        if self.in_batch or is_checked_before or not has_misplaced(table):
            return
        table.delete(chain, number)
        raise KernelRefused(EINVAL, f"RULE_{verb}", f"rule in chain {chain.name}")

    # --- chains -------------------------------------------------------------------------------------------

    def new_chain(self, command: Command) -> None:
        """`-N`"""
        table = self.table(command.table)
        if command.chain in table.chains or command.chain in chains_of(table.name):
            raise KernelRefused(EEXIST)
        table.add_chain(Chain(command.chain))

    def delete_chains(self, command: Command) -> None:
        """`-X`: one, or all of the user's."""
        table = self.table(command.table)
        if not command.chain:
            return self._delete_users_chains(table)
        if command.chain in chains_of(table.name):
            raise self._kept_base(self.chain(table, command.chain))
        try:
            table.remove_chain(command.chain)
        except NetError as error:
            raise self._kept(command.chain, error.number) from None

    def _delete_users_chains(self, table: Table) -> None:
        users = [chain for chain in table.chains.values() if not isinstance(chain, BaseChain)]
        for chain in users:
            try:
                table.remove_chain(chain.name)
            except NetError as error:
                raise self._kept(chain.name, error.number) from None

    def _kept_base(self, chain: Chain) -> KernelRefused:
        """Why a built-in chain cannot go."""
        if not self.owner.is_nft:
            return KernelRefused(EINVAL)
        if chain.rules:
            return self._kept(chain.name, EBUSY)
        return KernelRefused(ENOTEMPTY)

    def _kept(self, name: str, number: int) -> KernelRefused:
        """Why a chain cannot go."""
        if number == ENOENT:
            return KernelRefused(number)
        if self.owner.is_nft:
            return KernelRefused(EBUSY, "CHAIN_DEL", f"chain {name}")
        return KernelRefused(EMLINK if number == EBUSY else number)

    def rename_chain(self, command: Command) -> None:
        """`-E`; a chain that is not there is answered as one that is there already is."""
        try:
            self.table(command.table).rename_chain(command.chain, command.new_name)
        except NetError as error:
            raise KernelRefused(error.number) from None

    def set_policy(self, command: Command) -> None:
        """`-P`"""
        table = self.table(command.table)
        if command.chain not in chains_of(table.name):
            raise KernelRefused(ENOENT, "policy")
        if command.policy not in ("ACCEPT", "DROP"):
            raise KernelRefused(EINVAL, "policy")
        counters = None if self.owner.is_nft else command.counters
        self.set_chain(table, command.chain, command.policy, counters or (0, 0))

    def set_chain(self, table: Table, name: str, policy: str, counters: tuple[int, int]) -> None:
        """Give a built-in chain a policy; its packets are counted from here on."""
        chain = self.tables.use_chain(table, name)
        chain.policy = NAMES.index(policy)
        self._origins.note(chain)
        chain.packets, chain.octets = counters
        chain.counts = True

    def start_anew(self, table: Table) -> None:
        """No rules, no chains of the user's; nft forgets the policies too, legacy keeps them."""
        for chain in table.chains.values():
            table.flush(chain)
        self._delete_users_chains(table)
        for chain in table.base_chains():
            chain.packets = chain.octets = 0
            if self.owner.is_nft:
                chain.policy, chain.counts = NF_ACCEPT, False

    def flush(self, command: Command) -> None:
        """`-F`: one chain, or all."""
        table = self.table(command.table)
        for chain in self._chosen(table, command.chain):
            table.flush(chain)

    def zero(self, command: Command) -> None:
        """`-Z`: one rule, one chain, or all."""
        table = self.table(command.table)
        for chain in self._chosen(table, command.chain):
            if command.rulenum:
                if command.rulenum > len(chain.rules):
                    raise KernelRefused(E2BIG)
                rule = chain.rules[command.rulenum - 1]
                rule.packets = rule.octets = 0
                continue
            for rule in chain.rules:
                rule.packets = rule.octets = 0
            if isinstance(chain, BaseChain):
                chain.packets = chain.octets = 0
                chain.counts = True

    def _chosen(self, table: Table, name: str) -> Sequence[Chain]:
        return [self.chain(table, name)] if name else list(table.chains.values())
