"""What the kernel has against a rule, a jump or a whole table, as errno numbers; 0 if it takes them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pystack.applets.iptables.extension import Site
from pystack.applets.iptables.from_nft import own_spec
from pystack.applets.iptables.owner import Owner
from pystack.applets.iptables.placement import (
    DEEPEST,
    Onward,
    bases_of,
    decides_always,
    has_loop,
    is_too_deep,
    onward_of_all,
    onward_of_reachable,
    reached,
    rules_met,
)
from pystack.applets.iptables.spec import RuleSpec
from pystack.errors import EINVAL, ELOOP, EMLINK
from pystack.netfilter.nft.table import NftRule
from pystack.netfilter.nft.validation import led_to
from pystack.netfilter.rule import BaseChain, Chain, Rule
from pystack.netfilter.table import Table, TableSet

_NOWHERE: Final = ""  # no hook's chain


class Objections:
    """To one owner's tables."""

    def __init__(self, tables: TableSet, owner: Owner) -> None:
        self.looks_later = False  # where rules may be reached from is not asked for each of them
        self._tables = tables
        self._owner = owner

    def site(self, table: Table, chain: str, spec: RuleSpec) -> Site:
        """Where a rule stands, as its extensions are told."""
        return Site(self._tables, table.name, chain, self._owner.is_nft, spec)

    def to_rule(self, table: Table, chain: Chain, spec: RuleSpec, at: int) -> int:
        """At its own place, or at a hook that leads there: in legacy tables none leads behind a verdict."""
        error = self._at(table, chain.name, spec) or self._below(table, chain, spec)
        if error and not self._owner.is_nft and any(map(decides_always, chain.rules[:at])):
            return self._at(table, _NOWHERE, spec)
        return error

    def to_jump(self, table: Table, target: Chain) -> int:
        """Where it leads back, too deep, or to a rule that may not be reached from here."""
        if self.looks_later:
            return 0
        if error := self._to_shape(table):
            return self._first(table) if self._owner.is_nft else error
        for chain in reached(target, self._onward):
            for spec in self._met(chain):
                if error := self._below(table, chain, spec):
                    return error
        return 0

    def to_table(self, table: Table, *, built_in: bool = False) -> int:
        """To the whole of it, or to all but what its built-in chains have; asked once for many rules."""
        if error := self._to_shape(table):
            return error
        for base in table.base_chains():
            for chain in reached(base, self._onward)[0 if built_in else 1 :]:
                for spec in self._met(chain):
                    if error := self._from(table, base, spec):
                        return error
        return 0

    def to_removal(self, table: Table, rule: Rule) -> int:
        """To what packets come to, now that this is gone which was in their way."""
        uncovers = not self._owner.is_nft and decides_always(rule)
        return self.to_table(table, built_in=True) if uncovers else 0

    def _first(self, table: Table) -> int:
        """What nft meets first, as it follows each jump where it stands. Linux: nft_chain_validate()"""
        errors = (self._under(base, base, 0, set()) for base in table.base_chains())
        return next(filter(None, errors), 0)

    def _under(self, base: Chain, chain: Chain, level: int, fine: set[tuple[str, int]]) -> int:
        if level == DEEPEST:
            return EMLINK
        if (chain.name, level) in fine:
            return 0
        for rule in chain.rules:
            spec = own_spec(rule)
            if spec is not None and any(part.is_barred(base.name) for part, _ in spec.parts()):
                return EINVAL
            for following in led_to(rule) if isinstance(rule, NftRule) else ():
                if error := self._under(base, following, level + 1, fine):
                    return error
        fine.add((chain.name, level))
        return 0

    def _to_shape(self, table: Table) -> int:
        if self._owner.is_nft:
            return EMLINK if is_too_deep(table) else 0
        return ELOOP if has_loop(table) else 0

    def _at(self, table: Table, chain: str, spec: RuleSpec) -> int:
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
            return self._at(table, base.name, spec)
        return EINVAL if any(part.is_barred(base.name) for part, _ in spec.parts()) else 0

    def _met(self, chain: Chain) -> Iterable[RuleSpec]:
        """What iptables said of the rules that are met."""
        rules = chain.rules if self._owner.is_nft else rules_met(chain)
        return filter(None, map(own_spec, rules))

    @property
    def _onward(self) -> Onward:
        return onward_of_all if self._owner.is_nft else onward_of_reachable
