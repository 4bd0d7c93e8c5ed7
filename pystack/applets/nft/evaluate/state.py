"""What evaluation has at hand while it goes through one rule (or set, or chain)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, NoReturn

from pystack.applets.nft.errors import NftError
from pystack.applets.nft.evaluate.context import Context
from pystack.applets.nft.evaluate.layers import Layers
from pystack.applets.nft.evaluate.typed import ANYTHING, Expected, Typed
from pystack.applets.nft.place import Place
from pystack.applets.nft.tree.commands import Handle, RuleText, SetText
from pystack.applets.nft.tree.expressions import Expression
from pystack.applets.nft.tree.statements import Match, Statement

Evaluator = Callable[["State", Any, Expected], Typed]
StatementEvaluator = Callable[["State", Any], Statement]
RuleEvaluator = Callable[["State", RuleText], RuleText]


class Evaluators(NamedTuple):
    """Who knows what of each kind; expressions, statements and rules hold each other."""

    expressions: Mapping[type, Evaluator]
    statements: Mapping[type, StatementEvaluator]
    rule: RuleEvaluator


class State:
    """Matches that a statement needs in front of itself are put into `done` while it is evaluated."""

    def __init__(self, context: Context, handle: Handle, evaluators: Evaluators) -> None:
        self.context = context
        self.handle = handle
        self.family = handle.family or "ip"
        self.layers = Layers(self.family)
        self.done: list[Statement] = []
        self.complaints: list[NftError] = []  # errors after which nft goes on
        self.makes_sure = True  # that the headers are there which are looked at; not so for `typeof`
        self._evaluators = evaluators

    def evaluate(self, expression: Expression, expected: Expected = ANYTHING) -> Typed:
        """An expression with all its symbols resolved."""
        return self._evaluators.expressions[type(expression)](self, expression, expected)

    def evaluate_statement(self, statement: Statement) -> Statement:
        """A statement of the same kind; what it needs in front of it is in `done` then."""
        return self._evaluators.statements[type(statement)](self, statement)

    def evaluate_rule(self, rule: RuleText) -> RuleText:
        """A rule of another chain, with nothing known yet."""
        return self._evaluators.rule(State(self.context, self.handle, self._evaluators), rule)

    def require(self, match: Match, *, first: bool = False) -> None:
        """Put a match in front of the statement being evaluated, or of the whole rule."""
        evaluated = self.evaluate_statement(match)
        self.done.insert(0 if first else len(self.done), evaluated)

    def complain(self, at: Expression, message: str) -> None:
        """Refuse, but see what else is wrong first."""
        self.complaints.append(NftError(at.at, message))

    def bare(self) -> State:
        """For an expression outside a rule, which nothing must be made sure of for."""
        other = State(self.context, self.handle, self._evaluators)
        other.makes_sure = False
        return other

    def set_declared(self, name: str) -> SetText | None:
        """A named set of this table, if its declaration says a type."""
        declared = self.context.set_named(self.family, self.handle.table, name)
        return declared if declared is not None and declared.key else None


def fail(
    at: Expression | Statement | Place, message: str, *further: Expression | Statement | Place
) -> NoReturn:
    """Refuse with nft's words at a place, further ones marked beside it."""
    raise NftError(_place(at), message, tuple(_place(one) for one in further))


def _place(at: Expression | Statement | Place) -> Place:
    return at if isinstance(at, Place) else at.at
