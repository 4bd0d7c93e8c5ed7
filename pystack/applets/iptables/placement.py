"""From where packets come to a chain: what the kernel looks at before it takes a rule.

It refuses loops, and what may not stand where packets of a hook come by. nft counts how deep chains are
nested; legacy looks only at rules that packets can come to.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Final

from pystack.applets.iptables.spec import spec_of
from pystack.netfilter.nft.table import NftRule
from pystack.netfilter.nft.validation import led_to
from pystack.netfilter.rule import BaseChain, Chain, Jump, Rule, Verdict
from pystack.netfilter.table import Table

DEEPEST: Final = 16  # Linux: NFT_JUMP_STACK_SIZE

Onward = Callable[[Chain], list[Chain]]


def onward_of_all(chain: Chain) -> list[Chain]:
    """Where its rules lead, those that nft's users have put there, too."""
    return [onward for rule in chain.rules if isinstance(rule, NftRule) for onward in led_to(rule)]


def onward_of_reachable(chain: Chain) -> list[Chain]:
    """Where its rules lead, up to one that decides about every packet."""
    return [rule.target.chain for rule in rules_met(chain) if isinstance(rule.target, Jump)]


def rules_met(chain: Chain) -> Iterator[Rule]:
    """Those of a chain that packets can come to."""
    for rule in chain.rules:
        yield rule
        if decides_always(rule):
            return


def decides_always(rule: Rule) -> bool:
    """Whether no packet gets past a rule, as legacy sees it: -m comment lets some. Linux: unconditional()"""
    return isinstance(rule.target, Verdict) and not spec_of(rule).save()


def reached(start: Chain, onward: Onward) -> list[Chain]:
    """All chains to which packets come from one; first that itself."""
    seen, waiting = {id(start): start}, [start]
    while waiting:
        following = [other for other in onward(waiting.pop()) if id(other) not in seen]
        seen.update((id(other), other) for other in following)
        waiting += following
    return list(seen.values())


def bases_of(table: Table, chain: Chain, onward: Onward) -> Iterator[BaseChain]:
    """The built-in chains from which packets come to a chain."""
    if isinstance(chain, BaseChain):
        yield chain
    elif table.is_led_to(chain):
        yield from (base for base in table.base_chains() if chain in reached(base, onward))


def has_loop(table: Table) -> bool:
    """Whether legacy refuses a table: packets can come back to a chain in which they are.

    Linux: net/netfilter/x_tables.c mark_source_chains()
    """
    done: set[int] = set()
    for base in table.base_chains():
        path, waiting = [base.name], [iter(onward_of_reachable(base))]
        while waiting:
            chain = next(waiting[-1], None)
            if chain is None:
                waiting.pop()
                done.add(id(table.chains.get(path.pop())))
            elif chain.name in path:
                return True
            elif id(chain) not in done:
                path.append(chain.name)
                waiting.append(iter(onward_of_reachable(chain)))
    return False


def is_too_deep(table: Table) -> bool:
    """Whether nft refuses a table: a loop is as deep as can be. Linux: nft_chain_validate()"""
    deepest: dict[int, int] = {}
    waiting: list[tuple[Chain, int]] = [(base, 0) for base in table.base_chains()]
    while waiting:
        chain, level = waiting.pop()
        if level == DEEPEST:
            return True
        if deepest.get(id(chain), -1) < level:
            deepest[id(chain)] = level
            waiting += [(other, level + 1) for other in onward_of_all(chain)]
    return False
