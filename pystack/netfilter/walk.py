"""Takes a packet through the rules of a base chain to its verdict."""

from __future__ import annotations

from typing import Protocol

from pystack.netfilter.rule import CONTINUE, RETURN, BaseChain, Chain, Jump, Rule
from pystack.netfilter.verdict import NF_DROP
from pystack.netfilter.view import View


class Listener(Protocol):
    """Somebody who wants to know which rules decided: explain, TRACE."""

    def rule(self, chain: Chain, number: int, rule: Rule, verdict: int, view: View) -> None:
        """A rule matched; numbers count from 1."""

    def policy(self, chain: BaseChain, view: View) -> None:
        """No rule decided."""


def walk(base: BaseChain, view: View, listener: Listener | None = None) -> int:
    """The verdict. Linux: net/ipv4/netfilter/ip_tables.c ipt_do_table()"""
    chain: Chain = base
    number = 0
    calls: list[tuple[Chain, int]] = []  # where to go on after a user's chain
    while True:
        if number == len(chain.rules):
            if not calls:
                return _policy(base, view, listener)
            chain, number = calls.pop()
            continue
        rule = chain.rules[number]
        number += 1
        if not rule.matches(view):
            if view.hotdrop:
                return NF_DROP
            continue
        rule.packets += 1
        rule.octets += view.length
        target = rule.target
        if type(target) is Jump:
            if listener is not None:
                listener.rule(chain, number, rule, CONTINUE, view)
            if not target.goto:
                calls.append((chain, number))
            chain, number = target.chain, 0
            continue
        verdict = CONTINUE if target is None else target.apply(view)
        if listener is not None:
            listener.rule(chain, number, rule, verdict, view)
        if verdict == RETURN:
            number = len(chain.rules)  # as if the chain had ended
        elif verdict != CONTINUE:
            return verdict


def _policy(base: BaseChain, view: View, listener: Listener | None) -> int:
    base.packets += 1
    base.octets += view.length
    if listener is not None:
        listener.policy(base, view)
    return base.policy
