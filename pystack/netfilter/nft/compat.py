"""A table of nft as iptables-nft and its kin see it, who change the same chains and rules one by one.

Linux: iptables/nft.c
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable

from pystack.errors import EINVAL, EOPNOTSUPP, NetError
from pystack.netfilter.nft.change import Change, Changes
from pystack.netfilter.nft.frame_chain import FrameChain
from pystack.netfilter.nft.kin import CompatRule, is_filled_by_kin
from pystack.netfilter.nft.ruleset import Ruleset
from pystack.netfilter.nft.table import BRIDGE, NUMBERS, NftBaseChain, NftRule, NftTable, Place
from pystack.netfilter.rule import Chain, Jump, Match, Rule, Target
from pystack.netfilter.table import NFT, Table
from pystack.netfilter.verdict import NF_ACCEPT
from pystack.netfilter.walk import Listener

BuiltIn = Callable[[str], NftBaseChain | None]  # a chain as they make it, by its name


class CompatTable(Table):
    """It is there while nft has a table of its name.

    Base chains that are not as theirs are hidden from them.
    """

    def __init__(self, ruleset: Ruleset, family: str, name: str, built_in: BuiltIn) -> None:
        super().__init__(NUMBERS[family], name, NFT, ruleset.connections)
        self._ruleset = ruleset
        self._place = family, name
        self._built_in = built_in
        self._looked_at: tuple[dict[str, Chain], int] = {}, 0  # chains, and how many there were
        self._hidden: dict[str, Chain] = {}  # of these

    @property
    def standing(self) -> NftTable | None:
        """The table itself."""
        return self._ruleset.tables.get(self._place)

    @standing.setter
    def standing(self, before: object | None) -> None:
        now = self.standing
        if isinstance(before, NftTable):
            self._ruleset.tables[self._place] = before
        elif now is not None:
            self._empty(now)
            self._ruleset.tables.pop(self._place)
            self._changes.note(Change("delete", "table", now))

    def _empty(self, table: NftTable) -> None:
        """Of what nft's users have put there."""
        for chain in table.chains.values():
            self.flush(chain)
            if isinstance(chain, NftBaseChain):
                self._take_off(chain)

    @property
    def chains(self) -> dict[str, Chain]:
        """None while it is not there."""
        if self.standing is None:
            return {}
        known, hidden = self.standing.chains, self._hides(self.standing)
        return {name: chain for name, chain in known.items() if name not in hidden} if hidden else known

    @chains.setter
    def chains(self, chains: dict[str, Chain]) -> None:
        if self.standing is not None:
            places = {id(chain): place for place, chain in enumerate(self.standing.chains.values())}
            all_chains = self._hides(self.standing) | chains
            in_order = sorted(all_chains.items(), key=lambda item: places.get(id(item[1]), len(places)))
            self.standing.chains = dict(in_order)

    @property
    def hides_chains(self) -> bool:
        """Whether there are some that iptables does not show."""
        return self.standing is not None and bool(self._hides(self.standing))

    def _hides(self, table: NftTable) -> dict[str, Chain]:
        """Looked for again only when there are other chains."""
        known, count = self._looked_at
        if known is not table.chains or count != len(known):
            self._looked_at = table.chains, len(table.chains)
            bases = (chain for chain in table.base_chains() if not self._is_as_theirs(chain))
            self._hidden = {chain.name: chain for chain in bases}
        return self._hidden

    def _is_as_theirs(self, chain: NftBaseChain) -> bool:
        """Linux: iptables/nft.c nft_is_chain_compatible()"""
        theirs = self._built_in(chain.name)
        return theirs is not None and (theirs.hook_name, theirs.priority, theirs.type) == (
            chain.hook_name,
            chain.priority,
            chain.type,
        )

    @property
    def listener(self) -> Listener | None:
        """Of all who see the table there is one."""
        return None if self.standing is None else self.standing.listener

    @listener.setter
    def listener(self, listener: Listener | None) -> None:
        if self.standing is not None:
            self.standing.listener = listener

    @property
    def is_own(self) -> bool:
        """Also where nft's users have put something beside it."""
        return self.standing is not None and is_filled_by_kin(self.standing)

    def new_rule(
        self,
        tests: tuple[Match, ...],
        target: Target | None,
        spec: object,
        origin: str,
        hooks: Iterable[Collection[str]] = (),
    ) -> Rule:
        """A rule that can come into this table. Linux: net/netfilter/nft_compat.c nft_target_validate()"""
        rule = CompatRule(tests, target, spec, origin)
        rule.places = tuple(Place([name.lower() for name in names], fault=EINVAL) for names in hooks)
        rule.jumps = (target.chain,) if isinstance(target, Jump) else ()
        return rule

    def is_led_to(self, chain: Chain) -> bool:
        """Also by the maps of nft's users."""
        return self.standing is not None and self.standing.leads_to(chain)

    def new_chain(self, name: str) -> Chain:
        """Those of ebtables have policies."""
        return FrameChain(name) if self._place[0] == BRIDGE else Chain(name)

    def changed(self, chain: Chain) -> None:
        """A chain has another policy or name now."""
        self._note_chain("add", self._made, chain)

    def zeroed(self, chain: Chain, rule: Rule, counted: tuple[int, int]) -> None:
        """The tool has put it there anew."""
        before = _nft_rule(rule)
        if isinstance(before, CompatRule):
            before = CompatRule(rule.tests, rule.target, rule.spec)
            before.handle = rule.handle
            before.packets, before.octets = counted
        self._tell("replace", chain, rule, before)

    def refused_rule(self) -> None:
        """The kernel has refused one, which had a number by then."""
        if self.standing is not None:
            self.standing.next_handle()

    def nothing_happened(self) -> None:
        """What was done since the last command was taken back."""
        self._changes.all.clear()

    @property
    def _changes(self) -> Changes:
        return self._ruleset.one_by_one

    @property
    def _made(self) -> NftTable:
        """It comes into being with the first chain."""
        if self.standing is None:
            made = NftTable(*self._place, self._ruleset.next_handle())
            self._ruleset.tables[self._place] = made
            self._changes.note(Change("add", "table", made))
            return made
        return self.standing

    def _take_in(self, chain: Chain) -> None:
        table = self._made
        if chain.name in table.chains:
            raise NetError(EOPNOTSUPP)
        chain.handle = chain.handle or table.next_handle()  # which it has if it comes back
        table.chains[chain.name] = chain
        is_base = isinstance(chain, NftBaseChain)
        self._note_chain("add" if is_base else "create", table, chain)
        if isinstance(chain, NftBaseChain):
            self._ruleset.hang(table, chain)

    def _note_chain(self, operation: str, table: NftTable, chain: Chain) -> None:
        """With the policy of now: a command makes a chain first, and then gives it one."""
        self._changes.note(Change(operation, "chain", table, chain, policy=chain.policy))

    def _take_out(self, chain: Chain) -> None:
        table = self._made
        self._changes.note(Change("delete", "chain", table, chain))
        del table.chains[chain.name]
        if isinstance(chain, NftBaseChain):
            self._take_off(chain)

    def _take_off(self, chain: NftBaseChain) -> None:
        if (take_off := self._ruleset.hung(chain)) is not None:
            take_off()

    def flush(self, chain: Chain) -> None:
        """Take all rules of a chain out."""
        if isinstance(chain, FrameChain):
            chain.is_disturbed = True
        super().flush(chain)

    def _tell(self, operation: str, chain: Chain, rule: Rule, old: Rule | None = None) -> None:
        self._changes.note(Change(operation, "rule", self._made, chain, rule, old))
        if isinstance(chain, FrameChain):
            chain.is_disturbed = True

    def _led_to(self, rule: Rule) -> Collection[Chain]:
        return _nft_rule(rule).jumps

    def _enter(self, rule: Rule) -> None:
        table = self._made
        rule.handle = rule.handle or table.next_handle()
        for named in _nft_rule(rule).own_sets:
            table.own_names.take_again(named.name)
        super()._enter(rule)

    def _leave(self, rule: Rule) -> None:
        for named in _nft_rule(rule).own_sets:
            self._made.own_names.give_back(named.name)
        super()._leave(rule)


def _nft_rule(rule: Rule) -> NftRule:
    assert isinstance(rule, NftRule), "in a table of nft there are no others"
    return rule


def base_chain(name: str, hook: int, priority: int, kind: str = "filter") -> NftBaseChain:
    """A built-in chain of theirs, as they have the kernel make it."""
    chain = NftBaseChain(name, hook, priority, NF_ACCEPT)
    chain.type, chain.hook_name = kind, name.lower()
    return chain
