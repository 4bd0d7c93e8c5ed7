"""Rules for the tables, out of evaluated texts."""

from __future__ import annotations

from pystack.applets.nft.compile.places import places_of
from pystack.applets.nft.compile.rule import compile_rule
from pystack.applets.nft.compile.site import Site
from pystack.applets.nft.mentions import Mentions, check
from pystack.applets.nft.tree.commands import RuleText
from pystack.netfilter.nft.ground import Ground
from pystack.netfilter.nft.table import Named, NftRule, NftTable


class RuleMaker:
    """Makes those of one batch; `origin` is the line of a setup that it stands in."""

    def __init__(self, ground: Ground, origin: str) -> None:
        self._ground = ground
        self._origin = origin

    def own_sets(self, text: RuleText, table: NftTable) -> tuple[Named, ...]:
        """Those that a rule brings along; their names end with numbers once it is in the table."""
        made = tuple(Named(kind, None, None) for kind in Mentions(text.statements).anonymous)
        for named in made:
            named.handle = table.next_handle()
        return made

    def make(self, text: RuleText, table: NftTable) -> NftRule:
        """Raises NetError."""
        said = Mentions(text.statements)
        check(said.all, table)
        tests, target = compile_rule(text, Site(table, self._ground))
        rule = NftRule(tests, target, text, self._origin)
        rule.jumps = tuple(table.chains[name] for kind, name, _ in said.all if kind == "chain")
        rule.uses = tuple(_used(kind, name, table) for kind, name, _ in said.all if kind != "chain")
        rule.places = places_of(text, table.family)
        return rule


def _used(kind: str, name: str, table: NftTable) -> Named:
    return table.sets[name] if kind == "set" else table.objects[kind, name]
