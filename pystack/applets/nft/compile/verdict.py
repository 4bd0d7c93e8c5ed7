"""Verdicts: what a rule, or an element of a map, says."""

from __future__ import annotations

from typing import Final

from pystack.applets.nft.compile.site import Site
from pystack.applets.nft.tree import expressions as tree
from pystack.netfilter.rule import CONTINUE, RETURN, Jump, Target, Verdict
from pystack.netfilter.verdict import NF_ACCEPT, NF_DROP

_CODES: Final = {"accept": NF_ACCEPT, "drop": NF_DROP, "continue": CONTINUE, "return": RETURN}

_WORDS: Final = {code: word for word, code in _CODES.items()}


def compile_verdict(verdict: tree.Verdict, site: Site) -> Target:
    """Chains that it leads to are those of the table, and those of the rule's blocks."""
    if verdict.word in _CODES:
        return Verdict(_CODES[verdict.word])
    chain = site.chain_named(verdict.chain) if verdict.rules is None else next(site.own_chains)
    return Jump(chain, goto=verdict.word == "goto")


def verdict_of(target: Target) -> tree.Verdict:
    """The same back, for a listing."""
    if isinstance(target, Jump):
        return tree.Verdict("goto" if target.goto else "jump", target.chain.name)
    assert isinstance(target, Verdict), "a map has nothing else"
    return tree.Verdict(_WORDS[target.code])
