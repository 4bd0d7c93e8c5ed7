"""The elements between the braces of a set or map, named or not.

nft: src/evaluate.c expr_evaluate_set(), expr_evaluate_set_elem(), expr_evaluate_mapping()
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from pystack.applets.nft.evaluate.ledger import Ledger
from pystack.applets.nft.evaluate.ordering import (
    has_interval,
    in_shortest_form,
    interval,
    listed,
    merged,
    shortest,
    spans_of,
    with_key,
)
from pystack.applets.nft.evaluate.plain import plain_key
from pystack.applets.nft.evaluate.state import State, fail
from pystack.applets.nft.evaluate.typed import Expected, Typed, bounds, concatenated, kind_name
from pystack.applets.nft.tree.commands import SetText
from pystack.applets.nft.tree.expressions import (
    Boolean,
    Concatenation,
    Element,
    Elements,
    Expression,
    Prefix,
    Range,
    SetName,
    Value,
)
from pystack.applets.nft.tree.statements import Statement
from pystack.applets.nft.types import BOOLEAN, INVALID, IPV4_ADDR, IPV6_ADDR, DataType


@dataclass(frozen=True, slots=True)
class Shape:
    """What the elements of a set are like; without a declaration it has no name."""

    key: Expected
    data: Expected | None = None  # of a map
    declared: SetText | None = None

    @property
    def word(self) -> str:
        """How errors call it."""
        return "map" if self.data is not None else "set"


def evaluate_items(state: State, items: tuple[Element, ...], shape: Shape) -> list[Element]:
    """Each element with key, data and statements evaluated, in the order written."""
    evaluated: list[Element] = []
    may_be_interval = shape.declared is None or "interval" in shape.declared.flags
    for item in items:
        plain = plain_key(item.key, shape.key) if may_be_interval and item.data is None else None
        if plain is not None and not item.statements:
            evaluated.append(with_key(item, plain))
        elif isinstance(item.key, Elements):
            parts = tuple(replace(item, key=inner.key) for inner in item.key.items)
            evaluated += evaluate_items(state, parts, shape)
        else:
            evaluated.append(_evaluate_item(state, item, shape))
    return evaluated


def _evaluate_item(state: State, item: Element, shape: Shape) -> Element:
    if item.data is not None and shape.data is None:
        if shape.declared is not None:
            fail(shape.declared.at, "set is not a map")
        fail(item, "mapping outside of map context")
    if shape.declared is not None:
        _check_statements(item, shape)
    elif shape.data is not None and (mine := _statements_of(item)):
        fail(mine[0], "missing statement in map declaration")
    key = _key(state, item, shape)
    if item.data is None or shape.data is None:
        return with_key(item, key)
    return replace(item, key=key, data=_data(state, item.data, shape))


def _key(state: State, item: Element, shape: Shape) -> Expression:
    if isinstance(item.key, SetName):
        fail(item, "Set reference cannot be part of another set")
    declared = shape.declared
    typed = state.evaluate(item.key, shape.key)
    if not typed.constant:
        fail(item.key if item.data is not None else item, "Set member is not constant")
    if declared is not None and "interval" not in declared.flags:
        for part in _parts(typed.expression):
            if isinstance(part, Range | Prefix):
                message = (
                    f"You must add 'flags interval' to your {shape.word} declaration "
                    f"if you want to add {kind_name(part)} elements"
                )
                fail(part, message)
    return typed.expression if declared is None else _of_kind(typed.expression, shape.key)


def _of_kind(key: Expression, expected: Expected) -> Expression:
    """A constant of another kind that was let in counts as one of the set's."""
    if isinstance(key, Boolean) and expected.type is not None:
        return Value(key.value.to_bytes((expected.bits + 7) // 8), expected.type, at=key.at)
    if isinstance(key, Value) and expected.type is not None and key.type is not expected.type:
        return replace(key, type=expected.type)
    return key


def _parts(key: Expression) -> tuple[Expression, ...]:
    return key.parts if isinstance(key, Concatenation) else (key,)


def _data(state: State, written: Expression, shape: Shape) -> Expression:
    assert shape.data is not None
    typed = state.evaluate(written, shape.data)
    if not typed.constant:
        fail(typed.expression, "Value must be a constant")
    if shape.declared is not None and not shape.declared.data_interval and not typed.singleton:
        fail(typed.expression, "Value must be a singleton")
    return typed.expression


def _statements_of(item: Element) -> list[Statement]:
    return [one for one in item.statements if isinstance(one, Statement)]


def _check_statements(item: Element, shape: Shape) -> None:
    """An element counts what its set says that elements count. nft: __expr_evaluate_set_elem()"""
    declared = shape.declared
    assert declared is not None
    mine = _statements_of(item)
    if not mine:
        return
    if declared.statements and len(mine) != len(declared.statements):
        message = (
            f"number of statements mismatch, set expects {len(declared.statements)} "
            f"but element has {len(mine)}"
        )
        fail(item, message)
    if not declared.statements:
        if "dynamic" not in declared.flags:
            fail(mine[0], f"missing statement in {shape.word} declaration")
        return
    for own, other in zip(mine, declared.statements, strict=True):
        if type(own) is not type(other):
            message = (
                f"statement mismatch, element expects {type(own).__name__.lower()}, "
                f"but {shape.word} has type {type(other).__name__.lower()}"
            )
            fail(own, message)


# --- sets without a name ------------------------------------------------------------------------------------


def evaluate_set(state: State, written: Elements, expected: Expected) -> Typed:
    """`{ 22, 80 }`; one element alone is what it is."""
    items = evaluate_items(state, written.items, Shape(expected))
    if len(items) == 1 and isinstance(items[0].key, Value | Range | Prefix | Boolean):
        return _alone(replace(items[0].key, at=items[0].at), expected)
    kind = _kind_of(items[-1].key, expected)
    return Typed(replace(written, items=tuple(items)), kind, expected.bits, constant=True)


def _kind_of(last: Expression, expected: Expected) -> DataType:
    """What a set is of: its last element may have brought along a type of its own (`tcp`, `ah`)."""
    assert expected.type is not None
    if not isinstance(last, Concatenation) or not expected.parts:
        return expected.type
    pairs = zip(last.parts, expected.parts, strict=True)
    kinds = tuple(part.type if isinstance(part, Value) else wanted.type for part, wanted in pairs)
    return concatenated(tuple(kind or INVALID for kind in kinds), expected.bits)


def _alone(key: Expression, expected: Expected) -> Typed:
    """With the type that it has itself."""
    if isinstance(key, Boolean):
        return Typed(key, BOOLEAN, 1, constant=True, singleton=True)
    if isinstance(key, Value):
        return Typed(key, key.type, expected.bits, constant=True, singleton=True)
    assert expected.type is not None
    return Typed(key, expected.type, expected.bits, constant=True)


def settled(elements: Elements, expected: Expected, *, is_map: bool) -> Elements:
    """In the order of a listing; what touches is merged, unless it is mapped."""
    items = [with_key(item, _of_kind(item.key, expected)) for item in elements.items]
    intervals = any(has_interval(item.key) for item in items)
    if not intervals:
        return replace(elements, items=tuple(listed(items)))
    if expected.parts:
        return replace(elements, items=tuple(with_reduced_key(item, expected) for item in items))
    assert expected.type is not None
    spans, catch_all = spans_of(items, expected.bits)
    if is_map:
        Ledger().declare(spans)
    else:
        spans = merged(spans, expected.type, expected.bits)
    apart = in_shortest_form(spans, expected.type, expected.bits)
    return replace(elements, items=(*apart, *catch_all))


def with_reduced_key(item: Element, expected: Expected) -> Element:
    """Each part of a concatenation in its shortest form."""
    key = item.key
    if not isinstance(key, Concatenation) or not has_interval(key):
        return item
    parts = zip(key.parts, expected.parts, strict=True)
    return with_key(item, replace(key, parts=tuple(_shortest_part(part, wanted) for part, wanted in parts)))


def _shortest_part(part: Expression, expected: Expected) -> Expression:
    if not isinstance(part, Range | Prefix):
        return part
    assert expected.type is not None
    return interval(*bounds(part, expected.bits), expected.type, expected.bits)


def spread(items: list[Element], data: Expected) -> list[Element]:
    """Of a map that gives intervals, every element gives one: each as it is listed."""
    if not any(item.data is not None and has_interval(item.data) for item in items):
        return items
    return [replace(item, data=_spread(item.data, data)) if item.data is not None else item for item in items]


def _spread(data: Expression, expected: Expected) -> Expression:
    if isinstance(data, Concatenation):
        parts = zip(data.parts, expected.parts, strict=True)
        return replace(data, parts=tuple(_reduced(part, wanted) for part, wanted in parts))
    if not has_interval(data):
        return data  # which the kernel refuses, for nft sends half of it
    assert expected.type is not None
    return shortest(*bounds(data, expected.bits), expected.type, expected.bits)


def _reduced(part: Expression, expected: Expected) -> Expression:
    low, high = bounds(part, expected.bits)
    assert expected.type is not None
    if low == high:
        return Value(low.to_bytes((expected.bits + 7) // 8), expected.type)
    if expected.type in (IPV4_ADDR, IPV6_ADDR):
        return shortest(low, high, expected.type, expected.bits)
    return part
