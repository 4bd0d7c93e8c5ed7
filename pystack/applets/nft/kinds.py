"""Of what kind the values of an expression are: said of sets that are declared by `typeof`."""

from __future__ import annotations

from functools import singledispatch

from pystack.applets.nft import keys, types
from pystack.applets.nft.headers import EXTENSION_HEADERS, IP_OPTIONS, SCTP_CHUNKS, TCP_OPTIONS, Header
from pystack.applets.nft.protocols import PROTOCOLS
from pystack.applets.nft.tree import expressions as tree
from pystack.applets.nft.types import DataType


def kinds_of(expression: tree.Expression) -> tuple[DataType, ...]:
    """One, or those of a concatenation's parts."""
    parts = expression.parts if isinstance(expression, tree.Concatenation) else (expression,)
    return tuple(kind_of(part) for part in parts)


@singledispatch
def kind_of(expression: tree.Expression) -> DataType:
    """The kind; numbers that are computed are integers."""
    return types.INTEGER


@kind_of.register
def _(value: tree.Value) -> DataType:
    return value.type


@kind_of.register
def _(verdict: tree.Verdict) -> DataType:
    return types.VERDICT


@kind_of.register
def _(meta: tree.Meta) -> DataType:
    return keys.META_KEYS[meta.key].type


@kind_of.register
def _(ct: tree.Ct) -> DataType:
    return keys.CT_KEYS[ct.key].type


@kind_of.register
def _(payload: tree.Payload) -> DataType:
    return PROTOCOLS[payload.protocol].fields[payload.field].type


@kind_of.register
def _(header: tree.ExtensionHeader) -> DataType:
    return _field_kind(EXTENSION_HEADERS[header.header], header.field)


@kind_of.register
def _(option: tree.TcpOption) -> DataType:
    if option.raw is not None or option.option not in TCP_OPTIONS:
        return types.INTEGER
    return _field_kind(TCP_OPTIONS[option.option], option.field)


@kind_of.register
def _(option: tree.IpOption) -> DataType:
    return _field_kind(IP_OPTIONS[option.option], option.field)


@kind_of.register
def _(chunk: tree.SctpChunk) -> DataType:
    return _field_kind(SCTP_CHUNKS[chunk.chunk], chunk.field)


def _field_kind(header: Header, field: str) -> DataType:
    return header.fields[field].type if field else types.BOOLEAN


@kind_of.register
def _(fib: tree.Fib) -> DataType:
    return keys.FIB_RESULTS[fib.result].type


@kind_of.register
def _(route: tree.Rt) -> DataType:
    return keys.RT_KEYS[route.key].type


@kind_of.register
def _(socket: tree.SocketOf) -> DataType:
    return keys.SOCKET_KEYS[socket.key].type


@kind_of.register
def _(binary: tree.Binary) -> DataType:
    return kind_of(binary.left)
