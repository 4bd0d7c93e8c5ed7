"""Where packets can come in a table: what the kernel looks at before a batch holds."""

from __future__ import annotations

from typing import Final

from pystack.errors import EMLINK, EOPNOTSUPP
from pystack.netfilter.nft.table import NftBaseChain, NftRule, NftTable, rules_of
from pystack.netfilter.rule import Chain

DEEPEST: Final = 16  # Linux: NFT_JUMP_STACK_SIZE


def fault_of(table: NftTable) -> int:
    """The errno for which the kernel refuses a table; 0 if it takes it.

    Linux: net/netfilter/nf_tables_api.c nft_table_validate()
    """
    return next((fault for base in table.base_chains() if (fault := _fault_of(base))), 0)


def _fault_of(base: NftBaseChain) -> int:
    """A chain is looked at again where it is met deeper: a loop is as deep as can be.

    Linux: net/netfilter/nf_tables_api.c nft_chain_validate()
    """
    deepest: dict[int, int] = {id(base): 0}
    waiting: list[tuple[Chain, int]] = [(base, 0)]
    while waiting:
        chain, level = waiting.pop()
        if level == DEEPEST:
            return EMLINK
        for rule in rules_of(chain):
            if not all(place.takes(base) for place in rule.places):
                return EOPNOTSUPP
            for onward in _led_to(rule):
                if deepest.get(id(onward), -1) <= level:
                    deepest[id(onward)] = level + 1
                    waiting.append((onward, level + 1))
    return 0


def _led_to(rule: NftRule) -> list[Chain]:
    return [*rule.jumps, *(chain for named in rule.uses for chain in named.chains)]
