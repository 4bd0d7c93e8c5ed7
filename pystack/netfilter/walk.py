"""Takes a packet through the rules of a base chain to its verdict."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from pystack.netfilter.index import WORTH_IT, RuleIndex
from pystack.netfilter.rule import CHOSEN, CONTINUE, RETURN, BaseChain, Chain, Jump, Rule, decided
from pystack.netfilter.verdict import NF_DROP
from pystack.netfilter.view import View


class Listener(Protocol):
    """Somebody who wants to know which rules decided: explain, TRACE."""

    def rule(self, chain: Chain, number: int, rule: Rule, verdict: int, view: View) -> None:
        """A rule matched; numbers count from 1."""

    def policy(self, chain: Chain, view: View) -> None:
        """No rule decided."""


class Tracer(Protocol):
    """Somebody who follows packets that TRACE marked."""

    def rule(self, chain: Chain, number: int, rule: Rule, view: View) -> None:
        """A rule matched, and is about to be obeyed."""

    def obeyed(self, chain: Chain, rule: Rule, verdict: int, view: View) -> None:
        """It was obeyed; a jump is told before it is followed."""

    def end(self, chain: Chain, view: View) -> None:
        """No rule of the chain decided."""


_Place = tuple[Chain, Sequence[int], int]  # a chain, the numbers of rules that it asks, and which is next


def _asked(chain: Chain, view: View) -> Sequence[int]:
    """The numbers, from 0, of the rules that have to be asked."""
    if len(chain.rules) < WORTH_IT:
        return range(len(chain.rules))
    if chain.index is None:
        chain.index = RuleIndex(chain.rules)
    return chain.index.candidates(view)


def walk(base: BaseChain, view: View, listener: Listener | None = None, tracer: Tracer | None = None) -> int:
    """The verdict. Linux: net/ipv4/netfilter/ip_tables.c ipt_do_table()"""
    chain: Chain = base
    asked, at = _asked(base, view), 0
    calls: list[_Place] = []  # where to go on after a user's chain
    while True:
        if at == len(asked):
            if tracer is not None and view.pkt.nf_trace:
                _tell_end(tracer, chain, base if not calls else chain, view)
            if not calls:
                return _policy(base, view, listener)
            if chain.policy != RETURN:  # ebtables lets its users give their own chains one
                if listener is not None:
                    listener.policy(chain, view)
                chain.ended(view)
                return chain.policy
            chain, asked, at = calls.pop()
            continue
        number = asked[at]
        rule = chain.rules[number]
        at += 1
        for test in rule.tests:
            if not test(view):
                break
        else:
            verdict = _obey(chain, number + 1, rule, view, listener, tracer)
            if verdict == CONTINUE:
                target = rule.target if rule.target is not CHOSEN else decided(rule, view)
                if type(target) is Jump:
                    if not target.goto:
                        calls.append((chain, asked, at))
                    chain, asked, at = target.chain, _asked(target.chain, view), 0
            elif verdict != RETURN:
                return verdict
            elif calls:
                chain, asked, at = calls.pop()
            else:
                chain, asked, at = base, (), 0  # as if the base chain had ended
            continue
        if view.hotdrop:
            return NF_DROP


def _obey(
    chain: Chain, number: int, rule: Rule, view: View, listener: Listener | None, tracer: Tracer | None
) -> int:
    """Count a packet, do what the rule says, and tell who wants to know; of a jump CONTINUE."""
    rule.packets += 1
    rule.octets += view.length
    if tracer is not None and view.pkt.nf_trace:
        tracer.rule(chain, number, rule, view)
    target = rule.target if rule.target is not CHOSEN else decided(rule, view)
    verdict = CONTINUE if target is None or type(target) is Jump else target.apply(view)
    if listener is not None:
        listener.rule(chain, number, rule, verdict, view)
    if tracer is not None and view.pkt.nf_trace:
        tracer.obeyed(chain, rule, verdict, view)
    return verdict


def _tell_end(tracer: Tracer, chain: Chain, last: Chain, view: View) -> None:
    """A chain that was left for another by `goto` ends with that."""
    tracer.end(chain, view)
    if last is not chain:
        tracer.end(last, view)


def _policy(base: BaseChain, view: View, listener: Listener | None) -> int:
    if base.counts:
        base.packets += 1
        base.octets += view.length
    if listener is not None:
        listener.policy(base, view)
    return base.policy
