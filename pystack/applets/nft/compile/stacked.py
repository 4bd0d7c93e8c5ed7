"""Tags behind tags: a second `vlan id` is that of the inner tag, once a rule has said that there is one.

nft: src/proto.c proto_ctx_update(), stacked link layers
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import Final

from pystack.applets.nft.compile.payload import place_of
from pystack.applets.nft.protocols import VLAN
from pystack.applets.nft.tree.expressions import Payload, RawPayload, Value
from pystack.applets.nft.tree.statements import Assign, Match, Statement
from pystack.wire.vlan import TAGGED

_TAGS: Final = tuple(kind.to_bytes(2, "big") for kind in TAGGED)


def stacked(statements: Iterable[Statement]) -> Iterator[Statement]:
    """The statements, with fields of inner tags where they lie."""
    depth = 0
    for statement in statements:
        yield _deeper(statement, depth) if depth else statement
        depth += _is_followed_by_tag(statement)


def _is_followed_by_tag(statement: Statement) -> bool:
    """`vlan type 8021q`"""
    if not isinstance(statement, Match) or statement.operator not in ("", "=="):
        return False
    left, right = statement.left, statement.right
    if not isinstance(left, Payload) or (left.protocol, left.field) != (VLAN.name, VLAN.next_field):
        return False
    return isinstance(right, Value) and right.octets in _TAGS


def _deeper(statement: Statement, depth: int) -> Statement:
    if isinstance(statement, Match) and _is_of_tag(statement.left):
        return replace(statement, left=_inner(statement.left, depth))
    if isinstance(statement, Assign) and _is_of_tag(statement.target):
        return replace(statement, target=_inner(statement.target, depth))
    return statement


def _is_of_tag(expression: object) -> bool:
    return isinstance(expression, Payload) and expression.protocol == VLAN.name


def _inner(expression: object, depth: int) -> RawPayload:
    assert isinstance(expression, Payload), "a field of a tag"
    place = place_of(expression)
    return RawPayload(place.base, place.offset + depth * VLAN.length, place.bits)
