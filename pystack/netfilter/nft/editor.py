"""What a batch does to the tables of a namespace, in the kernel's words: errno, and which word it blames."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Final

from pystack.errors import EBUSY, EEXIST, EINVAL, ENOENT, EOPNOTSUPP, NetError
from pystack.netfilter.nft.journal import Journal
from pystack.netfilter.nft.ruleset import Ruleset
from pystack.netfilter.nft.table import (
    DORMANT,
    NUMBERS,
    OWNER,
    Named,
    NftBaseChain,
    NftRule,
    NftTable,
)
from pystack.netfilter.nft.validation import fault_of
from pystack.netfilter.rule import BaseChain, Chain, Rule

# The words that the kernel blames, as its netlink attributes name them.
TABLE: Final = "table"
CHAIN: Final = "chain"
SET: Final = "set"
OBJECT: Final = "obj"
HANDLE: Final = "handle"
TYPE: Final = "type"
POLICY: Final = "policy"
WHOLE: Final = ""

Suspects = Callable[[NftTable], bool]  # the tables that are looked at after each step


def _no_table(_: NftTable) -> bool:
    return False


class Rejected(NetError):
    """A step that the kernel refuses, and the word it blames."""

    def __init__(self, number: int, blamed: str = WHOLE) -> None:
        super().__init__(number)
        self.blamed = blamed


class Editor:
    """Does the steps of one batch. Linux: net/netfilter/nf_tables_api.c nf_tables_cb"""

    def __init__(self, ruleset: Ruleset, journal: Journal, looks_at: Suspects = _no_table) -> None:
        self._ruleset = ruleset
        self._journal = journal
        self._looks_at = looks_at
        self._toggled: set[int] = set()  # tables that this batch has put to sleep, or woken

    # --- tables -------------------------------------------------------------------------------------------

    def table(self, family: str, name: str) -> NftTable:
        """One that is there."""
        found = self._ruleset.tables.get((family, name))
        if found is None:
            raise Rejected(ENOENT, TABLE)
        return found

    def table_of_handle(self, family: str, handle: int) -> NftTable:
        """The same, by number."""
        tables = self._ruleset.tables.values()
        found = next((table for table in tables if (table.family, table.handle) == (family, handle)), None)
        if found is None:
            raise Rejected(ENOENT, HANDLE)
        return found

    def add_table(
        self, family: str, name: str, flags: frozenset[str], comment: str, *, exclusive: bool
    ) -> bool:
        """Whether it came into being. Linux: nf_tables_newtable()"""
        tables = self._ruleset.tables
        table = tables.get((family, name))
        if table is not None:
            if exclusive:
                raise Rejected(EEXIST, TABLE)
            self._update_table(table, flags)
            return False
        table = NftTable(family, name, self._ruleset.next_handle())
        table.flags, table.comment = flags, comment
        tables[family, name] = table
        self._journal.undone_by(lambda: tables.pop((family, name)))
        return True

    def _update_table(self, table: NftTable, flags: frozenset[str]) -> None:
        """Linux: nf_tables_updtable()"""
        before = table.flags
        if (OWNER in flags) != (OWNER in before):
            raise Rejected(EOPNOTSUPP)
        if flags == before:
            return
        if id(table) in self._toggled:
            raise Rejected(EINVAL)
        self._toggled.add(id(table))
        table.flags = flags
        self._journal.undone_by(lambda: setattr(table, "flags", before))
        for chain in table.base_chains():
            self._take_off(chain) if DORMANT in flags else self._hang(table, chain)

    def delete_table(self, table: NftTable) -> None:
        """With all that is in it. Linux: nft_flush_table()"""
        for chain in table.chains.values():
            self._leave(table, chain.rules)
            if isinstance(chain, NftBaseChain):
                self._take_off(chain)
        self._release_connections(table, sum(named.connection_users for named in table.objects.values()))
        before = self._ruleset.tables
        self._ruleset.tables = {key: known for key, known in before.items() if known is not table}
        self._journal.undone_by(lambda: setattr(self._ruleset, "tables", before))

    def tables_of(self, family: str) -> list[NftTable]:
        """All, or those of a family."""
        return [table for table in self._ruleset.tables.values() if family in ("", table.family)]

    def check_early(self, table: NftTable) -> None:
        """Whether packets may go where the step just done leads them; asked where the whole batch may not.

        Linux: nft_table_validate()
        """
        if self._looks_at(table) and (fault := fault_of(table)):
            raise Rejected(fault)

    # --- chains -------------------------------------------------------------------------------------------

    def chain(self, table: NftTable, name: str, blamed: str = CHAIN) -> Chain:
        """One that is there."""
        found = table.chains.get(name)
        if found is None:
            raise Rejected(ENOENT, blamed)
        return found

    def chain_of_handle(self, table: NftTable, handle: int) -> Chain:
        """The same, by number."""
        found = next((chain for chain in table.chains.values() if chain.handle == handle), None)
        if found is None:
            raise Rejected(ENOENT, HANDLE)
        return found

    def add_chain(self, table: NftTable, chain: Chain) -> None:
        """One that is not there yet. Linux: nf_tables_addchain()"""
        chain.handle = table.next_handle()
        table.chains[chain.name] = chain
        self._journal.undone_by(lambda: table.chains.pop(chain.name))
        if isinstance(chain, NftBaseChain):
            self._hang(table, chain)

    def update_chain(self, chain: Chain, wanted: NftBaseChain | None, policy: int | None) -> None:
        """Of a chain that is there nothing but the policy can change. Linux: nf_tables_updchain()"""
        if policy is not None and not isinstance(chain, BaseChain):
            raise Rejected(EOPNOTSUPP, POLICY)
        if wanted is not None:
            self._compare(chain, wanted)
        if policy is None:
            return
        before = chain.policy
        chain.policy = policy
        self._journal.undone_by(lambda: setattr(chain, "policy", before))

    def _compare(self, chain: Chain, wanted: NftBaseChain) -> None:
        if not isinstance(chain, NftBaseChain):
            raise Rejected(EEXIST, CHAIN)
        if (chain.hook_name, chain.priority) != (wanted.hook_name, wanted.priority):
            raise Rejected(EOPNOTSUPP)
        if chain.type != wanted.type:
            raise Rejected(EEXIST, CHAIN)

    def rename_chain(self, table: NftTable, chain: Chain, name: str) -> None:
        """In its place."""
        if name in table.chains:
            raise Rejected(EEXIST)
        old, before = chain.name, table.chains
        chain.name = name
        table.chains = {known.name: known for known in before.values()}

        def back() -> None:
            chain.name, table.chains = old, before

        self._journal.undone_by(back)

    def delete_chain(self, table: NftTable, chain: Chain, blamed: str = CHAIN) -> None:
        """With its rules, unless something leads there. Linux: nf_tables_delchain()"""
        self.flush_chain(table, chain)
        if table.leads_to(chain):
            raise Rejected(EBUSY, blamed)
        if isinstance(chain, NftBaseChain):
            self._take_off(chain)
        before = table.chains
        table.chains = {name: known for name, known in before.items() if known is not chain}
        self._journal.undone_by(lambda: setattr(table, "chains", before))

    def _hang(self, table: NftTable, chain: NftBaseChain) -> None:
        self._ruleset.hang(table, chain)

        def undo() -> None:
            if (take_off := self._ruleset.hung(chain)) is not None:
                take_off()

        self._journal.undone_by(undo)

    def _take_off(self, chain: NftBaseChain) -> None:
        """Not before the batch holds: the order among chains of one priority would be another."""
        take_off = self._ruleset.hung(chain)
        if take_off is None:
            return
        self._journal.finished_by(take_off)
        self._journal.undone_by(partial(self._ruleset.still_hangs, chain, take_off))

    # --- rules --------------------------------------------------------------------------------------------

    def rule_index(self, chain: Chain, handle: int, blamed: str = HANDLE) -> int:
        """Where a rule stands, by number."""
        for index, rule in enumerate(chain.rules):
            if rule.handle == handle:
                return index
        raise Rejected(ENOENT, blamed)

    def add_rule(self, table: NftTable, chain: Chain, index: int, rule: NftRule) -> None:
        """In front of the one at `index`; a handle it has already."""
        rules = chain.rules
        rules.insert(index, rule)
        chain.index = None

        def undo() -> None:
            rules.remove(rule)
            chain.index = None

        self._journal.undone_by(undo)
        for named in rule.own_sets:
            named.name = table.own_names.take(named.name)
            self._journal.undone_by(partial(table.own_names.give_back, named.name))
        self._lead([rule], 1)
        self._use_connections(table, rule.connection_users)

    def delete_rule(self, table: NftTable, chain: Chain, index: int) -> None:
        """Linux: nft_delrule()"""
        rules = chain.rules
        rule = rules.pop(index)
        chain.index = None

        def undo() -> None:
            rules.insert(index, rule)
            chain.index = None

        self._journal.undone_by(undo)
        self._leave(table, [rule])

    def flush_chain(self, table: NftTable, chain: Chain) -> None:
        """All of a chain. Linux: nft_delrule_by_chain()"""
        before = chain.rules
        if not before:
            return
        chain.rules, chain.index = [], None

        def undo() -> None:
            chain.rules, chain.index = before, None

        self._journal.undone_by(undo)
        self._leave(table, before)

    def _leave(self, table: NftTable, rules: Sequence[Rule]) -> None:
        for rule in rules:
            assert isinstance(rule, NftRule), "a rule of nft's"
            for named in rule.own_sets:
                table.own_names.give_back(named.name)
                self._journal.undone_by(partial(table.own_names.take_again, named.name))
        self._lead(rules, -1)
        self._release_connections(table, sum(rule.connection_users for rule in rules))

    def _lead(self, rules: Sequence[Rule], by: int) -> None:
        """Chains know how many rules lead to them."""
        chains = [chain for rule in rules if isinstance(rule, NftRule) for chain in rule.jumps]

        def count(by: int) -> None:
            for chain in chains:
                chain.references += by

        count(by)
        self._journal.undone_by(partial(count, -by))

    def _use_connections(self, table: NftTable, users: int) -> None:
        connections, family = self._ruleset.connections, NUMBERS[table.family]
        for _ in range(users):
            connections.use(family)
            self._journal.undone_by(partial(connections.release, family))

    def _release_connections(self, table: NftTable, users: int) -> None:
        """Not before the batch holds."""
        release = partial(self._ruleset.connections.release, NUMBERS[table.family])
        for _ in range(users):
            self._journal.finished_by(release)

    # --- sets and objects ---------------------------------------------------------------------------------

    def add_set(self, table: NftTable, named: Named) -> None:
        """One that is not there yet."""
        named.handle = table.next_handle()
        table.sets[named.name] = named
        self._journal.undone_by(lambda: table.sets.pop(named.name))

    def delete_set(self, table: NftTable, named: Named, blamed: str = SET) -> None:
        """Unless a rule asks it. Linux: nf_tables_delset()"""
        if table.is_used(named):
            raise Rejected(EBUSY, blamed)
        before = table.sets
        table.sets = {name: known for name, known in before.items() if known is not named}
        self._journal.undone_by(lambda: setattr(table, "sets", before))

    def add_object(self, table: NftTable, kind: str, named: Named) -> None:
        """One that is not there yet."""
        named.handle = table.next_handle()
        key = kind, named.name
        table.objects[key] = named
        self._journal.undone_by(lambda: table.objects.pop(key))
        self._use_connections(table, named.connection_users)

    def delete_object(self, table: NftTable, named: Named, blamed: str = OBJECT) -> None:
        """Unless a rule or a map asks it. Linux: nf_tables_delobj()"""
        if table.is_used(named):
            raise Rejected(EBUSY, blamed)
        before = table.objects
        table.objects = {key: known for key, known in before.items() if known is not named}
        self._journal.undone_by(lambda: setattr(table, "objects", before))
        self._release_connections(table, named.connection_users)

    def of_handle(self, known: Iterable[Named], handle: int) -> Named:
        """A set or an object, by number."""
        found = next((named for named in known if named.handle == handle), None)
        if found is None:
            raise Rejected(ENOENT, HANDLE)
        return found
