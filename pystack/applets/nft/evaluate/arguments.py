"""What a statement is given: a value for a mark, an address, a port.

nft: src/evaluate.c stmt_evaluate_arg()
"""

from __future__ import annotations

from pystack.applets.nft.evaluate.state import State, fail
from pystack.applets.nft.evaluate.typed import Expected, Typed, number_of, same
from pystack.applets.nft.tree.expressions import (
    Elements,
    Expression,
    Payload,
    Prefix,
    Range,
    RawPayload,
    SetName,
    Value,
)
from pystack.applets.nft.tree.statements import Statement
from pystack.applets.nft.types import INTEGER, STRING, DataType


def evaluate_argument(
    state: State, statement: Statement, expression: Expression, kind: DataType, bits: int
) -> Typed:
    """Of the type that the statement needs."""
    if isinstance(expression, SetName):
        fail(expression, "you cannot reference a set here, unknown value to use", statement)
    typed = state.evaluate(expression, Expected(kind, bits))
    return checked_argument(statement, typed, kind, bits)


def checked_argument(statement: Statement, typed: Typed, kind: DataType, bits: int) -> Typed:
    """The same, evaluated before."""
    expression = typed.expression
    plain = typed.type.name == INTEGER.name
    fits = kind.is_a(INTEGER) and typed.bits == bits
    if isinstance(expression, Payload | RawPayload) and plain and not fits:
        message = (
            f"datatype mismatch: expected {kind.description}, "
            f"expression has type {typed.type.description} with length {typed.bits}"
        )
        fail(expression, message, statement)
    if not plain and not same(typed.type, kind):
        message = (
            f"datatype mismatch: expected {kind.description}, expression has type {typed.type.description}"
        )
        fail(expression, message, statement)
    if isinstance(expression, Elements):
        fail(expression, "you cannot use a set here, unknown value to use", statement)
    if isinstance(expression, Prefix):
        return _span(expression, typed)
    return typed


def _span(prefix: Prefix, typed: Typed) -> Typed:
    """From the first address of a prefix to its last. nft: stmt_prefix_conversion()"""
    if typed.type.is_a(STRING):
        fail(prefix, "Prefix expression expected integer value")
    assert isinstance(prefix.value, Value)
    number = number_of(prefix.value) | ((1 << (typed.bits - prefix.bits)) - 1)
    high = Value(number.to_bytes(len(prefix.value.octets)), typed.type, at=prefix.at)
    return Typed(Range(prefix.value, high, at=prefix.at), typed.type, typed.bits, constant=True)
