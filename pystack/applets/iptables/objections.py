"""What the kernel has against a rule, a jump or a whole table, as errno numbers; 0 if it takes them."""

from __future__ import annotations

from pystack.applets.iptables.extension import Site
from pystack.applets.iptables.owner import Owner
from pystack.applets.iptables.placement import (
    Onward,
    bases_of,
    has_loop,
    is_too_deep,
    onward_of_all,
    onward_of_reachable,
    reached,
)
from pystack.applets.iptables.spec import RuleSpec, spec_of
from pystack.errors import EINVAL, ELOOP, EMLINK
from pystack.netfilter.rule import BaseChain, Chain
from pystack.netfilter.table import Table, TableSet


class Objections:
    """To one owner's tables."""

    def __init__(self, tables: TableSet, owner: Owner) -> None:
        self.looks_later = False  # where rules may be reached from is not asked for each of them
        self._tables = tables
        self._owner = owner

    def site(self, table: Table, chain: Chain, spec: RuleSpec) -> Site:
        """Where a rule stands, as its extensions are told."""
        return Site(self._tables, table.name, chain.name, self._owner.is_nft, spec)

    def to_rule(self, table: Table, chain: Chain, spec: RuleSpec) -> int:
        """At its own place, or at a hook that leads there."""
        return self._at(table, chain, spec) or self._below(table, chain, spec)

    def to_jump(self, table: Table, target: Chain) -> int:
        """Where it leads back, too deep, or to a rule that may not be reached from here."""
        if self.looks_later:
            return 0
        if error := self._to_shape(table):
            return error
        for chain in reached(target, self._onward):
            for rule in chain.rules:
                if error := self._below(table, chain, spec_of(rule)):
                    return error
        return 0

    def to_table(self, table: Table) -> int:
        """To the whole of it: asked once where rules came in a batch."""
        if error := self._to_shape(table):
            return error
        for base in table.base_chains():
            for chain in reached(base, self._onward)[1:]:
                for rule in chain.rules:
                    if error := self._from(table, base, spec_of(rule)):
                        return error
        return 0

    def _to_shape(self, table: Table) -> int:
        if self._owner.is_nft:
            return EMLINK if is_too_deep(table) else 0
        return ELOOP if has_loop(table) else 0

    def _at(self, table: Table, chain: Chain, spec: RuleSpec) -> int:
        """The errno with which the kernel refuses a part of a rule."""
        if self._owner.is_nft and spec.header.is_impossible:
            return EINVAL
        site = self.site(table, chain, spec)
        errors = (part.kernel_error(values, site) for part, values in spec.parts())
        return next(filter(None, errors), 0)

    def _below(self, table: Table, chain: Chain, spec: RuleSpec) -> int:
        """The same where packets come to a user's chain from built-in ones; nft then looks at hooks alone."""
        if isinstance(chain, BaseChain) or self.looks_later:
            return 0
        errors = (self._from(table, base, spec) for base in bases_of(table, chain, self._onward))
        return next(filter(None, errors), 0)

    def _from(self, table: Table, base: Chain, spec: RuleSpec) -> int:
        """Linux: nft_match_validate(); xt_check_match() with all hooks that lead to the rule"""
        if not self._owner.is_nft:
            return self._at(table, base, spec)
        return EINVAL if any(part.is_barred(base.name) for part, _ in spec.parts()) else 0

    @property
    def _onward(self) -> Onward:
        return onward_of_all if self._owner.is_nft else onward_of_reachable
