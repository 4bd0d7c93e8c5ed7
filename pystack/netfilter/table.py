"""Tables and their chains, of every family and owner, hung at the hooks.

A table belongs to an owner: iptables-legacy and iptables-nft have tables of the same names side by side, as
on a real host; nftables' own are further ones.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator
from typing import Final, Protocol

from pystack.errors import EBUSY, EEXIST, ENOENT, ENOTEMPTY, NetError
from pystack.netfilter.hooks import HookEntry, HookFn, HookState
from pystack.netfilter.rule import BaseChain, Chain, Jump, Match, Rule, Target
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
    """Its chains and rules, changed one by one. Linux: struct xt_table, struct nft_table"""

    chains: dict[str, Chain]  # in the order of their making
    listener: Listener | None

    def __init__(self, family: int, name: str, owner: str, connections: Connections) -> None:
        self.family = family
        self.name = name
        self.owner = owner
        self._connections = connections

    @property
    def exists(self) -> bool:
        """It does from the first chain on, also when that is gone."""
        return self.standing is not None

    @property
    def standing(self) -> object | None:
        """What makes it exist, as long as it does."""
        raise NotImplementedError

    @standing.setter
    def standing(self, before: object | None) -> None:
        """As it was before; None: as if it had never been."""
        raise NotImplementedError

    @property
    def is_own(self) -> bool:
        """Whether anything in it was made by its owner; into tables of nft others can write, too."""
        return True

    @property
    def hides_chains(self) -> bool:
        """Whether there are chains in it that its owner does not know."""
        return False

    # --- chains -------------------------------------------------------------------------------------------

    def add_chain(self, chain: Chain) -> None:
        """Take a chain in; a base chain begins to see packets at once."""
        if chain.name in self.chains:
            raise NetError(EEXIST)
        self._take_in(chain)

    def remove_chain(self, name: str) -> None:
        """Take out a chain that is empty, and that no rule jumps to."""
        chain = self.chains.get(name)
        if chain is None:
            raise NetError(ENOENT)
        if self.is_led_to(chain):
            raise NetError(EBUSY)
        if chain.rules:
            raise NetError(ENOTEMPTY)
        self._take_out(chain)

    def is_led_to(self, chain: Chain) -> bool:
        """Whether packets come to it from other chains."""
        return chain.references > 0

    def is_bare(self, chain: Chain) -> bool:
        """Whether nothing would be different without a base chain."""
        return isinstance(chain, BaseChain) and not chain.rules and chain.policy == NF_ACCEPT

    def rename_chain(self, old: str, new: str) -> None:
        """Give a chain another name, in its place."""
        if new in self.chains:
            raise NetError(EEXIST)
        if old not in self.chains:
            raise NetError(ENOENT)
        chain = self.chains[old]
        chain.name = new
        self.chains = {new if name == old else name: known for name, known in self.chains.items()}
        self.changed(chain)

    def base_chains(self) -> Iterator[BaseChain]:
        """Those that hang at hooks."""
        return (chain for chain in self.chains.values() if isinstance(chain, BaseChain))

    def changed(self, chain: Chain) -> None:
        """A chain has another policy or name now."""

    def _take_in(self, chain: Chain) -> None:
        raise NotImplementedError

    def _take_out(self, chain: Chain) -> None:
        raise NotImplementedError

    def new_chain(self, name: str) -> Chain:
        """A chain of a user's that can come into this table."""
        return Chain(name)

    # --- rules --------------------------------------------------------------------------------------------

    def new_rule(
        self,
        tests: tuple[Match, ...],
        target: Target | None,
        spec: object,
        origin: str,
        hooks: Iterable[Collection[str]] = (),
    ) -> Rule:
        """A rule that can come into this table; parts of it may stand only below certain built-in chains."""
        return Rule(tests, target, spec, origin)

    def append(self, chain: Chain, rule: Rule) -> None:
        """Put a rule behind all others."""
        self._enter(rule)
        chain.rules.append(rule)
        chain.index = None
        self._tell("add", chain, rule)

    def insert(self, chain: Chain, index: int, rule: Rule) -> None:
        """Put a rule in front of the one at `index`."""
        is_last = 0 < index == len(chain.rules)
        self._enter(rule)
        chain.rules.insert(index, rule)
        chain.index = None
        self._tell("add" if is_last else "insert", chain, rule)

    def replace(self, chain: Chain, index: int, rule: Rule) -> None:
        """Put a rule in the place of another, whose number it has then."""
        old = chain.rules[index]
        rule.handle = old.handle
        self._enter(rule)
        self._leave(old)
        chain.rules[index] = rule
        chain.index = None
        self._tell("replace", chain, rule, old)

    def delete(self, chain: Chain, index: int) -> None:
        """Take a rule out."""
        rule = chain.rules.pop(index)
        self._leave(rule)
        chain.index = None
        self._tell("delete", chain, rule)

    def flush(self, chain: Chain) -> None:
        """Take all rules of a chain out."""
        for rule in chain.rules:
            self._leave(rule)
            self._tell("delete", chain, rule)
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

    def zeroed(self, chain: Chain, rule: Rule, counted: tuple[int, int]) -> None:
        """A rule counts from the beginning again; it had counted packets and octets."""

    def refused_rule(self) -> None:
        """The kernel has refused one, which had a number by then."""

    def nothing_happened(self) -> None:
        """What was done since the last command was taken back."""

    def _tell(self, operation: str, chain: Chain, rule: Rule, old: Rule | None = None) -> None:
        """Whoever wants to hear of changes."""

    def _led_to(self, rule: Rule) -> Collection[Chain]:
        """Where a rule sends packets on."""
        return (rule.target.chain,) if isinstance(rule.target, Jump) else ()

    def _enter(self, rule: Rule) -> None:
        for chain in self._led_to(rule):
            chain.references += 1
        for _ in range(rule.connection_users):
            self._connections.use(self.family)

    def _leave(self, rule: Rule) -> None:
        for chain in self._led_to(rule):
            chain.references -= 1
        for _ in range(rule.connection_users):
            self._connections.release(self.family)


