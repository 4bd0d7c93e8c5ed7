"""What a rule says now: its counters and quotas as they stand, also those of elements of its own sets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import chain, repeat

from pystack.applets.nft.compile.elements import ends_of
from pystack.applets.nft.compile.stateful import statement_of
from pystack.applets.nft.tree import statements as tree
from pystack.applets.nft.tree.commands import RuleText
from pystack.applets.nft.tree.expressions import Element, Elements, Lookup, Verdict
from pystack.netfilter.nft.lookup import InSet, MapsVerdict, WhileUndecided
from pystack.netfilter.nft.set import NftSet
from pystack.netfilter.nft.statements import counters
from pystack.netfilter.nft.table import NftRule
from pystack.netfilter.rule import Chain, Match, Rule


def statements_now(rule: Rule, written: Sequence[tree.Statement]) -> tuple[tree.Statement, ...]:
    """The statements of which a rule was made, with what they have counted since.

    Each has made one test, save matches that are only listed, `continue`, and the first that decides.
    """
    return tuple(_now(rule, written))


def _now(rule: Rule, written: Sequence[tree.Statement]) -> Iterator[tree.Statement]:
    tests = chain(rule.tests, repeat(None))
    blocks = iter(rule.own_chains) if isinstance(rule, NftRule) else iter(())
    decided = False
    for one in written:
        verdict = one.verdict if isinstance(one, tree.Decide) else None
        is_idle = isinstance(one, tree.Match) and one.idle
        if is_idle or (isinstance(verdict, Verdict) and verdict.word == "continue"):
            yield one
        elif isinstance(verdict, Verdict):
            if decided:
                next(tests)
            yield one if verdict.rules is None else tree.Decide(_block_now(verdict, next(blocks)), at=one.at)
            decided = True
        else:
            yield statement_now(one, next(tests))
            decided = decided or verdict is not None


def _block_now(verdict: Verdict, block: Chain) -> Verdict:
    rules = []
    for rule in block.rules:
        text = rule.spec
        assert isinstance(text, RuleText), "a rule of nft's"
        rules.append(replace(text, statements=statements_now(rule, text.statements)))
    return replace(verdict, rules=tuple(rules))


def statement_now(statement: tree.Statement, test: Match | None) -> tree.Statement:
    """With what its test has counted."""
    if isinstance(test, WhileUndecided):
        test = test.part
    match statement, test:
        case tree.Counter(), counters.Counter():
            return replace(statement, packets=test.packets, octets=test.octets)
        case tree.Quota(), counters.Quota():
            return replace(statement, used=test.told)
        case tree.Match(right=Elements() as elements), InSet(set=NftSet() as content):
            return replace(statement, right=_elements_now(elements, content))
        case tree.Decide(verdict=Lookup(set=Elements() as elements) as verdict), MapsVerdict(
            set=NftSet() as content
        ):
            return replace(statement, verdict=replace(verdict, set=_elements_now(elements, content)))
    return statement


def _elements_now(elements: Elements, content: NftSet) -> Elements:
    """Most have nothing that counts."""
    if not any(item.statements for item in elements.items):
        return elements
    return replace(elements, items=tuple(_element_now(item, content) for item in elements.items))


def _element_now(item: Element, content: NftSet) -> Element:
    found = content.enclosing(*ends_of(item.key)) if item.statements else None
    return item if found is None else replace(item, statements=tuple(map(statement_of, found.statements)))
