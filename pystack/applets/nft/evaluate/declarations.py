"""Declarations of sets and maps, and elements put into them or taken out.

nft: src/evaluate.c set_evaluate(), setelem_evaluate()
"""

from __future__ import annotations

from dataclasses import replace
from typing import NoReturn

from pystack.applets.nft import types
from pystack.applets.nft.errors import NftError
from pystack.applets.nft.evaluate.elements import Shape, evaluate_items, spread, with_reduced_key
from pystack.applets.nft.evaluate.intervals import interval_elements
from pystack.applets.nft.evaluate.keys import data_of, key_of
from pystack.applets.nft.evaluate.missing import set_not_found
from pystack.applets.nft.evaluate.state import State, fail
from pystack.applets.nft.evaluate.typed import kind_name
from pystack.applets.nft.tree.commands import Command, SetText
from pystack.applets.nft.tree.expressions import Element, Expression, RawPayload


def evaluate_set_declaration(state: State, declared: SetText) -> SetText:
    """With its elements, if it has some."""
    word = "map" if declared.is_map else "set"
    if declared.auto_merge and "interval" not in declared.flags:
        fail(declared.at, "auto-merge only works with interval sets")
    if not _is_whole(declared):
        fail(declared.at, "set definition does not specify key")
    _check_size(declared, declared.key, word)
    if declared.data is not None and not isinstance(declared.data, str):
        _check_size(declared, declared.data, word)
    declared = replace(declared, key=_resolved(state, declared.key), flags=_flags(declared))
    if declared.misgiven is not None:
        _refuse_one(state, declared, declared.misgiven)
    if declared.elements is None:
        return declared
    elements = evaluate_elements(state, declared, declared.elements, "add")
    return replace(declared, elements=elements)


def _is_whole(declared: SetText) -> bool:
    """Is there a type of keys, and one of data if it is a map?"""
    return bool(declared.key) and (declared.data is not None or not declared.is_map)


def _flags(declared: SetText) -> tuple[str, ...]:
    if declared.timeout and "timeout" not in declared.flags:
        return (*declared.flags, "timeout")
    return declared.flags


def _resolved(state: State, key: tuple[str, ...] | Expression) -> tuple[str, ...] | Expression:
    if not isinstance(key, Expression):
        return key
    return state.bare().evaluate(key).expression


def _check_size(declared: SetText, said: tuple[str, ...] | Expression, word: str) -> None:
    """A type without a size says too little, if it stands alone. nft: set_key_data_error()"""
    kind = types.INTEGER
    if isinstance(said, Expression):
        has_size = not isinstance(said, RawPayload) or bool(said.length)
    elif len(said) != 1 or said == ("verdict",):
        return
    else:
        kind = types.TYPES[said[0]]
        has_size = bool(kind.bits)
    if not has_size:
        message = (
            f"unqualified type {kind.name} specified in {word} definition. "
            'Try "typeof expression" instead of "type datatype".'
        )
        fail(declared.at, message)


def evaluate_element_command(state: State, command: Command) -> tuple[Element, ...]:
    """`add element TABLE SET { … }`."""
    handle, items = command.handle, command.body
    declared = state.context.set_named(state.family, handle.table, handle.name)
    if declared is not None and not declared.key:
        raise NftError.of(())  # its declaration has been refused already
    if declared is None:
        set_not_found(state.context, handle.places.get("set", handle.at), handle.name)
    if isinstance(items, Expression):
        _refuse_one(state, declared, items)
    assert isinstance(items, tuple), "elements"
    return evaluate_elements(state, declared, items, command.operation)


def _refuse_one(state: State, declared: SetText, given: Expression) -> NoReturn:
    """What is no set in itself."""
    kind = kind_name(state.evaluate(given, key_of(state, declared)).expression)
    fail(given, f"Set {declared.name}: Unexpected initial type {kind}, missing {{ }}?")


def evaluate_elements(
    state: State, declared: SetText, items: tuple[Element, ...], operation: str
) -> tuple[Element, ...]:
    """Of a set with a name: intervals are checked against one another, or merged."""
    data = data_of(state, declared) if declared.is_map else None
    key = key_of(state, declared)
    if "interval" not in declared.flags or key.parts:
        evaluated = _evaluated(state, items, Shape(key, data, declared))
        return tuple(with_reduced_key(item, key) for item in evaluated) if key.parts else tuple(evaluated)
    is_new = state.set_declared(declared.name) is None
    ledger = state.context.ledger(state.family, state.handle.table, declared.name)
    evaluated = _evaluated(state, items, Shape(key, data, declared))
    return tuple(interval_elements(evaluated, key, declared, operation, ledger, is_new=is_new))


def _evaluated(state: State, items: tuple[Element, ...], shape: Shape) -> list[Element]:
    evaluated = evaluate_items(state, items, shape)
    return evaluated if shape.data is None else spread(evaluated, shape.data)