class LegacyTable(Table):
    """One that hangs at hooks by itself. Linux: struct xt_table"""

    def __init__(
        self,
        family: int,
        name: str,
        points: tuple[Point, ...],
        view: MakeView,
        wrap: Callable[[Table, BaseChain, Judge], Judge],
        connections: Connections,
    ) -> None:
        super().__init__(family, name, LEGACY, connections)
        self.chains: dict[str, Chain] = {}
        self.listener: Listener | None = None
        self.tracer: Tracer | None = None  # of packets that TRACE marked
        self._points = points
        self._view = view
        self._wrap = wrap  # what hangs at a hook may do more than ask the chain
        self._entries: dict[str, HookEntry] = {}

    @property
    def standing(self) -> object | None:
        """Once made it stays."""
        return self if self.chains else None

    @standing.setter
    def standing(self, before: object | None) -> None:
        """Once made it stays."""

    def _take_in(self, chain: Chain) -> None:
        self.chains[chain.name] = chain
        if isinstance(chain, BaseChain):
            self._hang(chain)

    def _take_out(self, chain: Chain) -> None:
        entry = self._entries.pop(chain.name, None)
        if entry is not None and isinstance(chain, BaseChain):
            self._points[chain.hook].unregister(entry)
        del self.chains[chain.name]

    def _hang(self, chain: BaseChain) -> None:
        view_of = self._view

        def judge(pkt: Packet, state: HookState) -> int:
            return walk(chain, view_of(pkt, state), self.listener, self.tracer)

        point = self._points[chain.hook]
        name = f"{self.name}/{chain.name}"
        self._entries[chain.name] = point.register(self._wrap(self, chain, judge), chain.priority, name)
