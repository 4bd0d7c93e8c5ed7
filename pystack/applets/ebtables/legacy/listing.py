"""What `ebtables-legacy -L` prints. Linux: ebtables ebtables.c list_em()"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Final

from pystack.applets.ebtables.listing import policy_name, rule_text
from pystack.netfilter.rule import BaseChain, Chain, Rule
from pystack.netfilter.table import Table
from pystack.netfilter.verdict import NF_ACCEPT

_MAC: Final = re.compile(r"(?<![\w:])(?:[0-9a-f]{2}:){5}[0-9a-f]{2}(?![\w:])")
_LEADING_ZERO: Final = re.compile(r"\b0(?=[0-9a-f]\b)")


def chains_in_order(table: Table) -> list[Chain]:
    """The built-in ones, then the user's as they were made."""
    users = [chain for chain in table.chains.values() if not isinstance(chain, BaseChain)]
    return [*table.base_chains(), *users]


def legacy_listing(
    table: Table, chains: Collection[Chain], style: Collection[str], *, all_chains: bool
) -> Iterator[str]:
    """`-L`, in one of its styles."""
    if "Lx" in style:
        if all_chains:
            users = (chain for chain in chains if not isinstance(chain, BaseChain))
            yield from (f"ebtables -t {table.name} -N {chain.name}" for chain in users)
    else:
        yield f"Bridge table: {table.name}"
    for chain in chains:
        if "Lx" not in style:
            yield ""
            policy = policy_name(chain)
            yield f"Bridge chain: {chain.name}, entries: {len(chain.rules)}, policy: {policy}"
        elif chain.policy != NF_ACCEPT:
            yield f"ebtables -t {table.name} -P {chain.name} {policy_name(chain)}"
        width = len(str(len(chain.rules)))
        for number, rule in enumerate(chain.rules, 1):
            head = f"{number:>{width}}. " if "Ln" in style else ""
            head += f"ebtables -t {table.name} -A {chain.name} " if "Lx" in style else ""
            yield head + _rule(rule, style)


def _rule(rule: Rule, style: Collection[str]) -> str:
    text = rule_text(rule) if "Lmac2" in style else short_rule(rule)
    if "Lc" not in style:
        return text
    if "Lx" in style:
        return f"{text}-c {rule.packets} {rule.octets}"
    return f"{text}, pcnt = {rule.packets} -- bcnt = {rule.octets}"


def short_rule(rule: Rule) -> str:
    """A rule with its MAC addresses as ether_ntoa() writes them; nothing is shortened in quotation marks."""
    parts = rule_text(rule).split('"')
    parts[::2] = [_MAC.sub(lambda found: _LEADING_ZERO.sub("", found[0]), part) for part in parts[::2]]
    return '"'.join(parts)
