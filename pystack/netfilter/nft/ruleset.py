"""All tables of nftables in a namespace."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from pystack.netfilter.nft.table import NftBaseChain, NftTable
from pystack.netfilter.table import Connections

TakeOff = Callable[[], None]


class Hanger(Protocol):
    """Who knows the hooks."""

    def hang(self, table: NftTable, chain: NftBaseChain) -> TakeOff:
        """Have a chain see packets; what ends that. Raises NetError."""


class Ruleset:
    """Linux: struct nftables_pernet"""

    def __init__(self, hanger: Hanger, connections: Connections) -> None:
        self.tables: dict[tuple[str, str], NftTable] = {}  # by family and name, the eldest first
        self.generation = 1  # of batches that held
        self.is_wary = False  # a batch led packets where they may not go, and none has held since
        self.hanger = hanger
        self.connections = connections
        self.hanging: dict[int, TakeOff] = {}  # by the id of the chain
        self._handles = 0

    def next_handle(self) -> int:
        """Of a table, or of one that is refused."""
        self._handles += 1
        return self._handles
