"""Rules for the tables, out of evaluated texts."""

from __future__ import annotations

from typing import NamedTuple

from pystack.applets.nft.blamed import Blamed
from pystack.applets.nft.compile.places import places_of
from pystack.applets.nft.compile.rule import compile_rule
from pystack.applets.nft.compile.site import Site
from pystack.applets.nft.mentions import Mentions, blocks, check
from pystack.applets.nft.meters import check_meters
from pystack.applets.nft.place import COMMAND_LINE, NOWHERE, STDIN, Place
from pystack.applets.nft.tree.commands import ChainText, RuleText
from pystack.applets.nft.tree.expressions import Verdict
from pystack.errors import EOPNOTSUPP
from pystack.netfilter.nft.ground import Ground
from pystack.netfilter.nft.table import Named, NftRule, NftTable
from pystack.netfilter.rule import Chain


class OwnParts(NamedTuple):
    """What a rule brings along."""

    sets: tuple[Named, ...]
    chains: tuple[Chain, ...]  # of blocks


class RuleMaker:
    """Makes those of one batch; `origin` is the line of a setup that the batch stands in."""

    def __init__(self, ground: Ground, origin: str) -> None:
        self._ground = ground
        self._origin = origin

    def _origin_of(self, at: Place) -> str:
        """In a file a rule stands on a line of its own; in what nft is fed, on one behind the setup's."""
        name = at.source.name
        if not self._origin or name in (COMMAND_LINE, NOWHERE.source.name):
            return self._origin
        return f"{self._origin}+{at.line}" if name == STDIN else f"{name}:{at.line}"

    def own_parts(self, text: RuleText, table: NftTable) -> OwnParts:
        """What comes into being in front of a rule. Raises NetError.

        The names of sets end with numbers once the rule is in the table.
        """
        check_meters(text, table)
        sets = tuple(Named(kind, None, None) for kind in Mentions(text.statements).anonymous)
        for named in sets:
            named.handle = table.next_handle()
        return OwnParts(sets, tuple(self._own_chain(block, table) for block in blocks(text.statements)))

    def _own_chain(self, block: Verdict, table: NftTable) -> Chain:
        """Linux: net/netfilter/nf_tables_api.c nf_tables_addchain(), of a chain with NFT_CHAIN_BINDING"""
        handle = table.next_handle()
        chain = Chain(f"__chain{handle}")
        chain.handle, chain.spec = handle, ChainText(chain.name)
        for text in block.rules or ():
            assert isinstance(text, RuleText), "a block of rules"
            for deeper in blocks(text.statements):
                raise Blamed(EOPNOTSUPP, deeper.at)
            own, handle = self.own_parts(text, table), table.next_handle()
            chain.rules.append(self.make(text, table, own, handle))
        return chain

    def make(self, text: RuleText, table: NftTable, own: OwnParts, handle: int) -> NftRule:
        """Raises NetError."""
        said = Mentions(text.statements)
        check(said.all, table)
        tests, target = compile_rule(text, Site(table, self._ground, own.chains))
        rule = NftRule(tests, target, text, self._origin_of(text.at))
        rule.handle = handle
        inside = [one for chain in own.chains for one in chain.rules if isinstance(one, NftRule)]
        rule.jumps = tuple(table.chains[name] for kind, name, _ in said.all if kind == "chain")
        rule.uses = tuple(_used(kind, name, table) for kind, name, _ in said.all if kind != "chain")
        rule.places = places_of(text, table.family)
        rule.own_sets, rule.own_chains = own.sets, own.chains
        for one in inside:
            rule.jumps += one.jumps
            rule.uses += one.uses
            rule.places += one.places
            rule.own_sets += one.own_sets
        return rule


def _used(kind: str, name: str, table: NftTable) -> Named:
    return table.sets[name] if kind == "set" else table.objects[kind, name]
