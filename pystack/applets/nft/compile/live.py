"""What a rule says now: its counters and quotas as they stand."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from itertools import chain, repeat

from pystack.applets.nft.tree.expressions import Verdict
from pystack.applets.nft.tree.statements import Counter, Decide, Quota, Statement
from pystack.netfilter.nft.lookup import WhileUndecided
from pystack.netfilter.nft.statements import counters
from pystack.netfilter.rule import Match, Rule


def statements_now(rule: Rule, written: Sequence[Statement]) -> tuple[Statement, ...]:
    """The statements of which a rule was made, with what they have counted since.

    Each has made one test, save `continue`, and the one that ends the rule.
    """
    tests = chain(rule.tests, repeat(None))
    return tuple(one if _is_continue(one) else statement_now(one, next(tests)) for one in written)


def _is_continue(statement: Statement) -> bool:
    verdict = statement.verdict if isinstance(statement, Decide) else None
    return isinstance(verdict, Verdict) and verdict.word == "continue"


def statement_now(statement: Statement, test: Match | None) -> Statement:
    """With what its test has counted."""
    if isinstance(test, WhileUndecided):
        test = test.part
    if isinstance(statement, Counter) and isinstance(test, counters.Counter):
        return replace(statement, packets=test.packets, octets=test.octets)
    if isinstance(statement, Quota) and isinstance(test, counters.Quota):
        return replace(statement, used=test.told)
    return statement
