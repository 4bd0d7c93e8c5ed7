"""Expressions out of JSON.

Linux: nftables src/parser_json.c json_parse_expr()
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pystack.applets.nft.errors import NftError
from pystack.applets.nft.grammar.primary import named_meta
from pystack.applets.nft.grammar.values import ICMP_REDIRECT, KEYWORD_VALUES, PROTOCOL_VALUES
from pystack.applets.nft.json_in import packet
from pystack.applets.nft.json_in.asking import (
    Asking,
    integer_in,
    refuse,
    string_in,
    type_name,
    within,
)
from pystack.applets.nft.json_in.load import Loaded
from pystack.applets.nft.json_out.dump import dump
from pystack.applets.nft.tree.expressions import (
    Anything,
    Binary,
    Boolean,
    Concatenation,
    Element,
    Elements,
    Expression,
    Flags,
    Hash,
    Lookup,
    Prefix,
    Range,
    SetName,
    Symbol,
    Value,
    Verdict,
)
from pystack.applets.nft.types import ICMP_TYPE, INET_PROTO

RIGHT: Final = "RHS"
STATEMENT: Final = "STMT"
PRIMARY: Final = "PRIMARY"
SET_RIGHT: Final = "SET_RHS"
MANGLED: Final = "mangled"
UPDATED: Final = "updated"
MAPPED: Final = "mapped"
CONCATENATED: Final = "concatenated"
_SAID: Final = (RIGHT, STATEMENT, PRIMARY, SET_RIGHT)

Make = Callable[[Asking, str, Loaded], Expression]


def expression(ask: Asking, value: Loaded) -> Expression:
    """Any of them that may stand where we are."""
    if isinstance(value, list):
        return _list(ask, value)
    if isinstance(value, bool) and not {RIGHT, PRIMARY} & ask.flags:
        refuse("Boolean values not allowed in this context.")
    if isinstance(value, str | int):
        return constant(value)
    kind, inside = only_property(value)
    found = _KINDS.get(kind)
    if found is None:
        refuse(f"Unknown expression type '{kind}'.")
    make, allowed = found
    if not ask.flags <= allowed:
        said = ", ".join(flag for flag in _SAID if flag in ask.flags)
        refuse(f"Expression type {kind} not allowed in context ({said}).")
    return make(ask, kind, inside)


def only_property(value: Loaded) -> tuple[str, Loaded]:
    """An object's name and what it has."""
    if not isinstance(value, dict) or len(value) != 1:
        refuse(f"Malformed object (too many properties): '{dump_loaded(value)}'.")
    return next(iter(value.items()))


def dump_loaded(value: Loaded) -> str:
    """As libjansson writes it; a number alone it does not write at all."""
    return dump(value) if isinstance(value, dict | list) else "(null)"


def right(ask: Asking, value: Loaded) -> Expression:
    """What a field is held against."""
    return expression(ask.inside(RIGHT), value)


def primary(ask: Asking, value: Loaded) -> Expression:
    """What operators stand between."""
    return expression(ask.inside(PRIMARY), value)


def of_statement(ask: Asking, value: Loaded) -> Expression:
    """What a statement takes."""
    return expression(ask.inside(STATEMENT), value)


def constant(value: Loaded) -> Expression:
    """A word, number, name of a set, or truth."""
    if isinstance(value, bool):
        return Boolean(value)
    if isinstance(value, int):
        return Symbol(str(value))
    if not isinstance(value, str):
        refuse(f"Unexpected JSON type {type_name(value)} for immediate value.")
    if value.startswith("@"):
        return SetName(value[1:])
    if value == "*":
        return Anything()
    if value == "redirect":
        return Value(bytes((ICMP_REDIRECT,)), ICMP_TYPE)
    if value in PROTOCOL_VALUES and value != "igmp" and value not in KEYWORD_VALUES:
        return Value(bytes((PROTOCOL_VALUES[value][0],)), INET_PROTO)
    return Symbol(value)


def _list(ask: Asking, values: list[Loaded]) -> Flags:
    if not {RIGHT, STATEMENT} & ask.flags:
        refuse("List expression only allowed on RHS or in statement expression.")
    if PRIMARY in ask.flags:
        refuse("List expression not allowed as primary expression.")
    items = []
    for index, value in enumerate(values):
        words = f"Parsing list expression item at index {index} failed."
        items.append(within(words, expression, ask, value))
    return Flags(tuple(items))


# --- sets and maps ------------------------------------------------------------------------------------------


def set_of(ask: Asking, _: str, value: Loaded) -> Expression:
    """The elements of a set or map, or the name of one."""
    if not isinstance(value, list):
        alone = constant(value)
        return alone if isinstance(alone, SetName) else Elements((Element(alone),))
    items = []
    for index, item in enumerate(value):
        words = f"Invalid set elem at index {index}."
        items.append(within(words, _element, ask, item))
    if not items:
        raise NftError.of(())
    return Elements(tuple(items))


def _element(ask: Asking, value: Loaded) -> Element:
    if isinstance(value, list) and len(value) == 2:
        item = as_element(right(ask, value[0]))
        data = expression(ask.inside(SET_RIGHT), value[1])
        return Element(item.key, data, item.timeout, item.expires, item.comment)
    return as_element(right(ask, value))


def as_element(made: Expression) -> Element:
    """A key alone is an element, too."""
    return made if isinstance(made, Element) else Element(made)


