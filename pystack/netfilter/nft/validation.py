"""Where packets can come in a table: what the kernel looks at before a batch holds."""

from __future__ import annotations

from typing import Final

from pystack.errors import EMLINK
from pystack.netfilter.nft.table import NftBaseChain, NftRule, NftTable, rules_of
from pystack.netfilter.rule import Chain

DEEPEST: Final = 16  # Linux: NFT_JUMP_STACK_SIZE


def fault_of(table: NftTable) -> int:
    """The errno for which the kernel refuses a table; 0 if it takes it.

    Linux: net/netfilter/nf_tables_api.c nft_table_validate()
    """
    return next((fault for base in table.base_chains() if (fault := _Walk(base).fault_of(base, 0))), 0)


class _Walk:
    """From one base chain, rule by rule, on wherever a rule leads."""

    def __init__(self, base: NftBaseChain) -> None:
        self._base = base
        self._seen: dict[int, int] = {}  # how deep a chain was met, by its id

    def fault_of(self, chain: Chain, level: int) -> int:
        """A chain is looked at again where it is met deeper: a loop is as deep as can be.

        Linux: net/netfilter/nf_tables_api.c nft_chain_validate()
        """
        if level == DEEPEST:
            return EMLINK
        if self._seen.get(id(chain), -1) >= level:
            return 0
        self._seen[id(chain)] = level
        for rule in rules_of(chain):
            misplaced = (place.fault for place in rule.places if not place.takes(self._base))
            if fault := next(misplaced, 0):
                return fault
            for onward in led_to(rule):
                if fault := self.fault_of(onward, level + 1):
                    return fault
        return 0


def led_to(rule: NftRule) -> list[Chain]:
    """Where a rule leads, also by the maps that it asks."""
    return [*rule.jumps, *(chain for named in rule.uses for chain in named.chains)]
