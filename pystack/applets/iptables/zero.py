"""`-Z`: counters begin again, those of rules that nft's users have put there, too."""

from __future__ import annotations

from pystack.netfilter.nft.kin import is_nfts
from pystack.netfilter.nft.statements.counters import Counter
from pystack.netfilter.rule import BaseChain, Chain, Rule
from pystack.netfilter.table import Table


def zero_chain(table: Table, chain: Chain) -> None:
    """With its rules; nft's tool writes those anew that have counted anything."""
    if isinstance(chain, BaseChain):
        chain.packets = chain.octets = 0
        chain.counts = True
        table.changed(chain)
    for rule in chain.rules:
        zero_rule(table, chain, rule, in_any_case=False)


def zero_rule(table: Table, chain: Chain, rule: Rule, *, in_any_case: bool = True) -> None:
    """Told of if it had counted anything, or in any case."""
    counters = [test for test in rule.tests if isinstance(test, Counter)] if is_nfts(rule) else [rule]
    counted = sum(counter.packets for counter in counters), sum(counter.octets for counter in counters)
    for counter in counters:
        counter.packets = counter.octets = 0
    if in_any_case or any(counted):
        table.zeroed(chain, rule, counted)
