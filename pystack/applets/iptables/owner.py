"""Which iptables it is, of two families and two kinds: they read and print alike, and differ in tables and in
some words.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from pystack.applets.iptables.family import IPV4, IPV6, Family
from pystack.netfilter.table import LEGACY, NFT

_NFT_ORDER: Final = ("mangle", "security", "raw", "filter", "nat")


@dataclass(frozen=True, slots=True)
class Owner:
    """Of tables in netfilter, and the variant's name behind the version."""

    tables: str
    variant: str
    family: Family

    @property
    def program(self) -> str:
        """What it is called in error texts."""
        return self.family.program

    @property
    def is_nft(self) -> bool:
        """Whether rules go through nf_tables."""
        return self.tables == NFT

    def saved_order(self, existing: list[str]) -> list[str]:
        """The tables that -save prints: nft's in its own order, legacy's the last made first."""
        if self.is_nft:
            return [name for name in _NFT_ORDER if name in existing]
        return existing[::-1]


NFT_OWNER: Final = Owner(NFT, "nf_tables", IPV4)
LEGACY_OWNER: Final = Owner(LEGACY, "legacy", IPV4)
NFT_OWNER6: Final = Owner(NFT, "nf_tables", IPV6)
LEGACY_OWNER6: Final = Owner(LEGACY, "legacy", IPV6)
