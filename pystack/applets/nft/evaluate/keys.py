"""Of which type the keys and the data of a set are, as its declaration says.

nft: src/evaluate.c set_evaluate(), set_expr_evaluate_concat()
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from pystack.applets.nft import types
from pystack.applets.nft.evaluate.concatenations import joined
from pystack.applets.nft.evaluate.state import State, fail
from pystack.applets.nft.evaluate.typed import Expected, Typed, concatenated, padded, same
from pystack.applets.nft.tree.commands import SetText
from pystack.applets.nft.tree.expressions import Concatenation, Expression, SetName, Symbol
from pystack.applets.nft.types import DataType

_NO_SIZE: Final = "can not use variable sized data types (invalid) in concat expressions"
OBJECT_NAME: Final = Expected(types.STRING, 128 * 8)


def key_of(state: State, declared: SetText) -> Expected:
    """What an element's key must be like."""
    return _expected(state, declared.key)


def check_key(state: State, name: SetName, key: Typed, declared: SetText) -> None:
    """Raise NftError for a key of another type than that of the map's."""
    wanted = key_of(state, declared)
    assert wanted.type is not None
    if not same(key.type, wanted.type):
        message = (
            f"datatype mismatch, map expects {wanted.type.description}, "
            f"mapping expression has type {key.type.description}"
        )
        fail(name, message, key.expression)


def data_of(state: State, declared: SetText) -> Expected:
    """What a key of a map is mapped to must be like."""
    if declared.data is None:
        return Expected()
    if isinstance(declared.data, str):
        return Expected(types.VERDICT) if declared.data == "verdict" else OBJECT_NAME
    if declared.data == ("verdict",):
        return Expected(types.VERDICT)
    return _expected(state, declared.data)


def is_object_map(declared: SetText) -> bool:
    """Are its data names of counters, quotas, …?"""
    return isinstance(declared.data, str) and declared.data != "verdict"


def _expected(state: State, said: tuple[str, ...] | Expression) -> Expected:
    if isinstance(said, Expression):
        return type_of(state, said)
    kinds = tuple(types.TYPES[name] for name in said)
    if len(kinds) == 1:
        return Expected(kinds[0], kinds[0].bits)
    return of_kinds(kinds)


def of_kinds(kinds: tuple[DataType, ...]) -> Expected:
    """A concatenation of values of these kinds."""
    bits = sum(padded(kind.bits) for kind in kinds)
    parts = tuple(Expected(kind, kind.bits) for kind in kinds)
    return Expected(concatenated(kinds, bits), bits, parts=parts)


def type_of(state: State, expression: Expression) -> Expected:
    """`typeof EXPRESSION`: nothing needs to be made sure of for it."""
    bare = state.bare()
    if isinstance(expression, Concatenation):
        for part in expression.parts:
            if isinstance(part, Symbol):
                fail(part, _NO_SIZE, expression)
        parts = [replace(bare.evaluate(part), maximum=0) for part in expression.parts]
        return joined(expression, parts).expected()
    return replace(bare.evaluate(expression).expected(), maximum=0)
