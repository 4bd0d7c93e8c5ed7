"""Fields that are no whole words are written into the words around them, which only a constant can be.

nft: src/evaluate.c stmt_evaluate_payload()
"""

from __future__ import annotations

from typing import NoReturn

from pystack.applets.nft.evaluate.state import fail
from pystack.applets.nft.evaluate.typed import Typed
from pystack.applets.nft.protocols import PROTOCOLS
from pystack.applets.nft.tree.expressions import Binary, Expression, Lookup, Payload, Range, RawPayload, Value

_CONSTANT = "Right hand side of binary operation (^) must be constant"


def check_written(target: Payload | RawPayload, value: Typed) -> None:
    """Refuse what nft cannot put into the word."""
    if isinstance(value.expression, Value):
        return
    shift = _shift(target)
    if shift is None:
        return
    expression = value.expression
    if isinstance(expression, Lookup):
        _refuse_map(expression, target, shift)
    if isinstance(expression, Range):
        sign = "<<" if shift else "^"
        fail(expression, f"Binary operation ({sign}) is undefined for range expressions", target)
    if not shift:
        fail(expression, _CONSTANT, target)
    bits = value.bits + _unread(expression)
    if shift >= bits:
        message = f"Left shift of {shift} bits is undefined for type of {bits} bits width"
        fail(target, message, expression)
    fail(target, _CONSTANT)


def _refuse_map(lookup: Lookup, target: Payload | RawPayload, shift: int) -> NoReturn:
    key, unread = lookup.key, _unread(lookup.key)
    if unread and isinstance(key, Payload | RawPayload):  # its mask is looked up by mistake
        fail(key, f"Value {((1 << _place(key)[1]) - 1) << unread} exceeds valid range 0-0")
    if shift:
        fail(lookup, "Binary operation (<<) is undefined for map expressions", target)
    fail(target, "Binary operation (^) is undefined for map expressions")


def _unread(expression: Expression) -> int:
    """How many bits are read with a field, behind it. nft: expr_evaluate_bits()"""
    while isinstance(expression, Binary):
        expression = expression.left
    if not isinstance(expression, Payload | RawPayload):
        return 0
    offset, bits, _ = _place(expression)
    return -(offset + bits) % 8


def _shift(target: Payload | RawPayload) -> int | None:
    """How far the value is from the end of the word; None if it needs none around it."""
    offset, bits, sums = _place(target)
    octets = (offset % 8 + bits + 7) // 8
    shift = octets * 8 - offset % 8 - bits
    if not sums or octets % 2 == 0:
        return shift if offset % 8 or bits % 8 else None
    return shift if offset // 8 % 2 else shift + 8


def _place(target: Payload | RawPayload) -> tuple[int, int, bool]:
    if isinstance(target, RawPayload):
        return target.offset, target.length, target.base == "ih"
    protocol = PROTOCOLS[target.protocol]
    field = protocol.fields[target.field]
    return field.offset, field.bits, bool(protocol.checksum)
