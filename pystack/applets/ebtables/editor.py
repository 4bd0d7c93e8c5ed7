"""What the commands of ebtables do to the tables, in the words and with the errno of the two owners."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from pystack.applets.ebtables.extension import VERDICTS, Site
from pystack.applets.ebtables.header import Header
from pystack.applets.ebtables.parser import Command
from pystack.applets.ebtables.spec import RuleSpec, spec_of
from pystack.applets.iptables.owner import Owner
from pystack.applets.iptables.placement import is_too_deep
from pystack.applets.iptables.refused import VERSION_PROBLEM, KernelRefused, Refused
from pystack.errors import E2BIG, EBUSY, EEXIST, EINVAL, EMLINK, ENOENT, NetError
from pystack.netfilter.family_tables import BridgeTables
from pystack.netfilter.rule import BaseChain, Chain, Jump, Rule
from pystack.netfilter.table import Table
from pystack.netfilter.verdict import NF_ACCEPT
from pystack.origins import Origins


class Editor:
    """Changes one namespace's tables for one owner."""

    def __init__(self, tables: BridgeTables, owner: Owner, origins: Origins) -> None:
        self.tables = tables
        self.owner = owner
        self._origins = origins

    @property
    def table_names(self) -> Sequence[str]:
        """Those that there are."""
        return tuple(self.tables.places[self.owner.tables])

    def table(self, name: str) -> Table:
        """The table a command is about. Raises Refused."""
        if name not in self.table_names:
            raise Refused(f"table '{name}' does not exist", VERSION_PROBLEM)
        return self.tables.use(self.owner.tables, name)

    def built_in(self, table: Table) -> list[str]:
        """The names of a table's built-in chains."""
        return self.tables.chains_of(self.owner.tables, table.name)

    def chain(self, table: Table, name: str) -> Chain:
        """A chain that a command is about; a built-in one of nft comes into being by that."""
        if name in self.built_in(table):
            return self.tables.use_chain(table, name)
        found = table.chains.get(name)
        if found is None:
            raise KernelRefused(ENOENT)
        return found

    # --- rules --------------------------------------------------------------------------------------------

    def append(self, command: Command) -> None:
        """`-A`"""
        table = self.table(command.table)
        chain, rule = self._compiled(command, table, "APPEND")
        table.append(chain, rule)
        self._validate(table, chain, len(chain.rules) - 1, "APPEND")

    def insert(self, command: Command) -> None:
        """`-I`; the first place if none is given."""
        table = self.table(command.table)
        chain, rule = self._compiled(command, table, "INSERT")
        at = command.first - 1
        if at > len(chain.rules):
            raise KernelRefused(E2BIG)
        table.insert(chain, at, rule)
        self._validate(table, chain, at, "INSERT")

    def delete(self, command: Command) -> None:
        """`-D`, by numbers or by what the rule says."""
        table = self.table(command.table)
        if command.first < 0:  # Linux differs: the tool crashes if there are rules
            raise KernelRefused(ENOENT, "rule")
        chain = table.chains.get(command.chain)
        if chain is None:
            raise KernelRefused(ENOENT, "" if command.first else "rule")
        if not command.first:
            return table.delete(chain, self._found(table, chain, command.spec))
        # One by one, as if the rules behind did not move up; that is what nft's tool does, too.
        places = range(command.first - 1, max(command.last, command.first))
        if places[0] < 0 or places[-1] >= len(chain.rules) - len(places) + 1:
            raise KernelRefused(E2BIG)
        for at in places:
            table.delete(chain, at)

    def check(self, command: Command) -> None:
        """`--check`: raises KernelRefused if there is no such rule."""
        table = self.table(command.table)
        if command.chain not in table.chains:
            raise KernelRefused(ENOENT, "rule")
        self._found(table, table.chains[command.chain], command.spec)

    def change_counters(self, command: Command) -> None:
        """`-C`: nft's tool does not know how."""
        raise KernelRefused(ENOENT)

    def _found(self, table: Table, chain: Chain, spec: RuleSpec) -> int:
        self._check_target(table, spec)
        for number, rule in enumerate(chain.rules):
            if spec.same_as(rule):
                return number
        raise KernelRefused(ENOENT, "rule")

    def _compiled(self, command: Command, table: Table, verb: str) -> tuple[Chain, Rule]:
        spec = command.spec
        self._check_target(table, spec)
        chain = self.chain(table, command.chain)
        in_base = isinstance(chain, BaseChain)
        site = Site(self.tables.path, table.name, in_base, self.owner.is_nft, spec.header)
        self._refuse(site, spec, f"RULE_{verb}", chain)
        tests, target = spec.compile(site, table.chains)
        hooks = [part.hooks for part, _ in spec.extensions() if part.hooks]
        rule = table.new_rule(tests, target, spec, self._origins.line, hooks)
        rule.packets, rule.octets = command.counters
        return chain, rule

    def _refuse(self, site: Site, spec: RuleSpec, verb: str, chain: Chain) -> None:
        """What an extension does not want; nft's tool leaves that to the kernel."""
        for extension, values in spec.extensions():
            if extension.refusal(values, site) or extension.misplacement(site.table, ""):
                raise KernelRefused(EINVAL, verb, f"rule in chain {chain.name}")

    def _check_target(self, table: Table, spec: RuleSpec) -> None:
        """A name that is neither verdict nor extension is that of a user's chain."""
        name = spec.target
        if spec.extension is not None or name in VERDICTS:
            return
        if name not in table.chains or name in self.built_in(table):
            raise Refused(f"Chain '{name}' does not exist")

    def _validate(self, table: Table, chain: Chain, number: int, verb: str) -> None:
        """Chains must not lead back to themselves, and some targets must not be come to from everywhere.

        Linux: net/netfilter/nf_tables_api.c nft_chain_validate()
        """
        if is_too_deep(table):
            number_of_error = EMLINK
        elif misplaced(table):
            number_of_error = EINVAL
        else:
            return
        table.delete(chain, number)
        raise KernelRefused(number_of_error, f"RULE_{verb}", f"rule in chain {chain.name}")

    # --- chains -------------------------------------------------------------------------------------------

    def new_chain(self, command: Command) -> None:
        """`-N`"""
        table = self.table(command.table)
        if command.chain in table.chains or command.chain in self.built_in(table):
            raise KernelRefused(EEXIST)
        chain = table.new_chain(command.chain)
        chain.policy = NF_ACCEPT
        table.add_chain(chain)

    def delete_chains(self, command: Command) -> None:
        """`-X`: one, or all of the user's."""
        table = self.table(command.table)
        if command.chain in self.built_in(table):
            raise KernelRefused(EINVAL)
        users = [name for name, chain in table.chains.items() if not isinstance(chain, BaseChain)]
        names = users if not command.chain else [command.chain]
        for name in names:
            chain = table.chains.get(name)
            if chain is None:
                raise KernelRefused(ENOENT)
            if chain.references or chain.rules:
                raise KernelRefused(EBUSY, "CHAIN_DEL", f"chain {name}")
        for name in names:
            table.remove_chain(name)

    def rename_chain(self, command: Command) -> None:
        """`-E`"""
        table = self.table(command.table)
        if command.new_name in self.built_in(table):
            raise KernelRefused(EEXIST)
        try:
            table.rename_chain(command.chain, command.new_name)
        except NetError as error:
            raise KernelRefused(error.number) from None

    def set_policy(self, command: Command) -> None:
        """`-P`, of chains of the user's too."""
        if command.also_new:
            self.new_chain(command)
        table = self.table(command.table)
        chain = self.chain(table, command.chain)
        if isinstance(chain, BaseChain) and command.policy == "RETURN":
            raise Refused("Policy RETURN only allowed for user defined chains")
        chain.policy = VERDICTS[command.policy]
        self._origins.note(chain)
        if isinstance(chain, BaseChain):
            table.changed(chain)

    def flush(self, command: Command) -> None:
        """`-F`: one chain, or all."""
        table = self.table(command.table)
        for chain in self._chosen(table, command.chain):
            table.flush(chain)

    def zero(self, command: Command) -> None:
        """`-Z`: one chain, or all."""
        table = self.table(command.table)
        if command.chain and command.chain not in table.chains:
            raise KernelRefused(ENOENT)
        counted = [
            (chain, rule)
            for chain in self._chosen(table, command.chain)
            for rule in chain.rules
            if rule.packets or rule.octets
        ]
        for chain, rule in counted if self.owner.is_nft else ():
            self._replace_as_it_is(table, chain, rule)
        for _, rule in counted:
            rule.packets = rule.octets = 0

    def _replace_as_it_is(self, table: Table, chain: Chain, rule: Rule) -> None:
        """nft's tool has the rule replaced, but forgets to say for which protocol it is."""
        spec = spec_of(rule)
        in_base = isinstance(chain, BaseChain)
        site = Site(self.tables.path, table.name, in_base, self.owner.is_nft, Header())
        self._refuse(site, spec, "RULE_REPLACE", chain)

    def start_anew(self, table: Table) -> None:
        """`--init-table`: no rules, no chains of the user's, and the policies of the beginning."""
        for chain in list(table.chains.values()):
            table.flush(chain)
        for chain in list(table.chains.values()):
            chain.policy = NF_ACCEPT
            if self.owner.is_nft or not isinstance(chain, BaseChain):
                table.remove_chain(chain.name)
        if self.owner.is_nft:
            table.standing = None

    def init_table(self, command: Command) -> None:
        """`--init-table`"""
        self.start_anew(self.table(command.table))

    def _chosen(self, table: Table, name: str) -> Sequence[Chain]:
        if name:
            return [self.chain(table, name)]
        first = [table.chains[name] for name in self.built_in(table) if name in table.chains]
        return first + [chain for chain in table.chains.values() if not isinstance(chain, BaseChain)]


def _onward(chain: Chain) -> list[Chain]:
    return [rule.target.chain for rule in chain.rules if isinstance(rule.target, Jump)]


def leads_back(start: Chain) -> bool:
    seen: set[str] = set()
    waiting = _onward(start)
    while waiting:
        chain = waiting.pop()
        if chain is start:
            return True
        if chain.name not in seen:
            seen.add(chain.name)
            waiting += _onward(chain)
    return False


def _reached(base: BaseChain) -> Iterator[Rule]:
    """The rules that frames of a base chain can come to."""
    seen: set[str] = set()
    waiting: list[Chain] = [base]
    while waiting:
        chain = waiting.pop()
        if chain.name not in seen:
            seen.add(chain.name)
            yield from chain.rules
            waiting += _onward(chain)


def misplaced(table: Table) -> str:
    """Why some rule cannot stand where it does; empty if all can."""
    for base in table.base_chains():
        for rule in _reached(base):
            spec = rule.spec
            for extension, _ in spec.extensions() if isinstance(spec, RuleSpec) else ():
                if why := extension.misplacement(table.name, base.name):
                    return why
    return ""
