"""What evaluation asks of the tables that are already there, and of those that the batch has made so far."""

from __future__ import annotations

from typing import Protocol

from pystack.applets.nft.evaluate.ledger import Ledger
from pystack.applets.nft.surroundings import Surroundings
from pystack.applets.nft.tree.commands import SetText


class Context(Protocol):
    """Nothing here changes anything: whoever runs the batch enters each evaluated command itself."""

    @property
    def surroundings(self) -> Surroundings:
        """Names that only this host knows: of interfaces, users, services."""

    def has_table(self, family: str, table: str) -> bool:
        """Is there such a table?"""

    def has_chain(self, family: str, table: str, chain: str) -> bool:
        """Is there such a chain?"""

    def has_object(self, family: str, table: str, kind: str, name: str) -> bool:
        """Is there such a counter, quota, …, or a meter?"""

    def set_named(self, family: str, table: str, name: str) -> SetText | None:
        """The evaluated declaration of a named set or map, without its elements."""

    def rules(self, family: str, table: str, chain: str) -> list[int] | None:
        """The handles of a chain's rules, 0 for those of this batch; None if nft does not look at them."""

    def ledger(self, family: str, table: str, name: str) -> Ledger:
        """What an interval set holds; evaluation itself keeps it up to date."""

    def tables(self) -> list[tuple[str, str]]:
        """(family, name) of every table: among them a misspelt one is looked for."""

    def chains(self, family: str, table: str) -> list[str]:
        """The names of a table's chains."""

    def sets(self, family: str, table: str) -> list[tuple[str, bool]]:
        """The names of a table's sets and maps, and whether it is a map."""

    def objects(self, family: str, table: str) -> list[str]:
        """The names of a table's objects, of whatever kind."""
