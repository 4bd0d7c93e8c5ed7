"""What the commands do to the tables, in the words and with the errno of the two owners."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Final

from pystack.applets.iptables.command_line import RULE_COMMANDS, Command
from pystack.applets.iptables.from_nft import seen
from pystack.applets.iptables.objections import Objections
from pystack.applets.iptables.owner import Owner
from pystack.applets.iptables.refused import VERSION_PROBLEM, KernelRefused, Refused
from pystack.applets.iptables.spec import VERDICTS, RuleSpec
from pystack.applets.iptables.zero import zero_chain, zero_rule
from pystack.errors import E2BIG, EBUSY, EEXIST, EINVAL, EMLINK, ENOENT, NetError
from pystack.netfilter.rule import BaseChain, Chain, Jump, Rule
from pystack.netfilter.table import LEGACY, Table, TableSet
from pystack.netfilter.tables import TABLE_NAMES, chains_of
from pystack.netfilter.verdict import NAMES, NF_ACCEPT
from pystack.origins import Origins

_CHAIN_LABEL: Final = 32  # octets, with the one that ends it. Linux: IPT_CHAINLABEL


class Editor:
    """Changes one namespace's tables for one owner."""

    def __init__(self, tables: TableSet, owner: Owner, origins: Origins) -> None:
        self.tables = tables
        self.owner = owner
        self.objections = Objections(tables, owner)
        self.postponed: list[KernelRefused] | None = None  # what the kernel will say of rules; None: now
        self.warn: Callable[[str], None] = _say_nothing
        self.told: Callable[[RuleSpec], None] = _say_nothing  # what -v says of a rule
        self._counted: set[str] = set()  # built-in chains whose counters were given
        self._origins = origins

    @property
    def table_names(self) -> Collection[str]:
        """Those that there are."""
        return TABLE_NAMES

    def built_in(self, table: Table) -> Collection[str]:
        """The names of a table's built-in chains."""
        return chains_of(table.name)

    def table(self, name: str) -> Table:
        """The table a command is about. Raises Refused."""
        if name not in self.table_names:
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
        if name not in self.built_in(table):
            return self.existing(table, name)
        try:
            return self.tables.use_chain(table, name)
        except NetError as error:  # nft's users have one of that name that is none of iptables'
            raise KernelRefused(error.number, "CHAIN_ADD", f"chain {name}") from None

    def existing(self, table: Table, name: str) -> Chain:
        """A chain that is there. Raises KernelRefused."""
        found = table.chains.get(name)
        if found is None:
            raise KernelRefused(ENOENT)
        return found

    # --- rules --------------------------------------------------------------------------------------------

    def append(self, command: Command) -> None:
        """`-A`"""
        table = self.table(command.table)
        refused: KernelRefused | None = None  # which the kernel says when it has been sent all
        for spec in self._specs(command, table):
            chain = self._chain_for(table, command, spec)
            try:
                table.append(chain, self._compiled(command, table, chain, spec, "APPEND", len(chain.rules)))
                self._validate(table, chain, len(chain.rules) - 1, "APPEND")
            except KernelRefused as error:
                refused = refused or error
        if refused is not None:
            raise refused

    def insert(self, command: Command) -> None:
        """`-I`; the first place if none is given."""
        table = self.table(command.table)
        at = max(command.rulenum - 1, 0)
        refused: KernelRefused | None = None
        for spec in self._specs(command, table):  # each in front of the one before
            chain = self._chain_for(table, command, spec)
            if at > len(chain.rules):
                raise KernelRefused(E2BIG)
            if self.owner.is_nft:
                self.told(spec)
            try:
                table.insert(chain, at, self._compiled(command, table, chain, spec, "INSERT", at))
                self._validate(table, chain, at, "INSERT")
            except KernelRefused as error:
                refused = refused or error
        if refused is not None:
            raise refused

    def replace(self, command: Command) -> None:
        """`-R`"""
        table, spec = self.table(command.table), command.specs()[0]
        self._take_chain(table, [spec])
        self._check_target(table, spec)
        if not self.owner.is_nft:
            self.told(spec)
        chain = self.existing(table, command.chain)
        at = command.rulenum - 1
        if at >= len(chain.rules):
            raise KernelRefused(E2BIG)
        if self.owner.is_nft:
            self.told(spec)
        former = chain.rules[at]
        table.replace(chain, at, self._compiled(command, table, chain, spec, "REPLACE", at))
        self._validate(table, chain, at, "REPLACE", former)
        self._check_removal(table, former)

    def delete(self, command: Command) -> None:
        """`-D`, by number or by what the rule says."""
        table = self.table(command.table)
        if command.rulenum:
            chain = self.existing(table, command.chain)
            if command.rulenum > len(chain.rules):
                raise KernelRefused(E2BIG)
            return self._take_out(table, chain, command.rulenum - 1)
        missing: KernelRefused | None = None
        for spec in self._specs(command, table):
            try:
                chain, number = self._found(table, command.chain, spec)
                self._take_out(table, chain, number)
            except KernelRefused as error:
                missing = error
        if missing is not None:
            raise missing

    def _take_out(self, table: Table, chain: Chain, number: int) -> None:
        rule = chain.rules[number]
        table.delete(chain, number)
        self._check_removal(table, rule)

    def _check_removal(self, table: Table, rule: Rule) -> None:
        if number := self.objections.to_removal(table, rule):
            self._kernel_refuses(KernelRefused(number))

    def check(self, command: Command) -> None:
        """`-C`: raises KernelRefused if there is no such rule."""
        table = self.table(command.table)
        for spec in self._specs(command, table):
            self._found(table, command.chain, spec)

    def _specs(self, command: Command, table: Table) -> list[RuleSpec]:
        """A command's rules. The legacy tool tells of them all before the kernel sees the first."""
        specs = command.specs()
        if not self.owner.is_nft:
            self._take_chain(table, specs)
            self._check_target(table, specs[0])
            for spec in specs:
                self.told(spec)
        return specs

    def _take_chain(self, table: Table, specs: list[RuleSpec]) -> None:
        """For the legacy tool a chain that is called like a target stands in front of it."""
        name = specs[0].target
        if self.owner.is_nft or specs[0].extension is None or name not in table.chains:
            return
        self.warn(f"Warning: using chain {name}, not extension")
        for spec in specs:
            spec.extension = None

    def _found(self, table: Table, name: str, spec: RuleSpec) -> tuple[Chain, int]:
        """Where a rule is. libiptc words it otherwise if it had to look for the target's name."""
        self._check_target(table, spec)
        chain = table.chains.get(name)
        for number, rule in enumerate(chain.rules if chain is not None else ()):
            if chain is not None and spec.same_as(seen(table, chain, rule)):
                if self.owner.is_nft:
                    self.told(spec)
                return chain, number
        named = chain is not None and not self.owner.is_nft and spec.target not in ("", *VERDICTS)
        raise KernelRefused(ENOENT, "" if named else "rule")

    def _chain_for(self, table: Table, command: Command, spec: RuleSpec) -> Chain:
        """Where a rule shall stand."""
        self._check_target(table, spec)
        if command.letter == "A" and self.owner.is_nft:
            self.told(spec)
        return self.chain(table, command.chain)

    def _compiled(
        self, command: Command, table: Table, chain: Chain, spec: RuleSpec, verb: str, at: int
    ) -> Rule:
        if number := self.objections.to_rule(table, chain, spec, at):
            table.refused_rule()
            self._kernel_refuses(KernelRefused(number, f"RULE_{verb}", f"rule in chain {chain.name}"))
        spec.matches = [(match, match.taken(values)) for match, values in spec.matches]
        tests, target = spec.compile(self.objections.site(table, chain.name, spec), table.chains)
        rule = table.new_rule(tests, target, spec, self._origins.line, spec.hooks)
        if command.counters is not None:
            rule.packets, rule.octets = command.counters
        return rule

    def _kernel_refuses(self, error: KernelRefused) -> None:
        """Now, or when the table is handed over."""
        if self.postponed is None:
            raise error
        self.postponed.append(error)

    def check_translation(self, command: Command) -> None:
        """What nft refuses of a rule before it looks at the tables."""
        if self.owner.is_nft and command.letter in RULE_COMMANDS:
            for part, values in command.spec.parts():
                part.check_translation(values, command.spec.header)

    def _check_target(self, table: Table, spec: RuleSpec) -> None:
        """A name that is neither verdict nor extension is that of a user's chain."""
        name = spec.target
        if not name or spec.extension is not None or (name in VERDICTS and not spec.goto):
            return
        if name in table.chains and name not in self.built_in(table):
            return
        if self.owner.is_nft:
            raise Refused(f"Chain '{name}' does not exist")
        if spec.goto:
            raise Refused(f"goto '{name}' is not a chain")
        raise Refused(f"Couldn't load target `{name}':No such file or directory\n")

    def _validate(
        self, table: Table, chain: Chain, number: int, verb: str, former: Rule | None = None
    ) -> None:
        """Whether a jump leads where it may; if not, the rule is taken out again."""
        target = chain.rules[number].target
        if not isinstance(target, Jump):
            return
        error = self.objections.to_jump(table, target.chain)
        if not error:
            return
        table.refused_rule()  # once more: the kernel has done it twice, to find out where it leads
        if former is not None:
            table.replace(chain, number, former)
        else:
            table.delete(chain, number)
        self._kernel_refuses(KernelRefused(error, f"RULE_{verb}", f"rule in chain {chain.name}"))

    # --- chains -------------------------------------------------------------------------------------------

    def new_chain(self, command: Command) -> None:
        """`-N`"""
        table = self.table(command.table)
        if command.chain in table.chains or command.chain in self.built_in(table):
            raise KernelRefused(EEXIST)
        table.add_chain(table.new_chain(command.chain))

    def delete_chains(self, command: Command) -> None:
        """`-X`: one, or all of the user's."""
        table = self.table(command.table)
        if not command.chain:
            return self._delete_all_chains(table)
        if command.chain in self.built_in(table):
            return self._delete_base(table, command.chain)
        try:
            table.remove_chain(command.chain)
        except NetError as error:
            raise self._kept(command.chain, error.number) from None

    def _delete_all_chains(self, table: Table) -> None:
        chains = [chain for chain in table.chains.values() if not isinstance(chain, BaseChain)]
        if self.owner.is_nft:
            chains = [*(chain for chain in table.base_chains() if table.is_bare(chain)), *chains]
        else:
            chains.sort(key=lambda chain: chain.name)  # as libiptc keeps them
        kept: KernelRefused | None = None
        for chain in chains:
            try:
                table.remove_chain(chain.name)
            except NetError as error:
                kept = (
                    kept if kept is not None and self.owner.is_nft else self._kept(chain.name, error.number)
                )
        if kept is not None:
            raise kept

    def _delete_base(self, table: Table, name: str) -> None:
        """Of nft's, those go that are as if they never had been."""
        if not self.owner.is_nft:
            raise KernelRefused(EINVAL)
        chain = self.existing(table, name)
        if chain.policy != NF_ACCEPT:
            raise KernelRefused(EBUSY)
        if chain.rules:  # the tool did not ask for them
            raise self._kept(name, EBUSY)
        table.remove_chain(name)

    def _kept(self, name: str, number: int) -> KernelRefused:
        """Why a chain cannot go."""
        if number == ENOENT:
            return KernelRefused(number)
        if self.owner.is_nft:
            return KernelRefused(EBUSY, "CHAIN_DEL", f"chain {name}")
        return KernelRefused(EMLINK if number == EBUSY else number)

    def rename_chain(self, command: Command) -> None:
        """`-E`"""
        table, old, new = self.table(command.table), command.chain, command.new_name
        taken = (*self.built_in(table), *table.chains)
        if new in taken or (new in VERDICTS and not self.owner.is_nft):
            raise KernelRefused(EEXIST)
        chain = self.existing(table, old)
        if isinstance(chain, BaseChain) and not self.owner.is_nft:
            raise KernelRefused(ENOENT)
        if len(new.encode()) >= _CHAIN_LABEL and not self.owner.is_nft:
            raise KernelRefused(EINVAL)
        table.rename_chain(old, new)

    def set_policy(self, command: Command) -> None:
        """`-P`"""
        table = self.table(command.table)
        errors = {
            ENOENT: command.chain not in self.built_in(table),
            EINVAL: command.policy not in ("ACCEPT", "DROP"),
        }
        order = (EINVAL, ENOENT) if self.owner.is_nft else (ENOENT, EINVAL)
        for number in order:
            if errors[number]:
                raise KernelRefused(number, "policy")
        counters = None if self.owner.is_nft else command.counters
        self.set_chain(table, command.chain, command.policy, counters)

    def set_chain(self, table: Table, name: str, policy: str, counters: tuple[int, int] | None) -> None:
        """Give a built-in chain a policy; its packets are counted from here on."""
        chain = self.tables.use_chain(table, name)
        chain.policy = NAMES.index(policy)
        self._origins.note(chain)
        if counters is not None:
            self._counted.add(name)
        chain.packets, chain.octets = counters or (0, 0)
        chain.counts = True
        table.changed(chain)

    def hand_over(self, table: Table) -> None:
        """To the kernel, which takes legacy's tables as a whole: policies then count anew.

        Linux: libiptc.c __iptcc_p_del_policy(), TC_COMMIT()
        """
        for chain in table.base_chains():
            if not self.owner.is_nft and chain.name not in self._counted:
                chain.packets = chain.octets = 0
        self._counted.clear()

    def start_anew(self, table: Table) -> None:
        """No rules, no chains but legacy's built-in ones, which keep their policies."""
        for chain in table.chains.values():
            table.flush(chain)
        for chain in table.base_chains():
            chain.packets = chain.octets = 0
            if self.owner.is_nft:
                chain.policy = NF_ACCEPT
        self._delete_all_chains(table)
        if self.owner.is_nft:
            table.standing = None

    def flush(self, command: Command) -> None:
        """`-F`: one chain, or all."""
        table = self.table(command.table)
        chains = [self.chain(table, command.chain)] if command.chain else list(table.chains.values())
        for chain in chains:
            table.flush(chain)

    def zero(self, command: Command, *, of_rule: bool | None = None) -> None:
        """`-Z`: one rule, one chain, or all."""
        table = self.table(command.table)
        if command.rulenum and command.chain not in table.chains and self.owner.is_nft:
            raise KernelRefused(ENOENT, "rule")
        chains = [self.existing(table, command.chain)] if command.chain else list(table.chains.values())
        if not command.rulenum or of_rule is False:
            for chain in chains:
                zero_chain(table, chain)
            return
        for chain in chains:
            if command.rulenum <= len(chain.rules):
                zero_rule(table, chain, chain.rules[command.rulenum - 1])
            elif not self.owner.is_nft:  # who says nothing
                raise KernelRefused(E2BIG)


def _say_nothing(what: object) -> None:
    pass
