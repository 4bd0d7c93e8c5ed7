"""Which field of which header some octets of a packet are.

nft: src/payload.c payload_expr_complete()
"""

from __future__ import annotations

from dataclasses import replace
from typing import NamedTuple

from pystack.applets.nft.evaluate.layers import Layers
from pystack.applets.nft.evaluate.masks import combined
from pystack.applets.nft.protocols import ETHER, PROTOCOLS, Protocol
from pystack.applets.nft.tree.expressions import (
    Binary,
    Elements,
    Expression,
    Payload,
    Prefix,
    Range,
    RawPayload,
    Value,
)
from pystack.applets.nft.tree.statements import Match
from pystack.applets.nft.types import BITMASK, INTEGER, INVALID, RAW_INTEGER, DataType


def known_field(payload: Payload | RawPayload, layers: Layers) -> Payload | RawPayload:
    """By the name that a listing gives it, if the header is known."""
    if isinstance(payload, Payload):
        protocol = PROTOCOLS[payload.protocol]
        field = protocol.fields[payload.field]
        if protocol.name == "th":
            return _named(payload, layers.known.get("th"), layers, field.offset, field.bits)
        if protocol is not layers.known.get(protocol.layer) and protocol not in layers.stacked:
            return known_field(raw_of(payload), layers)
        return _named(payload, protocol, layers, field.offset, field.bits)
    if payload.base == "th" and payload.length == 16 and payload.offset in (0, 16):
        ports = Payload("th", "dport" if payload.offset else "sport", at=payload.at)
        return known_field(ports, layers)
    return _named(payload, layers.known.get(payload.base), layers, payload.offset, payload.length)


def _named(
    payload: Payload | RawPayload, protocol: Protocol | None, layers: Layers, offset: int, bits: int
) -> Payload | RawPayload:
    if protocol is None:
        return payload
    if isinstance(payload, RawPayload):
        protocol, offset = _stacked(protocol, layers, offset)
    for field in protocol.fields.values():
        if (field.offset, field.bits) != (offset, bits):
            continue
        if field.needs and layers.icmp_type and layers.icmp_type != field.needs[0]:
            continue
        return Payload(protocol.name, field.name, at=payload.at)
    return payload


def _stacked(top: Protocol, layers: Layers, offset: int) -> tuple[Protocol, int]:
    """In which of several headers of the link layer an offset lies. nft: src/payload.c get_stacked_desc()"""
    if top.layer != "ll" or offset < top.length:
        return top, offset
    for protocol in layers.stacked:
        if offset < protocol.length:
            return protocol, offset
        offset -= protocol.length
    return top, offset


def known_match(match: Match, layers: Layers) -> Match:
    """A comparison of octets by the name and with the type of the field that they are."""
    left = match.left
    assert isinstance(left, Payload | RawPayload)
    found = known_field(left, layers)
    if isinstance(found, Payload) and isinstance(left, RawPayload):
        field = PROTOCOLS[found.protocol].fields[found.field]
        return replace(match, left=found, right=retyped(match.right, field.type))
    if isinstance(found, RawPayload) and isinstance(left, Payload):
        match = replace(match, right=retyped(match.right, RAW_INTEGER))
    if isinstance(found, RawPayload):
        return _whole_octets(replace(match, left=found), found)
    return replace(match, left=found)


def unnamed_flags(match: Match, layers: Layers) -> Match:
    """A test of flags whose header a listing cannot know is a comparison of numbers under a mask."""
    left, right = match.left, match.right
    field = left.left if isinstance(left, Binary) else left
    if not isinstance(field, Payload) or not isinstance(right, Value) or right.type.base is not BITMASK:
        return match
    octets = known_field(field, layers)
    if not isinstance(octets, RawPayload):
        return match
    right = replace(right, type=RAW_INTEGER)
    if isinstance(left, Binary):
        return replace(
            match, left=replace(left, left=octets, right=retyped(left.right, RAW_INTEGER)), right=right
        )
    if match.operator not in ("", "!"):
        return match
    nothing = replace(right, octets=bytes(len(right.octets)))
    operator = "==" if match.operator else "!="
    return replace(match, left=Binary("&", octets, right, at=left.at), operator=operator, right=nothing)