def _element_with_more(ask: Asking, _: str, value: Loaded) -> Element:
    """`{"val": KEY, "timeout": 60}`"""
    key = expression(ask, ask.any(value, "val"))
    timeout, expires = integer_in(value, "timeout"), integer_in(value, "expires")
    return Element(
        key,
        None,
        None if timeout is None else timeout * 1000,
        None if expires is None else expires * 1000,
        string_in(value, "comment") or "",
    )


def map_of(ask: Asking, kind: str, value: Loaded) -> Lookup:
    """`{"key": KEY, "data": SET}`"""
    key, data = ask.any(value, "key"), ask.any(value, "data", 1)
    left = within("Illegal map expression key.", expression, ask.inside(MAPPED), key)
    found = within("Illegal map expression data.", right, ask, data)
    return Lookup(left, found, is_verdict=kind == "vmap")


def verdict(ask: Asking, kind: str, value: Loaded) -> Verdict:
    """`{"jump": {"target": CHAIN}}`"""
    return Verdict(kind, ask.strings(value, "target")[0] if kind in ("jump", "goto") else "")


# --- operators ----------------------------------------------------------------------------------------------


def _concatenation(ask: Asking, _: str, value: Loaded) -> Expression:
    if not isinstance(value, list):
        refuse(f"Unexpected concat object type {type_name(value)}.")
    parts = []
    for index, part in enumerate(value):
        words = f"Parsing expr at index {index} failed."
        inside = ask.inside(CONCATENATED)
        parts.append(within(words, expression, inside, part))
    if not parts:
        raise NftError.of(())
    return parts[0] if len(parts) == 1 else Concatenation(tuple(parts))


def _prefix(ask: Asking, _: str, value: Loaded) -> Prefix:
    address, bits = ask.any(value, "addr"), ask.integer(value, "len", 1)
    return Prefix(within("Invalid address in prefix expr.", primary, ask, address), bits)


def _range(ask: Asking, _: str, value: Loaded) -> Range:
    low, high = ask.pair(value)
    return Range(
        within("Invalid low value in range expression.", primary, ask, low),
        within("Invalid high value in range expression.", primary, ask, high),
    )


def _binary(ask: Asking, operator: str, value: Loaded) -> Binary:
    left, right_side = ask.pair(value)
    return Binary(
        operator,
        within("Failed to parse LHS of binop expression.", primary, ask, left),
        within("Failed to parse RHS of binop expression.", right, ask, right_side),
    )


def _hash(ask: Asking, kind: str, value: Loaded) -> Hash:
    modulus = ask.integer(value, "mod")
    offset = integer_in(value, "offset") or 0
    if kind == "symhash":
        return Hash(None, modulus, None, offset)
    key = ask.any(value, "expr")
    made = within("Invalid jhash expression.", expression, ask, key)
    return Hash(made, modulus, integer_in(value, "seed"), offset)


def _meta(ask: Asking, _: str, value: Loaded) -> Expression:
    return named_meta(*packet.meta_key(ask, value))


_KEYED: Final = frozenset({PRIMARY, UPDATED, MAPPED, CONCATENATED})
_ANYWHERE: Final = _KEYED | {STATEMENT, SET_RIGHT}
_OPTION: Final = frozenset({PRIMARY, SET_RIGHT, MANGLED, UPDATED, CONCATENATED})
_SPAN: Final = frozenset({RIGHT, SET_RIGHT, STATEMENT, CONCATENATED})
_KINDS: Final[dict[str, tuple[Make, frozenset[str]]]] = {
    "concat": (_concatenation, frozenset({RIGHT, STATEMENT, SET_RIGHT, UPDATED, MAPPED})),
    "set": (set_of, frozenset({RIGHT, STATEMENT})),
    "map": (map_of, frozenset({STATEMENT, PRIMARY, SET_RIGHT})),
    "prefix": (_prefix, _SPAN),
    "range": (_range, _SPAN),
    "payload": (packet.payload, _ANYWHERE | {MANGLED}),
    "exthdr": (packet.extension, _KEYED | {SET_RIGHT}),
    "tcp option": (packet.tcp_option, _OPTION),
    "ip option": (packet.ip_option, _OPTION),
    "sctp chunk": (packet.chunk, _OPTION),
    "meta": (_meta, _ANYWHERE | {MANGLED}),
    "osf": (packet.osf, frozenset({STATEMENT, PRIMARY, MAPPED, CONCATENATED})),
    "ipsec": (packet.ipsec, frozenset({PRIMARY, MAPPED, CONCATENATED})),
    "socket": (packet.socket, frozenset({PRIMARY, CONCATENATED})),
    "rt": (packet.route, _ANYWHERE),
    "ct": (packet.connection, _ANYWHERE | {MANGLED}),
    "numgen": (packet.numgen, _ANYWHERE),
    "jhash": (_hash, _ANYWHERE),
    "symhash": (_hash, _ANYWHERE),
    "fib": (packet.fib, _KEYED | {SET_RIGHT}),
    **dict.fromkeys(("|", "^", "&", ">>", "<<"), (_binary, _ANYWHERE | {RIGHT})),
    **dict.fromkeys(
        ("accept", "drop", "continue", "jump", "goto", "return"), (verdict, frozenset({RIGHT, SET_RIGHT}))
    ),
    "elem": (_element_with_more, frozenset({RIGHT, STATEMENT, PRIMARY, UPDATED})),
}
