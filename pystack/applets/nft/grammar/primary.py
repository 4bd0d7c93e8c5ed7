"""What stands alone in an expression: fields, keys of meta, ct and the like, numbers made."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pystack.applets.nft.errors import NftError
from pystack.applets.nft.grammar import payload, values
from pystack.applets.nft.grammar.parser import Parser
from pystack.applets.nft.grammar.words import natural32
from pystack.applets.nft.keys import META_KEYS, META_SYNONYMS
from pystack.applets.nft.lexer import NUMBER, STRING, Token
from pystack.applets.nft.place import Place
from pystack.applets.nft.tree.expressions import (
    Ct,
    Expression,
    ExtensionHeader,
    Fib,
    Meta,
    Numgen,
    Rt,
    SocketOf,
)

BARE_META: Final = (
    "mark", "iif", "iifname", "iiftype", "oif", "oifname", "oiftype", "skuid", "skgid", "nftrace",
    "rtclassid", "ibriport", "obriport", "ibrname", "obrname", "pkttype", "cpu", "iifgroup", "oifgroup",
    "cgroup", "ipsec",
    "time", "day", "hour",
)  # fmt: skip
META: Final = ("length", "protocol", "priority", "random", "secmark", *BARE_META)
CT_DIRECTED: Final = ("bytes", "packets", "avgpkt", "zone")  # with or without a direction
CT_KEYS: Final = (
    "l3proto", "protocol", "mark", "state", "direction", "status", "expiration", "helper", "saddr", "daddr",
    "proto-src", "proto-dst", "label", "event", "secmark", "id", *CT_DIRECTED,
)  # fmt: skip
CT_TUPLE: Final = (
    "saddr",
    "daddr",
    "l3proto",
    "protocol",
    "proto-src",
    "proto-dst",
    "ip",
    "ip6",
    *CT_DIRECTED,
)
DIRECTIONS: Final = ("original", "reply")
SOCKET_KEYS: Final = ("transparent", "mark", "wildcard")
FIB_FLAGS: Final = ("saddr", "daddr", "mark", "iif", "oif")
RT_KEYS: Final = ("classid", "nexthop", "mtu", "ipsec")


def meta_key(p: Parser) -> Token:
    """The word behind `meta`; its scope stays open for what may follow."""
    token = p.expect(*META, STRING)
    if token.kind in ("secmark", "ipsec"):
        p.close(token.kind)
    return token


def named_meta(key: Token, at: Place) -> Meta:
    """Keys that are no words of the language are looked up last."""
    name = META_SYNONYMS.get(key.text, key.text)
    if key.kind == STRING and name not in META_KEYS:
        known = ", ".join(META_KEYS)
        raise NftError(at, f"syntax error, unexpected {key.text}, known keys are {known}")
    return Meta(name, at=at)


def meta(p: Parser) -> Meta:
    """`meta KEY`."""
    start = p.take().at
    key = meta_key(p)
    p.close("meta")
    return named_meta(key, p.since(start))


def bare_meta(p: Parser) -> Meta:
    """A key of meta without that word."""
    token = p.take()
    if token.kind == "ipsec":
        p.close("ipsec")
    return named_meta(token, token.at)


def ct(p: Parser) -> Ct:
    """`ct KEY`, `ct original KEY`."""
    start = p.take().at
    key = ct_key(p, start)
    p.close("ct")
    return key


def ct_key(p: Parser, start: Place) -> Ct:
    """The words behind `ct`; its scope stays open for what may follow."""
    direction = p.take_if(*DIRECTIONS)
    token = p.expect(*(CT_TUPLE if direction else CT_KEYS))
    name = token.kind
    if name in ("ip", "ip6"):
        name = f"{name} {p.expect('saddr', 'daddr').kind}"
        p.close(token.kind)
    if name == "secmark":
        p.close("secmark")
    return Ct(name, direction.kind if direction else "", at=p.since(start))


def rt(p: Parser) -> Expression:
    """`rt KEY`, `rt ip nexthop` are of the route."""
    return _rt(p, ())


def rt_of_both(p: Parser) -> Expression:
    """Also `rt type` and the like, which are of IPv6's routing header."""
    return _rt(p, payload.ROUTING_FIELDS)


