"""Which of libxtables' extensions one run of nft finds.

Some targets have a module for each family of IP; nft loads the one that it meets first, and then does not
find that of the other family. Linux differs: so it is with some of arptables and ebtables, too.

nft: src/xt.c xt_stmt_xlate(); libxtables/xtables.c xtables_find_target()
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from pystack.applets.nft.tree.listed import ListedChain, ListedRule, ListedTable
from pystack.applets.nft.tree.statements import Statement, Xt
from pystack.netfilter.nft.table import IP, IP6

_NAT: Final = "NAT"  # one module for all of them
_MODULES: Final = {
    **dict.fromkeys(("SNAT", "DNAT", "MASQUERADE", "REDIRECT"), _NAT),
    **{name: name for name in ("DSCP", "TCPMSS", "TEE")},
}


class Loaded:
    """By one run."""

    def __init__(self) -> None:
        self._families: dict[str, str] = {}  # by module
        self.not_found: list[str] = []  # what is said of that

    def translated(self, table: ListedTable) -> ListedTable:
        """Without the words of what is not found."""
        if table.family not in (IP, IP6):
            return table
        return replace(table, chains=tuple(self._chain(chain, table.family) for chain in table.chains))

    def _chain(self, chain: ListedChain, family: str) -> ListedChain:
        return replace(chain, rules=tuple(self._rule(rule, family) for rule in chain.rules))

    def _rule(self, rule: ListedRule, family: str) -> ListedRule:
        words = tuple(self._statement(statement, family) for statement in rule.text.statements)
        return replace(rule, text=replace(rule.text, statements=words))

    def _statement(self, statement: Statement, family: str) -> Statement:
        if not isinstance(statement, Xt) or statement.kind != "target":
            return statement
        module = _MODULES.get(statement.name)
        if module is None or self._families.setdefault(module, family) == family:
            return statement
        self.not_found.append(f"XT target {statement.name} not found\n")
        return replace(statement, words="")


def shows_xt(table: ListedTable) -> bool:
    """Whether something of libxtables' is shown. nft: src/rule.c struct table has_xt_stmts"""
    rules = (rule for chain in table.chains for rule in chain.rules)
    return any(isinstance(statement, Xt) for rule in rules for statement in rule.text.statements)
