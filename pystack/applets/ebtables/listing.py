"""`-L`, and the lines that -save prints. Linux: iptables/nft-bridge.c nft_bridge_print_rule()"""

from __future__ import annotations

from collections.abc import Collection, Iterator

from pystack.applets.ebtables.spec import spec_of
from pystack.netfilter.rule import RETURN, BaseChain, Chain, Rule
from pystack.netfilter.table import Table
from pystack.netfilter.verdict import NAMES, NF_ACCEPT


def chains_in_order(table: Table, built_in: Collection[str]) -> list[Chain]:
    """The built-in ones, there or not, then the user's by name."""
    base = [table.chains.get(name) or BaseChain(name, 0, 0, NF_ACCEPT) for name in built_in]
    users = [chain for chain in table.chains.values() if not isinstance(chain, BaseChain)]
    return base + sorted(users, key=lambda chain: chain.name)


def rule_text(rule: Rule) -> str:
    """`-p IPv4 -j DROP`"""
    return spec_of(rule).text(rule)


def policy_name(chain: Chain) -> str:
    """What becomes of frames that no rule decides about."""
    return "RETURN" if chain.policy == RETURN else NAMES[chain.policy]


def listing(table: Table, chains: Collection[Chain], style: Collection[str]) -> Iterator[str]:
    """`-L`; it tells of every chain of the user's that its policy is RETURN."""
    yield f"Bridge table: {table.name}"
    for chain in chains:
        policy = policy_name(chain) if isinstance(chain, BaseChain) else "RETURN"
        yield ""
        yield f"Bridge chain: {chain.name}, entries: {len(chain.rules)}, policy: {policy}"
        for number, rule in enumerate(chain.rules, 1):
            line = f"{number} " if "Ln" in style else ""
            line += rule_text(rule)
            if "Lc" in style:
                line += f" , pcnt = {rule.packets} -- bcnt = {rule.octets}"
            yield line
