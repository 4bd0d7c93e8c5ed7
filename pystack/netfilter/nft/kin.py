"""What iptables and its kin put into tables of nft."""

from __future__ import annotations

from pystack.netfilter.nft.table import NftRule, NftTable
from pystack.netfilter.rule import Rule


class CompatRule(NftRule):
    """A rule that iptables or its kin put there; its `spec` is in their words."""

    __slots__ = ()


def is_nfts(rule: Rule) -> bool:
    """Whether a rule was put there by nft's users."""
    return isinstance(rule, NftRule) and not isinstance(rule, CompatRule)


def is_filled_by_kin(table: NftTable) -> bool:
    """Whether iptables or its kin made anything in a table: their chains have no text."""
    chains = table.chains.values()
    return any(
        chain.spec is None or any(isinstance(rule, CompatRule) for rule in chain.rules) for chain in chains
    )
