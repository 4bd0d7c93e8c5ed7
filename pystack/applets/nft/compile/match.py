"""Matches: what of a packet is held against what."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from pystack.applets.nft.blamed import Blamed
from pystack.applets.nft.compile.expression import compile_expression, compile_fib, compile_set
from pystack.applets.nft.compile.fields import compile_field
from pystack.applets.nft.compile.site import Site
from pystack.applets.nft.compile.values import bounds_of, check_constant, octets_of
from pystack.applets.nft.tree import expressions as tree
from pystack.applets.nft.tree import statements
from pystack.applets.nft.types import BITMASK, STRING
from pystack.errors import EINVAL
from pystack.netfilter.nft.compare import ORDERS, Begins, Equal, Masked, Ordered, Within
from pystack.netfilter.nft.expression import Expression
from pystack.netfilter.nft.lookup import InSet
from pystack.netfilter.rule import Match

_EXISTS: Final = b"\1"
_MISSING: Final = b"\0"


def compile_match(match: statements.Match, site: Site) -> Match:
    """One comparison."""
    found = compile_field(match, site)
    if found is not None:
        return found
    inverted = match.operator in ("!=", "!")
    if match.mask is not None:
        match = replace(match, left=tree.Binary("&", match.left, match.mask))
    if isinstance(match.left, tree.Fib) and _is_presence(match.right):
        if match.left.result != "oif":
            raise Blamed(EINVAL, match.left.at)
        return Equal(compile_fib(match.left, site, "exists"), _octets(match.right), inverted=inverted)
    left = compile_expression(match.left, site)
    check_constant(match.right, match.whole if match.whole.line else match.left.at)
    if match.operator in ORDERS:
        return Ordered(left, match.operator, _octets(match.right))
    return _against(left, match, site, inverted=inverted)


def _against(left: Expression, match: statements.Match, site: Site, *, inverted: bool) -> Match:
    right = match.right
    match right:
        case tree.Elements() | tree.SetName():
            return InSet(left, compile_set(right, site), inverted=inverted)
        case tree.Range():
            return Within(left, *bounds_of(right), inverted=inverted)
        case tree.Prefix():
            return _prefix(left, right, inverted=inverted)
    if match.operator in ("", "!") and _are_flags(right):
        bits = int.from_bytes(_octets(right), "big")
        return Masked(left, bits, 0, inverted=not inverted)  # any of them is set: not none
    return Equal(left, _octets(right), inverted=inverted)


def _prefix(left: Expression, prefix: tree.Prefix, *, inverted: bool) -> Match:
    value = prefix.value
    assert isinstance(value, tree.Value), "evaluation leaves nothing else in front of a mask"
    if value.type.is_a(STRING):
        return Begins(left, value.octets[: prefix.bits // 8], inverted=inverted)
    bits = value.type.bits or len(value.octets) * 8
    mask = (1 << bits) - (1 << bits - prefix.bits)
    return Masked(left, mask, int.from_bytes(value.octets, "big") & mask, inverted=inverted)


def _is_presence(right: tree.Expression) -> bool:
    return isinstance(right, tree.Boolean) or (isinstance(right, tree.Value) and right.type.name == "boolean")


def _are_flags(right: tree.Expression) -> bool:
    return isinstance(right, tree.Value) and right.type.base is BITMASK


def _octets(right: tree.Expression) -> bytes:
    if isinstance(right, tree.Boolean):
        return _EXISTS if right.value else _MISSING
    assert isinstance(right, tree.Value), "evaluation leaves no other constant"
    return octets_of(right)
