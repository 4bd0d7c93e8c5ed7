"""Bits put together: &, |, ^, << and >>.

nft: src/evaluate.c expr_evaluate_binop(), binop_transfer()
"""

from __future__ import annotations

from dataclasses import replace

from pystack.applets.nft.evaluate.constants import integer
from pystack.applets.nft.evaluate.masks import combined
from pystack.applets.nft.evaluate.state import State, fail
from pystack.applets.nft.evaluate.typed import Expected, Typed, kind_name, number_of
from pystack.applets.nft.place import Place
from pystack.applets.nft.tree.expressions import Binary, Element, Elements, Expression, Range, Value
from pystack.applets.nft.types import INTEGER, STRING, DataType


def evaluate_binary(state: State, binary: Binary, expected: Expected) -> Typed:
    """Of two constants, their result; else the left side is of a packet and the right one constant."""
    left = state.evaluate(binary.left, expected)
    wanted = expected if left.constant else left.expected()
    shift = binary.operator in ("<<", ">>")
    right = state.evaluate(binary.right, replace(wanted, type=INTEGER, maximum=0) if shift else wanted)
    _check_sides(binary, left, right)
    assert isinstance(right.expression, Value)
    amount = number_of(right.expression)
    if shift and amount >= left.bits:
        which = "Left" if binary.operator == "<<" else "Right"
        message = f"{which} shift of {amount} bits is undefined for type of {left.bits} bits width"
        fail(right.expression, message, left.expression)
    if isinstance(left.expression, Value):
        result = apply(binary.operator, number_of(left.expression), amount, left.bits)
        return integer(result, left.type, left.bits, binary.at)
    folded = replace(binary, left=left.expression, right=right.expression)
    return Typed(combined(folded, left.bits), left.type, left.bits, counts=shift or left.counts)


def _check_sides(binary: Binary, left: Typed, right: Typed) -> None:
    sign = binary.operator
    if not (left.type.is_a(INTEGER) or left.type.is_a(STRING)):
        message = f"Binary operation ({sign}) is undefined for {left.type.description} types"
        fail(left.expression, message, binary)
    if left.constant and not left.singleton:
        kind = kind_name(left.expression)
        fail(left.expression, f"Binary operation ({sign}) is undefined for {kind} expressions", binary)
    if not right.constant:
        fail(right.expression, f"Right hand side of binary operation ({sign}) must be constant", binary)
    if not right.singleton:
        kind = kind_name(right.expression)
        fail(left.expression, f"Binary operation ({sign}) is undefined for {kind} expressions", binary)


def apply(operator: str, left: int, right: int, bits: int) -> int:
    """What comes out, cut to the width."""
    most = (1 << bits) - 1
    match operator:
        case "&":
            return left & right & most
        case "|":
            return (left | right) & most
        case "^":
            return (left ^ right) & most
        case "<<":
            return left << right & most
        case _:
            return (left & most) >> right


# --- both sides of a comparison -----------------------------------------------------------------------------


def transfer(left: Expression, right: Expression, bits: int) -> tuple[Expression, Expression]:
    """Undo a shift or an exclusive or on the constant side instead of doing it with every packet."""
    while isinstance(left, Binary) and left.operator in ("<<", ">>", "^"):
        assert isinstance(left.right, Value)
        amount = number_of(left.right)
        moved = _moved(right, left, amount, bits)
        if moved is None:
            break
        right = moved
        if left.operator == ">>":
            mask = ((1 << bits) - 1) << amount & ((1 << bits) - 1)
            return replace(left, operator="&", right=_value(mask, left.right.type, bits, left.at)), right
        left = left.left
        break
    return left, right


def _moved(right: Expression, left: Binary, amount: int, bits: int) -> Expression | None:
    if isinstance(right, Value):
        return _moved_value(right, left, amount, bits)
    if isinstance(right, Range):
        low, high = (_moved(end, left, amount, bits) for end in (right.low, right.high))
        return replace(right, low=low, high=high) if low is not None and high is not None else None
    if isinstance(right, Element):
        key = _moved(right.key, left, amount, bits)
        return replace(right, key=key) if key is not None else None
    if isinstance(right, Elements):
        items = [_moved(item, left, amount, bits) for item in right.items]
        if any(item is None for item in items):
            return None
        return replace(right, items=tuple(item for item in items if isinstance(item, Element)))
    return None


def _moved_value(right: Value, left: Binary, amount: int, bits: int) -> Value:
    number = number_of(right)
    if left.operator == "^":
        return _value(number ^ amount, right.type, bits, right.at)
    if left.operator == ">>":
        return _value(number << amount & ((1 << bits) - 1), right.type, bits, right.at)
    if number & ((1 << amount) - 1) or not number:
        fail(right, "Comparison is always false", left)
    return _value(number >> amount, right.type, bits, right.at)


def _value(number: int, kind: DataType, bits: int, at: Place) -> Value:
    return Value(number.to_bytes((bits + 7) // 8), kind, at=at)
