"""What can be reached in a table: chains that lead back to themselves, targets where they may not stand."""

from __future__ import annotations

from collections.abc import Callable

from pystack.applets.iptables.spec import RuleSpec
from pystack.netfilter.rule import Chain, Jump, Rule, Verdict
from pystack.netfilter.table import Table


def has_misplaced(table: Table) -> bool:
    """Whether a target can be reached from a hook at which it may not stand.

    Linux: nft_chain_validate(), net/netfilter/x_tables.c xt_check_target()
    """
    for base in table.base_chains():
        seen: set[str] = {base.name}
        waiting: list[Chain] = [base]
        while waiting:
            chain = waiting.pop()
            if any(not _may_stand(rule, base.name) for rule in chain.rules):
                return True
            following = [other for other in onward_of_all(chain) if other.name not in seen]
            seen.update(other.name for other in following)
            waiting += following
    return False


def _may_stand(rule: Rule, hook: str) -> bool:
    spec = rule.spec
    if not isinstance(spec, RuleSpec) or spec.extension is None:
        return True
    hooks = spec.extension[0].hooks
    return not hooks or hook in hooks


def leads_to(start: Chain, end: Chain, onward: Callable[[Chain], list[Chain]]) -> bool:
    seen, waiting = {start.name}, [start]
    while waiting:
        chain = waiting.pop()
        if chain is end:
            return True
        following = [other for other in onward(chain) if other.name not in seen]
        seen.update(other.name for other in following)
        waiting += following
    return False


def onward_of_all(chain: Chain) -> list[Chain]:
    return [rule.target.chain for rule in chain.rules if isinstance(rule.target, Jump)]


def onward_of_reachable(chain: Chain) -> list[Chain]:
    """Where its rules lead, up to one that decides about every packet."""
    found: list[Chain] = []
    for rule in chain.rules:
        if isinstance(rule.target, Jump):
            found.append(rule.target.chain)
        if isinstance(rule.target, Verdict) and not rule.tests:
            break
    return found
