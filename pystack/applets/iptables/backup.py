"""What a table held, for the case that what follows fails."""

from __future__ import annotations

from pystack.netfilter.rule import BaseChain, Chain
from pystack.netfilter.table import Table


class Backup:
    """What a table held."""

    def __init__(self, table: Table) -> None:
        self._table = table
        self._standing = table.standing
        self._chains = dict(table.chains)
        self._rules = {name: list(chain.rules) for name, chain in table.chains.items()}
        self._policies = {name: chain.policy for name, chain in table.chains.items()}
        self._counts = {
            chain.name: (chain.counts, chain.packets, chain.octets) for chain in table.base_chains()
        }

    def give_back(self) -> None:
        """As if nothing had been done since."""
        table = self._table
        for chain in list(table.chains.values()):
            table.set_rules(chain, self._rules.get(chain.name, []) if self._is_known(chain) else [])
        for chain in list(table.chains.values()):
            if not self._is_known(chain) and isinstance(chain, BaseChain):
                table.remove_chain(chain.name)
        self._give_back_chains()
        for name, policy in self._policies.items():
            table.chains[name].policy = policy
        for name, numbers in self._counts.items():
            base = table.chains[name]
            assert isinstance(base, BaseChain), "only those are counted"
            base.counts, base.packets, base.octets = numbers
        table.nothing_happened()

    def _is_known(self, chain: Chain) -> bool:
        return self._chains.get(chain.name) is chain

    def _give_back_chains(self) -> None:
        """Those that are gone, under the names that they had."""
        table = self._table
        for name, chain in self._chains.items():
            chain.name = name
            if isinstance(chain, BaseChain) and name not in table.chains:
                table.add_chain(chain)
        table.standing = self._standing
        table.chains = dict(self._chains)
        for name, rules in self._rules.items():
            table.set_rules(table.chains[name], rules)
