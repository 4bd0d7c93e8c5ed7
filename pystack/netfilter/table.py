"""Tables and their chains, of every family and owner, hung at the hooks.

A table belongs to an owner: iptables-legacy and iptables-nft have tables of the same names side by side, as
on a real host; nftables' own are further ones.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final, Protocol

from pystack.errors import EBUSY, EEXIST, ENOENT, ENOTEMPTY, NetError
from pystack.netfilter.hooks import HookEntry, HookFn, HookState
from pystack.netfilter.rule import BaseChain, Chain, Jump, Rule
from pystack.netfilter.verdict import NF_ACCEPT
from pystack.netfilter.view import View
from pystack.netfilter.walk import Listener, Tracer, walk
from pystack.packet import Packet

LEGACY: Final = "legacy"
NFT: Final = "nft"

MakeView = Callable[[Packet, HookState], View]
Judge = Callable[[Packet, HookState], int]


class Point(Protocol):
    """Where a base chain hangs."""

    def register(self, fn: HookFn, priority: int, name: str) -> HookEntry:
        """Hang a function there."""

    def unregister(self, entry: HookEntry) -> None:
        """Take it off."""


class Connections(Protocol):
    """Who tracks connections while anybody asks for them."""

    def use(self, family: int) -> None:
        """Somebody does, in one family, or in both of IP (NFPROTO_INET)."""

    def release(self, family: int) -> None:
        """He does no more."""


class TableSet(Protocol):
    """The tables of one family in a namespace."""

    def names(self, owner: str) -> list[str]:
        """Of an owner's tables that have chains, the eldest first."""

    def get(self, owner: str, name: str) -> Table | None:
        """A table that exists."""

    def use(self, owner: str, name: str) -> Table:
        """A table, made if it is not there yet."""

    def use_chain(self, table: Table, name: str) -> BaseChain:
        """A built-in chain, hung at its hook if it is not yet."""


class Table:
    """Linux: struct xt_table, struct nft_table"""

    def __init__(
        self,
        family: int,
        name: str,
        owner: str,
        points: tuple[Point, ...],
        view: MakeView,
        wrap: Callable[[Table, BaseChain, Judge], Judge],
        connections: Connections,
    ) -> None:
        self.family = family
        self.name = name
        self.owner = owner
        self.chains: dict[str, Chain] = {}  # in the order of their making
        self.exists = False  # it does from the first chain on, also when that is gone
        self.listener: Listener | None = None
        self.tracer: Tracer | None = None  # of packets that TRACE marked
        self._points = points
        self._view = view
        self._connections = connections
        self._handles = 0  # how many chains and rules there have been
        self._wrap = wrap  # what hangs at a hook may do more than ask the chain
        self._entries: dict[str, HookEntry] = {}

    # --- chains -------------------------------------------------------------------------------------------

    def add_chain(self, chain: Chain) -> None:
        """Take a chain in; a base chain begins to see packets at once."""
        if chain.name in self.chains:
            raise NetError(EEXIST)
        self.chains[chain.name] = chain
        self.exists = True
        self._handles += 1
        if isinstance(chain, BaseChain):
            self._hang(chain)

    def remove_chain(self, name: str) -> None:
        """Take out a chain that is empty, and that no rule jumps to."""
        chain = self.chains.get(name)
        if chain is None:
            raise NetError(ENOENT)
        if chain.references:
            raise NetError(EBUSY)
        if chain.rules:
            raise NetError(ENOTEMPTY)
        entry = self._entries.pop(name, None)
        if entry is not None and isinstance(chain, BaseChain):
            self._points[chain.hook].unregister(entry)
        del self.chains[name]

    def clear(self) -> None:
        """Take out all chains, with their rules, wherever they lead."""
        for chain in self.chains.values():
            self.flush(chain)
        for name in list(self.chains):
            self.remove_chain(name)
        self.exists = False

    def is_bare(self, chain: Chain) -> bool:
        """Whether nothing would be different without a base chain."""
        return isinstance(chain, BaseChain) and not chain.rules and chain.policy == NF_ACCEPT

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
            return walk(chain, view_of(pkt, state), self.listener, self.tracer)

        point = self._points[chain.hook]
        name = f"{self.name}/{chain.name}"
        self._entries[chain.name] = point.register(self._wrap(self, chain, judge), chain.priority, name)

    # --- rules --------------------------------------------------------------------------------------------

    def append(self, chain: Chain, rule: Rule) -> None:
        """Put a rule behind all others."""
        self._enter(rule)
        chain.rules.append(rule)
        chain.index = None

    def insert(self, chain: Chain, index: int, rule: Rule) -> None:
        """Put a rule in front of the one at `index`."""
        self._enter(rule)
        chain.rules.insert(index, rule)
        chain.index = None

    def replace(self, chain: Chain, index: int, rule: Rule) -> None:
        """Put a rule in the place of another."""
        self._enter(rule)
        self._leave(chain.rules[index])
        chain.rules[index] = rule
        chain.index = None

    def delete(self, chain: Chain, index: int) -> None:
        """Take a rule out."""
        self._leave(chain.rules.pop(index))
        chain.index = None

    def flush(self, chain: Chain) -> None:
        """Take all rules of a chain out."""
        for rule in chain.rules:
            self._leave(rule)
        chain.rules.clear()
        chain.index = None

    def set_rules(self, chain: Chain, rules: list[Rule]) -> None:
        """Have a chain hold just these; what it holds already stays untouched."""
        if chain.rules == rules:
            return
        for rule in rules:
            self._enter(rule)
        self.flush(chain)
        chain.rules[:] = rules

    def _enter(self, rule: Rule) -> None:
        if not rule.handle:  # else it comes back to where it was
            self._handles += 1
            rule.handle = self._handles
        if isinstance(rule.target, Jump):
            rule.target.chain.references += 1
        for _ in range(rule.connection_users):
            self._connections.use(self.family)

    def _leave(self, rule: Rule) -> None:
        if isinstance(rule.target, Jump):
            rule.target.chain.references -= 1
        for _ in range(rule.connection_users):
            self._connections.release(self.family)
