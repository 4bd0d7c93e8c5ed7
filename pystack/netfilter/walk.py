"""Takes a packet through the rules of a base chain to its verdict."""

from __future__ import annotations

from typing import Protocol

from pystack.netfilter.index import WORTH_IT, RuleIndex
from pystack.netfilter.rule import CONTINUE, RETURN, BaseChain, Chain, Jump, Rule
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


class _Place:
    """Where in a chain the walk is: the numbers of its rules that are still to be asked."""

    __slots__ = ("chain", "next", "numbers")

    def __init__(self, chain: Chain, view: View) -> None:
        self.chain = chain
        self.next = 0
        self.numbers: list[int] | range = range(len(chain.rules))
        if len(chain.rules) >= WORTH_IT:
            if chain.index is None:
                chain.index = RuleIndex(chain.rules)
            self.numbers = chain.index.candidates(view)


def walk(base: BaseChain, view: View, listener: Listener | None = None, tracer: Tracer | None = None) -> int:
    """The verdict. Linux: net/ipv4/netfilter/ip_tables.c ipt_do_table()"""
    place = _Place(base, view)
    calls: list[_Place] = []  # where to go on after a user's chain
    while True:
        if place.next == len(place.numbers):
            if tracer is not None and view.pkt.nf_trace:
                tracer.end(place.chain, view)
                if not calls and place.chain is not base:
                    tracer.end(base, view)
            if not calls:
                return _policy(base, view, listener)
            if place.chain.policy != RETURN:  # ebtables lets its users give their own chains one
                if listener is not None:
                    listener.policy(place.chain, view)
                return place.chain.policy
            place = calls.pop()
            continue
        number = place.numbers[place.next]
        rule = place.chain.rules[number]
        place.next += 1
        if not rule.matches(view):
            if view.hotdrop:
                return NF_DROP
            continue
        rule.packets += 1
        rule.octets += view.length
        if tracer is not None and view.pkt.nf_trace:
            tracer.rule(place.chain, number + 1, rule, view)
        target = rule.target
        if type(target) is Jump:
            if listener is not None:
                listener.rule(place.chain, number + 1, rule, CONTINUE, view)
            if tracer is not None and view.pkt.nf_trace:
                tracer.obeyed(place.chain, rule, CONTINUE, view)
            if not target.goto:
                calls.append(place)
            place = _Place(target.chain, view)
            continue
        verdict = CONTINUE if target is None else target.apply(view)
        if listener is not None:
            listener.rule(place.chain, number + 1, rule, verdict, view)
        if tracer is not None and view.pkt.nf_trace:
            tracer.obeyed(place.chain, rule, verdict, view)
        if verdict == RETURN and calls:
            place = calls.pop()
        elif verdict == RETURN:
            place = _Place(base, view)
            place.next = len(place.numbers)  # as if the base chain had ended
        elif verdict != CONTINUE:
            return verdict


def _policy(base: BaseChain, view: View, listener: Listener | None) -> int:
    if base.counts:
        base.packets += 1
        base.octets += view.length
    if listener is not None:
        listener.policy(base, view)
    return base.policy
