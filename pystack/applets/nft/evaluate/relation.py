"""A match: the two sides of a comparison.

nft: src/evaluate.c expr_evaluate_relational(), expr_evaluate_flagcmp()
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from pystack.applets.nft.evaluate.binary import transfer
from pystack.applets.nft.evaluate.concatenations import refuse_ambiguous
from pystack.applets.nft.evaluate.constants import range_ends
from pystack.applets.nft.evaluate.elements import settled
from pystack.applets.nft.evaluate.keys import key_of
from pystack.applets.nft.evaluate.layers import Layers
from pystack.applets.nft.evaluate.missing import need_set
from pystack.applets.nft.evaluate.state import State, fail
from pystack.applets.nft.evaluate.typed import Expected, Typed, kind_name, number_of, same
from pystack.applets.nft.headers import EXTENSION_HEADERS
from pystack.applets.nft.protocols import PROTOCOLS
from pystack.applets.nft.tree.expressions import (
    Binary,
    Boolean,
    Concatenation,
    Ct,
    Elements,
    Expression,
    ExtensionHeader,
    Fib,
    Meta,
    Payload,
    Prefix,
    Range,
    RawPayload,
    SetName,
    Value,
)
from pystack.applets.nft.tree.statements import Match
from pystack.applets.nft.types import BITMASK, BOOLEAN

_SAYING: Final = {"ip": ("protocol",), "ip6": ("nexthdr",), "icmp": ("type",), "icmpv6": ("type",)}
_ORDERINGS: Final = ("<", ">", "<=", ">=")


def evaluate_match(state: State, match: Match) -> Match:
    """`tcp dport 22`; equality is "==" from here on, "" a test of flags."""
    if match.mask is not None:
        if match.operator not in ("", "==", "!="):
            fail(match, "either == or != is allowed")
        tested = Binary("&", match.left, match.mask, at=match.at)
        match = replace(match, left=tested, mask=None, operator=match.operator or "==")
    left = state.evaluate(match.left)
    if isinstance(left.expression, Fib) and isinstance(match.right, Boolean):
        left = replace(left, type=BOOLEAN, bits=1)
    match = _clock_around(state, match, left)
    right = _right_side(state, match.right, left.expected())
    _check_sides(match, left, right)
    if match.operator in _ORDERINGS:
        _check_ordering(match, left, right)
        return _transferred(match, left, right.expression)
    if match.operator in ("", "=="):
        learn(state.layers, left.expression, right.expression, match)
    if match.operator == "!":
        _check_negation(left, right)
    return _equality(match, left, right)


def _equality(match: Match, left: Typed, right: Typed) -> Match:
    expression = right.expression
    if isinstance(expression, Concatenation):
        fail(left.expression, "Use concatenations with sets and maps, not singleton values", expression)
    if isinstance(expression, Elements):
        if not expression.items:
            fail(expression, "Set is empty")
        expression = settled(expression, left.expected(), is_map=False)
    if isinstance(expression, Elements | SetName):
        refuse_ambiguous(left.expression)
    if isinstance(expression, Prefix) and expression.bits == left.bits:
        expression = expression.value
    flags = right.type.base is BITMASK and isinstance(expression, Value)
    operator = match.operator if match.operator or flags else "=="
    return _transferred(replace(match, operator=operator), left, expression)


def _transferred(match: Match, left: Typed, right: Expression) -> Match:
    moved_left, moved_right = transfer(left.expression, right, left.bits)
    return replace(match, left=moved_left, right=moved_right)


def _right_side(state: State, right: Expression, expected: Expected) -> Typed:
    if not isinstance(right, SetName):
        return state.evaluate(right, expected)
    declared = need_set(state, right.name, right.at)
    key = key_of(state, declared)
    assert key.type is not None
    return Typed(right, key.type, key.bits, constant=True)


# --- what is refused ----------------------------------------------------------------------------------------


def _check_sides(match: Match, left: Typed, right: Typed) -> None:
    sign = match.operator or "(null)"
    if not right.constant:
        message = f"Right hand side of relational expression ({sign}) must be constant"
        fail(right.expression, message, match)
    if left.constant:
        fail(left.expression, f"Relational expression ({sign}) has constant value", right.expression)
    if not same(left.type, right.type):
        message = (
            f"datatype mismatch, expected {left.type.description}, "
            f"expression has type {right.type.description}"
        )
        fail(right.expression, message, left.expression)
    if isinstance(left.expression, Meta | Ct) and left.expression.key == "secmark":
        fail(right.expression, "Cannot be used with right hand side constant value", left.expression)


def _check_ordering(match: Match, left: Typed, right: Typed) -> None:
    for side in (left, right):
        refused = isinstance(left.expression, Concatenation) if side is left else not right.singleton
        if refused:
            kind = kind_name(side.expression)
            message = f"Relational expression ({match.operator}) is undefined for {kind} expressions"
            fail(side.expression, message, match)


def _check_negation(left: Typed, right: Typed) -> None:
    if isinstance(left.expression, Binary) or _is_cut_out(left.expression):
        fail(left.expression, "cannot combine negation with binary expression", right.expression)
    if not isinstance(right.expression, Value) or right.type.base is not BITMASK:
        message = "negation can only be used with singleton bitmask values"
        fail(left.expression, message, right.expression)


def _is_cut_out(field: Expression) -> bool:
    """Is it no whole octets? nft makes of it the octets and a mask. nft: expr_evaluate_bits()"""
    if isinstance(field, RawPayload):
        return bool(field.offset % 8 or field.length % 8)
    if isinstance(field, Payload):
        place = PROTOCOLS[field.protocol].fields[field.field]
    elif isinstance(field, ExtensionHeader):
        place = EXTENSION_HEADERS[field.header].fields[field.field]
    else:
        return False
    return bool(place.offset % 8 or place.bits % 8)


# --- what an equality tells ---------------------------------------------------------------------------------


def learn(layers: Layers, left: Expression, right: Expression, match: Match) -> None:
    """From here on the rule knows which protocol a packet has. nft: relational_expr_pctx_update()"""
    if isinstance(right, Value):
        values = [right]
    elif isinstance(right, Elements):
        values = [item.key for item in right.items if isinstance(item.key, Value)]
    else:
        return
    for value in values:
        number = number_of(value)
        if isinstance(left, Meta):
            layers.learn_meta(left.key, number, match.at)
        elif isinstance(left, Ct) and left.key in ("l3proto", "protocol"):
            layers.learn_ct(left.key, number, match.at)
        elif isinstance(left, Payload) and tells_protocol(left):
            layers.learn_field(PROTOCOLS[left.protocol].layer, number, match.at)


def tells_protocol(payload: Payload) -> bool:
    """Does the field say which header follows, or what kind of message it is?"""
    if payload.field in _SAYING.get(payload.protocol, ()):
        return True
    return payload.field == PROTOCOLS[payload.protocol].next_field


# --- midnight -----------------------------------------------------------------------------------------------


def _clock_around(state: State, match: Match, left: Typed) -> Match:
    """`meta hour 23:15-03:22` goes around midnight: it is what lies not between the two."""
    if not isinstance(left.expression, Meta) or left.expression.key not in ("hour", "day"):
        return match
    if not isinstance(match.right, Range):
        return match
    low, high = (end.expression for end in range_ends(state, match.right, left.expected()))
    assert isinstance(low, Value)
    assert isinstance(high, Value)
    if low.octets <= high.octets or match.operator not in ("", "==", "!="):
        return match
    operator = "==" if match.operator == "!=" else "!="
    return replace(match, operator=operator, right=replace(match.right, low=high, high=low))
