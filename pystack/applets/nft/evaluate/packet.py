"""What is looked at in a packet: headers' fields, and what is noted beside it.

nft: src/evaluate.c expr_evaluate_payload(), _exthdr(), _meta(), _ct(), _rt(), _fib(), _numgen(), _hash()
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from pystack.applets.nft import types
from pystack.applets.nft.evaluate.dependencies import need_field, require_above
from pystack.applets.nft.evaluate.layers import LAYER_NAMES, below
from pystack.applets.nft.evaluate.state import State, fail
from pystack.applets.nft.evaluate.typed import NOTHING, Expected, Typed
from pystack.applets.nft.headers import EXTENSION_HEADERS, IP_OPTIONS, SCTP_CHUNKS, TCP_OPTIONS, Header
from pystack.applets.nft.keys import CT_KEYS, FIB_RESULTS, META_KEYS, RT_KEYS, SOCKET_KEYS
from pystack.applets.nft.protocols import PROTOCOLS, Protocol
from pystack.applets.nft.tree.expressions import (
    Ct,
    Expression,
    ExtensionHeader,
    Fib,
    Hash,
    IpOption,
    Meta,
    Numgen,
    Payload,
    RawPayload,
    Rt,
    SctpChunk,
    SocketOf,
    TcpOption,
)
from pystack.applets.nft.types import BOOLEAN, INTEGER, RAW_INTEGER, DataType

_TCP_OPTIONS_BITS: Final = 40 * 8
_NEXTHOP_UNKNOWN: Final = 'cannot determine ip protocol version, use "ip nexthop" or "ip6 nexthop" instead'
_WEEKDAY_MAX: Final = 6
_READABLE: Final = 4096  # bits: nft aborts at less


# --- headers ------------------------------------------------------------------------------------------------


def evaluate_payload(state: State, payload: Payload, expected: Expected) -> Typed:
    """`tcp dport`."""
    protocol = PROTOCOLS[payload.protocol]
    field = protocol.fields[payload.field]
    if protocol.name != "th" and state.makes_sure:
        need_field(state, payload, protocol, field)
    return Typed(payload, field.type, field.bits)


def evaluate_raw_payload(state: State, payload: RawPayload, expected: Expected) -> Typed:
    """`@th,16,16`; the ports of a transport are known as such."""
    if payload.length > _READABLE:
        fail(payload, "Could not process rule: Value too large for defined data type")
    if payload.base == "th" and payload.length == 16 and payload.offset in (0, 16):
        return Typed(payload, types.INET_SERVICE, 16)
    return Typed(payload, RAW_INTEGER, payload.length)


def evaluate_extension_header(state: State, header: ExtensionHeader, expected: Expected) -> Typed:
    """`frag id`; without a field, whether it is there."""
    _need_network(state, header, PROTOCOLS["ip6"])
    if header.header == "rt0" and header.field.startswith("addr["):
        header = replace(header, header="srh", field=header.field.replace("addr", "sid"))  # so nft lists it
    return _found(header, EXTENSION_HEADERS[header.header], header.field)


def evaluate_ip_option(state: State, option: IpOption, expected: Expected) -> Typed:
    """`ip option rr ptr`."""
    _need_network(state, option, PROTOCOLS["ip"])
    return _found(option, IP_OPTIONS[option.option], option.field)


def evaluate_sctp_chunk(state: State, chunk: SctpChunk, expected: Expected) -> Typed:
    """`sctp chunk init-ack flags`."""
    return _found(chunk, SCTP_CHUNKS[chunk.chunk], chunk.field)


def evaluate_tcp_option(state: State, option: TcpOption, expected: Expected) -> Typed:
    """`tcp option maxseg size`, `tcp option @2,16,16`."""
    if option.raw is not None:
        number, offset, bits = option.raw
        if offset + bits > _TCP_OPTIONS_BITS:
            total = offset + bits
            fail(option, f"offset and size {total} exceeds max tcp headerlen ({_TCP_OPTIONS_BITS})")
        return Typed(_known_option(option, number, offset, bits), INTEGER, bits)
    if option.option not in TCP_OPTIONS:
        named = _by_number(option.option)
        if named is None:
            return Typed(option, BOOLEAN, 8)
        option = replace(option, option=named)
    return _found(option, TCP_OPTIONS[option.option], option.field)


def _known_option(option: TcpOption, number: int, offset: int, bits: int) -> TcpOption:
    """By the name that a listing gives it, if it has one."""
    for name, header in TCP_OPTIONS.items():
        for field in header.fields.values() if header.number == number else ():
            if (field.offset, field.bits) == (offset, bits):
                return replace(option, option=name, field=field.name, raw=None)
    return option


def _by_number(text: str) -> str | None:
    if not text.isdecimal():
        return None
    return next((name for name, header in TCP_OPTIONS.items() if header.number == int(text)), None)


def _found(expression: Expression, header: Header, field: str) -> Typed:
    if not field:
        return Typed(expression, BOOLEAN, 8)
    known = header.fields.get(field)
    if known is None:  # `rt2 addr`, which nft's grammar has, and nothing else of nft's
        return Typed(expression, NOTHING, 0)
    return Typed(expression, known.type, known.bits)


def _need_network(state: State, expression: Expression, protocol: Protocol) -> None:
    known = state.layers.known.get("nh")
    if known is protocol or not state.makes_sure:
        return
    if known is not None:
        fail(expression, f"cannot use exthdr with {known.name}")
    link = state.layers.known.get("ll")
    if link is None:
        name = LAYER_NAMES[below("nh")]
        fail(expression, f"Cannot generate dependency: no {name} protocol specified")
    require_above(state, expression, link, protocol, first=True)


# --- what is noted beside a packet --------------------------------------------------------------------------


def evaluate_meta(state: State, meta: Meta, expected: Expected) -> Typed:
    """`meta mark`, `iifname`."""
    if meta.key == "nfproto" and state.family != "inet":
        fail(meta, "meta nfproto is only useful in the inet family")
    key = META_KEYS[meta.key]
    maximum = _WEEKDAY_MAX if meta.key == "day" else 0
    return Typed(meta, key.type, key.bits, maximum=maximum)


def evaluate_rt(state: State, rt: Rt, expected: Expected) -> Typed:
    """`rt nexthop`: of which family, the rule must say."""
    if not rt.key.endswith("nexthop"):
        return Typed(rt, RT_KEYS[rt.key].type, RT_KEYS[rt.key].bits)
    known = state.layers.known.get("nh")
    if rt.key == "nexthop":
        if known is None or known.name not in ("ip", "ip6"):
            fail(rt, _NEXTHOP_UNKNOWN)
        rt = replace(rt, key=f"{known.name} nexthop")
    key = RT_KEYS[rt.key]
    for family, other in (("ip", "ip6"), ("ip6", "ip")):
        if rt.key.startswith(f"{family} ") and state.family == other:
            fail(rt, f"{family} nexthop will not match")
    return Typed(rt, key.type, key.bits)


def evaluate_ct(state: State, ct: Ct, expected: Expected) -> Typed:
    """`ct state`, `ct original ip saddr`."""
    if ct.key in ("saddr", "daddr"):
        return _ct_address(state, ct)
    if ct.key in ("ip saddr", "ip daddr", "ip6 saddr", "ip6 daddr"):
        _ct_family(state, ct)
    key = CT_KEYS[ct.key]
    if ct.key in ("l3proto", "protocol"):
        ct = replace(ct, direction="")  # the same both ways; the kernel does not keep what was written
    if ct.key in ("proto-src", "proto-dst"):
        kind = types.INET_SERVICE if "th" in state.layers.known else key.type
        return Typed(ct, kind, key.bits)
    return Typed(ct, key.type, key.bits)


def _ct_family(state: State, ct: Ct) -> None:
    known = state.layers.known.get("nh")
    family = ct.key.split()[0]
    other = {"ip": "ip6", "ip6": "ip"}[family]
    if known is PROTOCOLS[other]:
        place = state.layers.place_of("nh")
        fail(ct, f"conflicting protocols specified: {other} vs. {family}", place)


def _ct_address(state: State, ct: Ct) -> Typed:
    """Of the family that the rule is about. nft: src/evaluate.c ct_gen_nh_dependency()"""
    known = state.layers.known.get("nh")
    if known is None or known.name not in ("ip", "ip6"):
        which = ct.key[0]
        message = f'cannot determine ip protocol version, use "ip {which}addr" or "ip6 {which}addr" instead'
        state.complain(ct, message)
        return Typed(ct, types.INVALID, 0)
    kind = types.IPV4_ADDR if known.name == "ip" else types.IPV6_ADDR
    return Typed(ct, kind, kind.bits)


def evaluate_fib(state: State, fib: Fib, expected: Expected) -> Typed:
    """`fib saddr . iif oif`."""
    key = FIB_RESULTS[fib.result]
    return Typed(fib, key.type, key.bits)


def evaluate_socket(state: State, socket: SocketOf, expected: Expected) -> Typed:
    """`socket transparent`."""
    key = SOCKET_KEYS[socket.key]
    return Typed(socket, key.type, key.bits, maximum=1 if socket.key in ("transparent", "wildcard") else 0)


# --- numbers made up ----------------------------------------------------------------------------------------


def evaluate_numgen(state: State, numgen: Numgen, expected: Expected) -> Typed:
    """`numgen inc mod 2`."""
    kind = _compatible(expected)
    return Typed(numgen, kind, 32, maximum=_last(numgen))


def evaluate_hash(state: State, hashed: Hash, expected: Expected) -> Typed:
    """`jhash ip saddr mod 2`."""
    kind = _compatible(expected)
    if hashed.key is not None:
        hashed = replace(hashed, key=state.evaluate(hashed.key).expression)
    return Typed(hashed, kind, 32, maximum=_last(hashed))


def _last(made: Numgen | Hash) -> int:
    """The greatest number, as nft's 32 bits have it: without a modulus one below nothing."""
    return (made.modulus + made.offset - 1) & 0xFFFFFFFF


def _compatible(expected: Expected) -> DataType:
    """A mark may be set to what is counted. nft: expr_dtype_integer_compatible()"""
    if expected.type is not None and expected.type.base is INTEGER and expected.bits == 32:
        return expected.type
    return INTEGER
