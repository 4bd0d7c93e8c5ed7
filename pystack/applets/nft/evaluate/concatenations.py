"""Several values behind one another: `ip saddr . tcp dport`.

nft: src/evaluate.c expr_evaluate_concat()
"""

from __future__ import annotations

from dataclasses import replace

from pystack.applets.nft.evaluate.state import State, fail
from pystack.applets.nft.evaluate.typed import Expected, Typed, concatenated, padded
from pystack.applets.nft.tree.expressions import Concatenation, Ct, Expression
from pystack.applets.nft.types import INVALID

_AMBIGUOUS = "specify either ip or ip6 for address matching"


def evaluate_concatenation(state: State, whole: Concatenation, expected: Expected) -> Typed:
    """Of constants, each of the type that its place in a set's key has."""
    parts: list[Typed] = []
    for index, written in enumerate(whole.parts):
        if expected.parts and index >= len(expected.parts):
            fail(whole, "too many concatenation components", *([expected.at] if expected.at.line else []))
        refuse_ambiguous(written)
        wanted = expected.parts[index] if expected.parts else Expected(INVALID)
        part = state.evaluate(written, wanted)
        if not (part.type.bits or part.bits):
            name = part.type.name
            message = f"can not use variable sized data types ({name}) in concat expressions"
            fail(part.expression, message, whole)
        parts.append(part)
    typed = joined(whole, parts)
    if len(parts) < len(expected.parts):
        assert expected.type is not None
        wanted_type, got = expected.type.description, typed.type.description
        fail(whole, f"datatype mismatch, expected {wanted_type}, expression has type {got}")
    return typed


def joined(whole: Concatenation, parts: list[Typed]) -> Typed:
    """The concatenation of evaluated parts."""
    bits = sum(padded(part.bits) for part in parts)
    return Typed(
        replace(whole, parts=tuple(part.expression for part in parts)),
        concatenated(tuple(part.type for part in parts), bits),
        bits,
        constant=all(part.constant for part in parts),
        singleton=all(part.singleton for part in parts),
        parts=tuple(parts),
    )


def refuse_ambiguous(expression: Expression) -> None:
    """The address of a connection without its family has no size."""
    if isinstance(expression, Ct) and expression.key in ("saddr", "daddr"):
        fail(expression, _AMBIGUOUS)
