"""Tables and their chains, of every family and owner, hung at the hooks.

A table belongs to an owner: iptables-legacy and iptables-nft have tables of the same names side by side, as
on a real host; nftables' own are further ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from pystack.errors import EBUSY, EEXIST, ENOENT, ENOTEMPTY, NetError
from pystack.netfilter.hooks import HookEntry, HookPoint, HookState
from pystack.netfilter.rule import BaseChain, Chain, Jump, Rule
from pystack.netfilter.view import View
from pystack.netfilter.walk import Listener, walk
from pystack.packet import Packet

LEGACY: Final = "legacy"
NFT: Final = "nft"

MakeView = Callable[[Packet, HookState], View]


class Table:
    """Linux: struct xt_table, struct nft_table"""

    def __init__(
        self, family: int, name: str, owner: str, points: tuple[HookPoint, ...], view: MakeView
    ) -> None:
        self.family = family
        self.name = name
        self.owner = owner
        self.chains: dict[str, Chain] = {}  # in the order of their making
        self.listener: Listener | None = None
        self._points = points
        self._view = view
        self._entries: dict[str, HookEntry] = {}

    # --- chains -------------------------------------------------------------------------------------------

    def add_chain(self, chain: Chain) -> None:
        """Take a chain in; a base chain begins to see packets at once."""
        if chain.name in self.chains:
            raise NetError(EEXIST)
        self.chains[chain.name] = chain
        if isinstance(chain, BaseChain):
            self._hang(chain)

    def remove_chain(self, name: str) -> None:
        """Take out a chain that is empty, and that no rule jumps to."""
        chain = self.chains.get(name)
        if chain is None:
            raise NetError(ENOENT)
        if chain.rules:
            raise NetError(ENOTEMPTY)
        if chain.references:
            raise NetError(EBUSY)
        del self.chains[name]
        entry = self._entries.pop(name, None)
        if entry is not None and isinstance(chain, BaseChain):
            self._points[chain.hook].unregister(entry)

    def rename_chain(self, old: str, new: str) -> None:
        """Give a user's chain another name, in its place."""
        if new in self.chains:
            raise NetError(EEXIST)
        if old not in self.chains:
            raise NetError(ENOENT)
        self.chains[old].name = new
        self.chains = {new if name == old else name: chain for name, chain in self.chains.items()}

    def base_chains(self) -> Iterator[BaseChain]:
        """Those that hang at hooks."""
        return (chain for chain in self.chains.values() if isinstance(chain, BaseChain))

    def _hang(self, chain: BaseChain) -> None:
        view_of = self._view

        def judge(pkt: Packet, state: HookState) -> int:
            return walk(chain, view_of(pkt, state), self.listener)

        point = self._points[chain.hook]
        self._entries[chain.name] = point.register(judge, chain.priority, f"{self.name}/{chain.name}")

    # --- rules --------------------------------------------------------------------------------------------

    def insert(self, chain: Chain, index: int, rule: Rule) -> None:
        """Put a rule in front of the one at `index`."""
        _count(rule, 1)
        chain.rules = [*chain.rules[:index], rule, *chain.rules[index:]]

    def replace(self, chain: Chain, index: int, rule: Rule) -> None:
        """Put a rule in the place of another."""
        _count(rule, 1)
        _count(chain.rules[index], -1)
        chain.rules = [*chain.rules[:index], rule, *chain.rules[index + 1 :]]

    def delete(self, chain: Chain, index: int) -> None:
        """Take a rule out."""
        _count(chain.rules[index], -1)
        chain.rules = [*chain.rules[:index], *chain.rules[index + 1 :]]

    def flush(self, chain: Chain) -> None:
        """Take all rules of a chain out."""
        for rule in chain.rules:
            _count(rule, -1)
        chain.rules = []

    def close(self) -> None:
        """Take everything off the hooks."""
        for chain in self.base_chains():
            entry = self._entries.pop(chain.name, None)
            if entry is not None:
                self._points[chain.hook].unregister(entry)
        self.chains = {}


def _count(rule: Rule, change: int) -> None:
    if isinstance(rule.target, Jump):
        rule.target.chain.references += change
