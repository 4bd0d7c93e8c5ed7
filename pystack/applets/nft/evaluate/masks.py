"""Comparisons under a mask, as a listing spells them.

nft: src/netlink_linearize.c netlink_gen_bitwise(), src/netlink_delinearize.c relational_binop_postprocess()
"""

from __future__ import annotations

from dataclasses import replace

from pystack.applets.nft.evaluate.typed import number_of
from pystack.applets.nft.tree.expressions import Binary, Expression, Prefix, Value
from pystack.applets.nft.tree.statements import Match
from pystack.applets.nft.types import BITMASK


def combined(binary: Binary, bits: int) -> Expression:
    """Several masks as one: the kernel keeps only what is cut off and what is turned over."""
    most = (1 << bits) - 1
    mask, turned = most, 0
    inner, chain = _unwound(binary)
    if not chain:
        return binary
    for operator, number in chain:
        keep, turn = _effect(operator, number, most)
        mask, turned = mask & keep, turn ^ (turned & keep)
    return _rebuilt(binary, inner, mask, turned, most)


def _unwound(binary: Expression) -> tuple[Expression, list[tuple[str, int]]]:
    chain: list[tuple[str, int]] = []
    while isinstance(binary, Binary) and binary.operator in "&|^" and isinstance(binary.right, Value):
        chain.insert(0, (binary.operator, number_of(binary.right)))
        binary = binary.left
    return binary, chain


def _effect(operator: str, number: int, most: int) -> tuple[int, int]:
    """Which bits stay, and which are turned over then."""
    if operator == "&":
        return number, 0
    if operator == "|":
        return most & ~number, number
    return most, number


def _rebuilt(binary: Binary, inner: Expression, mask: int, turned: int, most: int) -> Expression:
    assert isinstance(binary.right, Value)
    kind, octets = binary.right.type, (most.bit_length() + 7) // 8
    added = (mask & turned) ^ turned
    turned &= mask
    mask |= added
    for operator, number in (("&", mask), ("^", turned), ("|", added)):
        if number != (most if operator == "&" else 0):
            inner = Binary(operator, inner, Value(number.to_bytes(octets), kind), at=binary.at)
    return inner


def spelled(match: Match) -> Match:
    """`tcp flags & (syn | ack) == syn` is `tcp flags syn / syn,ack`; a mask of an address is a prefix."""
    left, right = match.left, match.right
    if not isinstance(left, Binary) or left.operator != "&" or not isinstance(right, Value):
        return match
    assert isinstance(left.right, Value)
    kind, bits = right.type, len(right.octets) * 8
    operator = match.operator or "=="
    mask, number = number_of(left.right), number_of(right)
    if kind.base is BITMASK:
        if operator not in ("==", "!="):
            return match
        return _flags(replace(match, operator=operator), left, mask, number)
    if kind.masks_as_prefix and _is_prefix(mask, bits):
        return replace(match, left=left.left, right=Prefix(right, mask.bit_count(), at=right.at))
    return match


def _flags(match: Match, left: Binary, mask: int, number: int) -> Match:
    if not number:
        operator = "" if match.operator == "!=" else "!"
        return replace(match, left=left.left, right=left.right, operator=operator)
    if number == mask and number.bit_count() == 1:
        return match
    return replace(match, left=left.left, mask=left.right)


def _is_prefix(mask: int, bits: int) -> bool:
    hidden = ((1 << bits) - 1) ^ mask
    return not hidden & (hidden + 1)
