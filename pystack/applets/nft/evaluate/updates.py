"""Statements that change sets, and those that use named objects.

nft: src/evaluate.c stmt_evaluate_set(), _map(), _meter(), _objref()
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from pystack.applets.nft.evaluate.arguments import checked_argument, evaluate_argument
from pystack.applets.nft.evaluate.elements import Shape, evaluate_items, settled
from pystack.applets.nft.evaluate.keys import OBJECT_NAME, check_key, data_of, is_object_map, key_of
from pystack.applets.nft.evaluate.missing import need_set
from pystack.applets.nft.evaluate.state import State, fail
from pystack.applets.nft.evaluate.typed import ANYTHING, Expected, Typed
from pystack.applets.nft.tree.commands import SetText
from pystack.applets.nft.tree.expressions import Element, Elements, Expression, Lookup, SetName, Value
from pystack.applets.nft.tree.statements import (
    ConnLimit,
    Counter,
    Limit,
    Meter,
    ObjectUse,
    Quota,
    SetUpdate,
    Statement,
)
from pystack.applets.nft.types import INVALID

_METER_SIZE: Final = 0xFFFF  # the kernel's, of sets that rules put elements into
_STATEFUL: Final = (Counter, Limit, Quota, ConnLimit)


def evaluate_update(state: State, update: SetUpdate) -> SetUpdate:
    """`update @set { ip saddr timeout 1m }`."""
    declared = need_set(state, update.name, update.name_at)
    element = update.element
    assert isinstance(element, Element)
    key = _argument(state, update, element.key, key_of(state, declared))
    if element.comment:
        fail(element, "Key expression comments are not supported")
    data = _data(state, update, element, declared)
    statements = _statements(state, update, element)
    element = replace(element, key=_as_sent(key.expression), data=data, statements=statements)
    return replace(update, element=element)


def _as_sent(key: Expression) -> Expression:
    """A constant key loses its type on its way through the kernel."""
    return replace(key, type=INVALID) if isinstance(key, Value) else key


def _data(state: State, update: SetUpdate, element: Element, declared: SetText) -> Expression | None:
    if element.data is None:
        return None
    return _argument(state, update, element.data, data_of(state, declared)).expression


def _argument(state: State, update: Statement, expression: Expression, wanted: Expected) -> Typed:
    assert wanted.type is not None
    typed = state.evaluate(expression, wanted)
    return checked_argument(update, typed, wanted.type, wanted.bits)


def _statements(state: State, update: Statement, element: Element) -> tuple[Statement, ...]:
    evaluated = []
    for statement in element.statements:
        assert isinstance(statement, Statement)
        if not isinstance(statement, _STATEFUL):
            fail(statement, "statement must be stateful")
        evaluated.append(state.evaluate_statement(statement))
    return tuple(evaluated)


def evaluate_meter(state: State, meter: Meter) -> Meter:
    """`meter NAME { KEY STATEMENT }`: the set comes into being with the rule."""
    element = meter.element
    assert isinstance(element, Element)
    key = state.evaluate(element.key)
    if key.constant:
        fail(element, "Meter key expression can not be constant")
    if element.comment:
        fail(element, "Meter key expression can not contain comments")
    for statement in element.statements:
        assert isinstance(statement, Statement)
        if not isinstance(statement, _STATEFUL):
            fail(statement, "meter statement must be stateful", meter)
    size = _METER_SIZE if meter.size is None else meter.size
    return replace(meter, element=replace(element, key=key.expression), size=size)


# --- named objects ------------------------------------------------------------------------------------------


def evaluate_use(state: State, use: ObjectUse) -> ObjectUse:
    """`counter name "http"`, `counter name tcp dport map { … }`."""
    if isinstance(use.name, Lookup):
        return replace(use, name=_from_map(state, use, use.name))
    assert OBJECT_NAME.type is not None
    typed = evaluate_argument(state, use, use.name, OBJECT_NAME.type, OBJECT_NAME.bits)
    if not typed.constant:
        fail(typed.expression, "Counter expression must be constant")
    return replace(use, name=typed.expression)


def _from_map(state: State, use: ObjectUse, lookup: Lookup) -> Lookup:
    key = state.evaluate(lookup.key, ANYTHING)
    if key.constant:
        fail(key.expression, "Map expression can not be constant")
    if isinstance(lookup.set, Elements):
        items = evaluate_items(
            state, lookup.set.items, Shape(replace(key.expected(), maximum=0), OBJECT_NAME)
        )
        elements = settled(replace(lookup.set, items=tuple(items)), key.expected(), is_map=True)
        return replace(lookup, key=key.expression, set=elements)
    if not isinstance(lookup.set, SetName):
        fail(lookup.set, "Expression is not a map")
    declared = need_set(state, lookup.set.name, lookup.set.at)
    if not is_object_map(declared):
        fail(lookup.set, "Expression is not a map with objects")
    check_key(state, lookup.set, key, declared)
    return replace(lookup, key=key.expression)
