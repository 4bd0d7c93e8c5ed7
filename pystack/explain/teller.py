"""What a rule, or a policy, said to a packet: written down with the packet."""

from __future__ import annotations

from typing import NamedTuple

from pystack.explain.scene import ConfigOf
from pystack.explain.stage import Step, Traveller
from pystack.netfilter.rule import CONTINUE, RETURN, Chain, Jump, Rule, decided
from pystack.netfilter.verdict import NAMES, NF_DROP
from pystack.netfilter.view import View


class Heard(NamedTuple):
    """Where something was said."""

    family: int  # NFPROTO_* of the hook
    name: str  # of the chain, with its table
    chain: Chain
    view: View


class Teller:
    """Writes for one table; `drop`: what dropping means in it."""

    def __init__(self, config_of: ConfigOf, drop: str = "") -> None:
        self._config_of = config_of
        self._drop = drop or NAMES[NF_DROP]

    def rule(self, heard: Heard, number: int, rule: Rule, words: str, verdict: int) -> None:
        """One that matched."""
        name = f"{heard.name}:{number}" + (f" ({words})" if words else "")
        before = rule.packets - 1
        counted = f" ({before} packet{'' if before == 1 else 's'} before)" if before else ""
        text = f"{name}: {self._outcome(rule, verdict, heard.view)}{counted}"
        _note(heard, text, verdict, rule.origin)

    def policy(self, heard: Heard) -> None:
        """None decided."""
        text = f"{heard.name}: no rule decides, the policy is {NAMES[heard.chain.policy]}"
        _note(heard, text, heard.chain.policy, self._config_of(heard.chain))

    def _outcome(self, rule: Rule, verdict: int, view: View) -> str:
        target = decided(rule, view)
        if isinstance(target, Jump):
            return f"on to {target.chain.name}"
        if verdict == CONTINUE:
            return "on to the next rule"
        if verdict == NF_DROP:
            return self._drop
        return "back to where it came from" if verdict == RETURN else NAMES[verdict]


def _note(heard: Heard, text: str, verdict: int, config: str) -> None:
    traveller = heard.view.pkt.trace
    if isinstance(traveller, Traveller):
        traveller.steps.append(Step(heard.family, text, verdict, config))
