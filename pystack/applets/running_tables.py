"""The firewall of a running namespace as a setup: the iptables commands that would make it again.

Counters are not part of it: a setup says what was decided, not what came of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from pystack.applets.iptables.listing import chains_in_order, rule_line
from pystack.applets.iptables.owner import LEGACY_OWNER, NFT_OWNER
from pystack.applets.iptables.restore import split
from pystack.applets.running_words import quoted
from pystack.netfilter.rule import BaseChain
from pystack.netfilter.table import Table
from pystack.netfilter.tables import Tables
from pystack.netfilter.verdict import NAMES, NF_ACCEPT

_PROGRAMS: Final = (("iptables-legacy", LEGACY_OWNER), ("iptables", NFT_OWNER))


def firewall_lines(tables: Tables) -> Iterator[str]:
    """Chains first, because rules jump to them; tables in the order in which they came into being."""
    for program, owner in _PROGRAMS:
        for name in tables.names(owner.tables):
            table = tables.get(owner.tables, name)
            assert table is not None, "it was in the list of those that are"
            option = "" if name == "filter" else f" -t {name}"
            yield from (f"{program}{option} {line}" for line in _table_lines(table))


def _table_lines(table: Table) -> Iterator[str]:
    chains = [chain for chain in chains_in_order(table) if chain.name in table.chains]
    for chain in chains:
        if not isinstance(chain, BaseChain):
            yield f"-N {chain.name}"
        elif chain.policy != NF_ACCEPT:
            yield f"-P {chain.name} {NAMES[chain.policy]}"
    for chain in chains:
        for rule in chain.rules:
            yield " ".join(quoted(word) for word in split(rule_line(chain, rule)))
