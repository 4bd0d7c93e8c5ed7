"""All tables of nftables in a namespace."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Protocol

from pystack.netfilter.nft.change import Changes
from pystack.netfilter.nft.table import DORMANT, NftBaseChain, NftTable
from pystack.netfilter.table import Connections

TakeOff = Callable[[], None]


class Hanger(Protocol):
    """Who knows the hooks."""

    def hang(self, table: NftTable, chain: NftBaseChain) -> TakeOff:
        """Have a chain see packets; what ends that. Raises NetError."""


class Ruleset:
    """Linux: struct nftables_pernet"""

    hanger: Hanger  # who builds the namespace has it hand in one before there are chains

    def __init__(self, connections: Connections) -> None:
        self.tables: dict[tuple[str, str], NftTable] = {}  # by family and name, the eldest first
        self.generation = 1  # of batches that held
        self.is_wary = False  # a batch led packets where they may not go, and none has held since
        self.connections = connections
        self.one_by_one = Changes()  # what iptables and its kin did since their last command
        self._hanging: dict[int, TakeOff] = {}  # by the id of the chain
        self._handles = 0

    def next_handle(self) -> int:
        """Of a table, or of one that is refused."""
        self._handles += 1
        return self._handles

    def names(self, family: str, among: Collection[str]) -> list[str]:
        """Of tables of a family that have one of these names, the eldest first."""
        return [name for of, name in self.tables if of == family and name in among]

    def hang(self, table: NftTable, chain: NftBaseChain) -> None:
        """Have a chain see packets, unless its table sleeps."""
        if DORMANT not in table.flags:
            self._hanging[id(chain)] = self.hanger.hang(table, chain)

    def hung(self, chain: NftBaseChain) -> TakeOff | None:
        """What takes a chain off; the chain is no more known as hanging."""
        return self._hanging.pop(id(chain), None)

    def still_hangs(self, chain: NftBaseChain, take_off: TakeOff) -> None:
        """It was not taken off after all."""
        self._hanging[id(chain)] = take_off