def _rt(p: Parser, of_the_header: tuple[str, ...]) -> Expression:
    start = p.take().at
    family = p.take_if("ip", "ip6")
    if family is not None:
        p.close(family.kind)
    token = p.expect(*RT_KEYS, *(() if family else ("ip", "ip6", *of_the_header)))
    if token.kind in payload.ROUTING_FIELDS:
        if token.kind == "type":
            p.close("type")
        p.close("rt")
        return ExtensionHeader("rt", token.kind, at=p.since(start))
    if token.kind == "ipsec":
        p.close("ipsec")
    p.close("rt")
    has_family = family is not None and token.kind == "nexthop"
    return Rt(f"{family.kind} nexthop" if family and has_family else token.kind, at=p.since(start))


def socket(p: Parser) -> SocketOf:
    """`socket KEY`."""
    start = p.take().at
    key = p.expect(*SOCKET_KEYS, "cgroupv2").kind
    level = 0
    if key == "cgroupv2":
        p.expect("level")
        level = int(p.expect(NUMBER).text)
    p.close("socket")
    return SocketOf(key, level, at=p.since(start))


def fib(p: Parser) -> Fib:
    """`fib saddr . iif oif`."""
    start = p.take().at
    first = p.expect(*FIB_FLAGS)
    flags = [first.kind]
    while p.take_if("."):
        flags.append(p.expect(*FIB_FLAGS).kind)
    at = p.since(first.at)
    result = p.expect("oif", "oifname", "type")
    if result.kind == "type":
        p.close("type")
    p.close("fib")
    if not {"saddr", "daddr"} & set(flags):
        raise NftError(at, "fib: need either saddr or daddr")
    if {"saddr", "daddr"} <= set(flags):
        raise NftError(at, "fib: saddr and daddr are mutually exclusive")
    if {"iif", "oif"} <= set(flags):
        raise NftError(at, "fib: iif and oif are mutually exclusive")
    return Fib(tuple(flag for flag in FIB_FLAGS if flag in flags), result.kind, at=p.since(start))


def numgen(p: Parser) -> Numgen:
    """`numgen inc mod 2 offset 100`."""
    start = p.take().at
    mode = p.expect("inc", "random").kind
    p.expect("mod")
    modulus = natural32(p)
    added = offset(p)
    p.close("numgen")
    return Numgen(mode, modulus, added, at=p.since(start))


def offset(p: Parser) -> int:
    """`offset 100`, or nothing."""
    return natural32(p) if p.take_if("offset") else 0


def osf(p: Parser) -> Expression:
    """`osf name`: known to nft, not modelled here."""
    start = p.take().at
    if p.take_if("ttl"):
        word = p.expect(STRING)
        if word.text not in ("loose", "skip"):
            raise NftError(word.at, "invalid ttl option")
    p.expect("version", "name")
    p.close("osf")
    raise NftError(p.since(start), "osf is not modelled")


def ipsec(p: Parser, start: Place) -> Expression:
    """`ipsec in reqid`: known to nft, not modelled here."""
    p.expect("in", "out")
    spnum, spnum_at = 0, start
    if word := p.take_if("spnum"):
        spnum = int(p.expect(NUMBER).text)
        spnum_at = p.since(word.at)
    family = p.expect("spi", "reqid", "ip", "ip6")
    if family.kind in ("ip", "ip6"):
        p.close(family.kind)
        p.expect("daddr", "saddr")
    p.close("ipsec")
    if spnum > payload.OPTION_KIND_MAX:
        raise NftError(spnum_at, "value too large")
    raise NftError(p.since(start), "ipsec is not modelled")


# Expressions by their first word, wherever they may stand.
COMMON: Final[dict[str, Callable[[Parser], Expression]]] = {
    **dict.fromkeys(payload.FIELDS, payload.field),
    **dict.fromkeys(BARE_META, bare_meta),
    **dict.fromkeys(values.BOOLEANS, values.boolean),
    **dict.fromkeys((*values.WORDS, "'$'"), values.symbol),
    NUMBER: values.integer,
    "@": payload.raw,
    "meta": meta,
    "ct": ct,
    "rt": rt,
    "socket": socket,
    "numgen": numgen,
    "osf": osf,
}
