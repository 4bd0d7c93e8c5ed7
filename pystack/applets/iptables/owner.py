"""Which of the two iptables it is: they read and print alike, and differ in tables and in some words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pystack.netfilter.table import LEGACY, NFT

_NFT_ORDER: Final = ("mangle", "security", "raw", "filter", "nat")


@dataclass(frozen=True, slots=True)
class Owner:
    """Of tables in netfilter, and the variant's name behind the version."""

    tables: str
    variant: str

    @property
    def is_nft(self) -> bool:
        """Whether rules go through nf_tables."""
        return self.tables == NFT

    def saved_order(self, existing: list[str]) -> list[str]:
        """The tables that -save prints: nft's in its own order, legacy's the last made first."""
        if self.is_nft:
            return [name for name in _NFT_ORDER if name in existing]
        return existing[::-1]


NFT_OWNER: Final = Owner(NFT, "nf_tables")
LEGACY_OWNER: Final = Owner(LEGACY, "legacy")
