"""What a table held, so that -restore can give it back where a line fails."""

from __future__ import annotations

from pystack.netfilter.rule import BaseChain
from pystack.netfilter.table import Table
from pystack.netfilter.verdict import NF_ACCEPT


class Backup:
    """What a table held."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._chains = dict(table.chains)
        self._rules = {name: list(chain.rules) for name, chain in table.chains.items()}
        self._policies = {name: chain.policy for name, chain in table.chains.items()}
        self._counts = {
            chain.name: (chain.counts, chain.packets, chain.octets) for chain in table.base_chains()
        }

    def give_back(self) -> None:
        """As if nothing had been done since; built-in chains that came into being stay, empty."""
        table = self._table
        for name, chain in list(table.chains.items()):
            table.flush(chain)
            if name not in self._chains and isinstance(chain, BaseChain):
                chain.policy = NF_ACCEPT
                self._chains[name] = chain
        table.chains = self._chains
        for name, rules in self._rules.items():
            for rule in rules:
                table.append(table.chains[name], rule)
        for name, policy in self._policies.items():
            table.chains[name].policy = policy
        for name, numbers in self._counts.items():
            chain = table.chains[name]
            assert isinstance(chain, BaseChain), "only those are counted"
            chain.counts, chain.packets, chain.octets = numbers
