"""A rule: its statements one after the other.

nft: src/evaluate.c rule_evaluate()
"""

from __future__ import annotations

from dataclasses import replace

from pystack.applets.nft.evaluate.listing import Listing
from pystack.applets.nft.evaluate.reduction import reduced
from pystack.applets.nft.evaluate.state import State, fail
from pystack.applets.nft.place import Place
from pystack.applets.nft.tree.commands import RuleText
from pystack.applets.nft.tree.expressions import Verdict
from pystack.applets.nft.tree.statements import Decide, Forward, Match, Nat, Queue, Reject, Statement


def evaluate_rule(state: State, rule: RuleText) -> RuleText:
    """With the matches that it needs, and those marked that a listing leaves out."""
    last: Statement | None = None
    for statement in rule.statements:
        if last is not None:
            fail(_place(statement), "Statement after terminal statement has no effect", last)
        evaluated = state.evaluate_statement(statement)
        state.done.append(evaluated)
        if _is_terminal(evaluated):
            last = statement
    listing = Listing(state.family)
    for group in reduced(state.family, state.done):
        listing.add(group)
    return replace(rule, statements=tuple(listing.statements))


def _place(statement: Statement) -> Place:
    """All of it."""
    if isinstance(statement, Match) and statement.whole.line:
        return statement.whole
    return statement.at


def _is_terminal(statement: Statement) -> bool:
    match statement:
        case Decide(verdict=Verdict(word=word, rules=rules)):
            return word != "continue" and rules is None  # nft does not look into a block
        case Nat(kind=kind):
            return kind != "tproxy"
        case Reject() | Forward() | Queue():
            return True
    return False
