"""Of what kind the values of an expression are: for `describe`, and sets that are declared by `typeof`."""

from __future__ import annotations

from functools import singledispatch
from typing import Final

from pystack.applets.nft import keys, types
from pystack.applets.nft.headers import EXTENSION_HEADERS, IP_OPTIONS, SCTP_CHUNKS, TCP_OPTIONS, Header
from pystack.applets.nft.protocols import PROTOCOLS, TH
from pystack.applets.nft.tree import expressions as tree
from pystack.applets.nft.types import DataType

Shape = tuple[DataType, int]  # a kind, and bits

_NUMBER: Final = (types.INTEGER, 32)


def kinds_of(expression: tree.Expression) -> tuple[DataType, ...]:
    """One, or those of a concatenation's parts."""
    parts = expression.parts if isinstance(expression, tree.Concatenation) else (expression,)
    return tuple(shape_of(part)[0] for part in parts)


def is_in_host_order(expression: tree.Expression) -> bool:
    """Whether the kernel's register has the processor's order: of what is noted, not of headers' fields."""
    while isinstance(expression, tree.Binary):
        expression = expression.left
    if isinstance(expression, tree.Meta):
        return keys.META_KEYS[expression.key].host_order
    if isinstance(expression, tree.Ct):
        return keys.CT_KEYS[expression.full_key].host_order
    return isinstance(expression, tree.SocketOf | tree.Rt | tree.Numgen | tree.Hash)


@singledispatch
def shape_of(expression: tree.Expression) -> Shape:
    """Kind and bits; numbers that are computed are integers of a register's size."""
    return _NUMBER


@shape_of.register
def _(value: tree.Value) -> Shape:
    return value.type, 8 * len(value.octets)


@shape_of.register
def _(verdict: tree.Verdict) -> Shape:
    return types.VERDICT, 0


@shape_of.register
def _(meta: tree.Meta) -> Shape:
    key = keys.META_KEYS[keys.META_SYNONYMS.get(meta.key, meta.key)]
    return key.type, key.bits


@shape_of.register
def _(ct: tree.Ct) -> Shape:
    key = keys.CT_KEYS[ct.full_key]
    return key.type, key.bits


@shape_of.register
def _(payload: tree.Payload) -> Shape:
    field = PROTOCOLS[payload.protocol].fields[payload.field]
    return field.type, field.bits


@shape_of.register
def _(payload: tree.RawPayload) -> Shape:
    field = TH.field_at(payload.offset, payload.length) if payload.base == "th" else None
    return (field.type, field.bits) if field is not None else (types.RAW_INTEGER, payload.length)


@shape_of.register
def _(header: tree.ExtensionHeader) -> Shape:
    return _field_shape(EXTENSION_HEADERS[header.header], header.field)


@shape_of.register
def _(option: tree.TcpOption) -> Shape:
    if option.raw is not None or option.option not in TCP_OPTIONS:
        return types.INTEGER, option.raw[2] if option.raw is not None else 8
    return _field_shape(TCP_OPTIONS[option.option], option.field)


@shape_of.register
def _(option: tree.IpOption) -> Shape:
    return _field_shape(IP_OPTIONS[option.option], option.field)


@shape_of.register
def _(chunk: tree.SctpChunk) -> Shape:
    return _field_shape(SCTP_CHUNKS[chunk.chunk], chunk.field)


def _field_shape(header: Header, name: str) -> Shape:
    """Without a field's name it is asked whether the header is there, and the first one stands for it."""
    field = header.fields.get(name) or next(iter(header.fields.values()))
    return field.type, field.bits


@shape_of.register
def _(fib: tree.Fib) -> Shape:
    key = keys.FIB_RESULTS[fib.result]
    return key.type, key.bits


@shape_of.register
def _(route: tree.Rt) -> Shape:
    key = keys.RT_KEYS[route.key]
    return key.type, key.bits


@shape_of.register
def _(socket: tree.SocketOf) -> Shape:
    key = keys.SOCKET_KEYS[socket.key]
    return key.type, key.bits


@shape_of.register
def _(binary: tree.Binary) -> Shape:
    return shape_of(binary.left)