def parts_of(match: Match, layers: Layers) -> list[Match]:
    """Octets that are several fields, a comparison each. nft: src/payload.c payload_expr_expand()"""
    left, right = match.left, match.right
    assert isinstance(left, RawPayload)
    protocol = layers.known.get(left.base)
    if protocol is None or not isinstance(right, Value) or match.operator not in ("==", "!="):
        return [match]
    found = known_field(left, layers)
    is_named = found is not left and not (isinstance(found, Payload) and found.protocol == "th")
    if left.offset % 8 or left.length % 8 or is_named:
        return [match]
    matches, number, at, rest = [], int.from_bytes(right.octets), left.offset, left.length
    for field in protocol.fields.values():
        if field.offset != at or field.bits > rest or not rest:
            continue
        rest, at = rest - field.bits, at + field.bits
        octets = (number >> rest & (1 << field.bits) - 1).to_bytes((field.bits + 7) // 8)
        part = Payload(protocol.name, field.name, at=left.at)
        matches.append(replace(match, left=part, right=Value(octets, field.type, at=right.at)))
    if rest and matches:
        octets = (number & (1 << rest) - 1).to_bytes((rest + 7) // 8)
        matches.append(
            replace(match, left=replace(left, offset=at, length=rest), right=replace(right, octets=octets))
        )
    return matches or [match]


def retyped(expression: Expression, kind: DataType) -> Expression:
    """The same octets, of another type; a set keeps the one that it was made with."""
    match expression:
        case Value():
            return replace(expression, type=kind)
        case Prefix():
            return replace(expression, value=retyped(expression.value, kind))
        case Range():
            return replace(expression, low=retyped(expression.low, kind), high=retyped(expression.high, kind))
    return expression


def untyped(expression: Expression) -> Expression:
    """Ports of a connection, in a rule that does not say of which protocol, or in a set of its own."""
    if isinstance(expression, Elements):
        items = tuple(replace(item, key=retyped(item.key, INVALID)) for item in expression.items)
        return replace(expression, items=items)
    return retyped(expression, INVALID)


# --- bits that are no whole octets --------------------------------------------------------------------------


class Loaded(NamedTuple):
    """The octets that the kernel loads for some bits, which of their bits it wants, and where those end."""

    octets: RawPayload
    mask: int
    shift: int

    @property
    def size(self) -> int:
        """In octets."""
        return self.octets.length // 8


def loaded(raw: RawPayload) -> Loaded | None:
    """None where they are whole octets. nft: src/evaluate.c expr_evaluate_bits()"""
    into = raw.offset % 8
    if not into and not raw.length % 8:
        return None
    length = (into + raw.length + 7) // 8 * 8
    shift = length - into - raw.length
    mask = ((1 << raw.length) - 1) << shift
    return Loaded(replace(raw, offset=raw.offset - into, length=length), mask, shift)


def raw_of(payload: Payload | RawPayload) -> RawPayload:
    """A field by number."""
    if isinstance(payload, RawPayload):
        return payload
    protocol = PROTOCOLS[payload.protocol]
    field = protocol.fields[payload.field]
    behind = ETHER.length if protocol.name == "vlan" else 0
    return RawPayload(protocol.layer, behind + field.offset, field.bits, at=payload.at)


def bits_apart(binary: Binary) -> tuple[Binary, int] | None:
    """Bits put together with a constant are first cut out of so many octets."""
    inner = binary.left
    while isinstance(inner, Binary):
        inner = inner.left
    found = loaded(raw_of(inner)) if isinstance(inner, Payload | RawPayload) else None
    if found is None:
        return None
    cut = Binary("&", found.octets, _raw(found.mask, found.size), at=binary.at)
    if found.shift:
        cut = Binary(">>", cut, Value(bytes((found.shift,)), INTEGER), at=binary.at)
    whole = combined(_upon(binary, cut, found.size), found.octets.length)
    assert isinstance(whole, Binary)
    return whole, found.size


def _upon(binary: Expression, inner: Binary, size: int) -> Binary:
    if not isinstance(binary, Binary):
        return inner
    assert isinstance(binary.right, Value)
    right = _raw(int.from_bytes(binary.right.octets), size)
    return replace(binary, left=_upon(binary.left, inner, size), right=right)


def _raw(number: int, size: int) -> Value:
    return Value(number.to_bytes(size), RAW_INTEGER)


def resized(expression: Expression, size: int) -> Expression:
    """A constant beside so many octets."""
    if not isinstance(expression, Value):
        return expression
    return replace(expression, octets=int.from_bytes(expression.octets).to_bytes(size), type=RAW_INTEGER)


def _whole_octets(match: Match, raw: RawPayload) -> Match:
    """Under a mask, for a listing shows what the kernel loads."""
    found = loaded(raw)
    if found is None or not isinstance(match.right, Value | Range | Elements):
        return match
    kind = _any_type(match.right)
    left = Binary("&", found.octets, Value(found.mask.to_bytes(found.size), kind), at=raw.at)
    return replace(match, left=left, right=_shifted(match.right, found.shift, found.size))


def _any_type(expression: Expression) -> DataType:
    match expression:
        case Range(low=low):
            return _any_type(low)
        case Elements(items=items):
            return _any_type(items[0].key)
    assert isinstance(expression, Value)
    return expression.type


def _shifted(expression: Expression, shift: int, octets: int) -> Expression:
    match expression:
        case Value():
            number = int.from_bytes(expression.octets) << shift
            return replace(expression, octets=number.to_bytes(octets))
        case Range():
            low, high = (_shifted(end, shift, octets) for end in (expression.low, expression.high))
            return replace(expression, low=low, high=high)
        case Elements():
            keys = (retyped(_shifted(item.key, shift, octets), INTEGER) for item in expression.items)
            items = tuple(replace(item, key=key) for item, key in zip(expression.items, keys, strict=True))
            return replace(expression, items=items)
    return expression
