"""Where a rule comes to stand: what its names mean, and what its parts use."""

from __future__ import annotations

from collections.abc import Iterable

from pystack.clock import Clock
from pystack.netfilter.nft.ground import Ground
from pystack.netfilter.nft.set import NftSet
from pystack.netfilter.nft.table import NftTable
from pystack.netfilter.rule import Chain, Match


class Site:
    """A table in a namespace."""

    __slots__ = ("ground", "own_chains", "table")

    def __init__(self, table: NftTable, ground: Ground, own_chains: Iterable[Chain] = ()) -> None:
        self.table = table
        self.ground = ground
        self.own_chains = iter(own_chains)  # of the rule's blocks, in their order

    @property
    def clock(self) -> Clock:
        """What time it is."""
        return self.ground.clock

    @property
    def family(self) -> str:
        """As nft writes it."""
        return self.table.family

    def chain_named(self, name: str) -> Chain:
        """A chain of the table; evaluation has looked for it."""
        return self.table.chains[name]

    def set_named(self, name: str) -> NftSet:
        """The elements of a named set or map."""
        content = self.table.sets[name].content
        assert isinstance(content, NftSet), "a set holds elements"
        return content

    def object_named(self, kind: str, name: str) -> Match:
        """A named counter, quota, limit, or helper."""
        content = self.table.objects[kind, name].content
        assert isinstance(content, Match), "an object is a statement with a name"
        return content
