"""Expressions: operators and their precedence, on the left and on the right of a match, and in statements.

nft has three grammars for them that differ in what may stand alone. On the left that are the fields of a
packet; on the right constants; and what a statement takes, such as nat's address, may be either.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from pystack.applets.nft.grammar import payload, primary, values
from pystack.applets.nft.grammar.parser import Parser
from pystack.applets.nft.grammar.words import natural32
from pystack.applets.nft.lexer import COMMA, NUMBER, STRING
from pystack.applets.nft.tree.expressions import (
    Binary,
    Concatenation,
    Expression,
    Flags,
    Hash,
    Lookup,
    Meta,
    Prefix,
    Range,
    SetName,
    Symbol,
)

Part = Callable[[Parser], Expression]

TIGHTNESS: Final = {"'|'": 0, "^": 1, "&": 2, "<<": 3, ">>": 3}


# --- operators ----------------------------------------------------------------------------------------------


def binary(p: Parser, first: Part, more: Part) -> Expression:
    """A `first`, and what operators join to it."""
    depth = p.depth
    whole = _joined(p, first(p), more, 0)
    p.depth = depth
    return whole


def _joined(p: Parser, left: Expression, more: Part, loosest: int) -> Expression:
    """What is there already, with all operators behind it that bind as tightly as this or more."""
    while TIGHTNESS.get(p.next.kind, -1) >= loosest:
        token = p.take()
        p.enter()
        right = _joined(p, more(p), more, TIGHTNESS[token.kind] + 1)
        left = Binary(token.kind.strip("'"), left, right, at=p.since(left.at))
    return left


def ready(expression: Expression) -> Part:
    """A part that has been read already."""
    return lambda _: expression


def concatenated(p: Parser, first: Expression, part: Part) -> Expression:
    """`first . part . part`, or what is there alone; from the third one on a part begins with its dot."""
    parts = [first]
    while dot := p.take_if("."):
        written = part(p)
        parts.append(replace(written, at=p.since(dot.at)) if len(parts) > 1 else written)
    return first if len(parts) == 1 else Concatenation(tuple(parts), at=p.since(first.at))


# --- on the left --------------------------------------------------------------------------------------------


def left_primary(p: Parser) -> Expression:
    """What may stand alone on the left of a match."""
    kind = p.next.kind
    if kind == "'('":
        return _parentheses(p, left_basic)
    make = _LEFT.get(kind)
    if make is None:
        p.fail()
    return make(p)


def left_basic(p: Parser, first: Part = left_primary) -> Expression:
    """With operators."""
    return binary(p, first, right_primary)


def left_concatenation(p: Parser, first: Part = left_primary) -> Expression:
    """With dots."""
    return concatenated(p, left_basic(p, first), left_basic)


def left(p: Parser, first: Part = left_primary) -> Expression:
    """All that may be on the left of a match: `ip saddr . tcp dport`, `ip saddr map {…}`, a set."""
    if first is left_primary and p.next.kind == "'{'":
        return p.nested.braces(p, False)
    key = left_concatenation(p, first)
    if p.take_if("map"):
        return Lookup(key, right(p), at=p.since(key.at))
    return key


def _parentheses(p: Parser, inside: Part) -> Expression:
    p.take()
    p.enter()
    expression = inside(p)
    p.leave()
    p.expect("')'")
    return expression


def hashed(p: Parser) -> Hash:
    """`jhash KEY mod 2 seed 1 offset 3`, `symhash mod 2`."""
    token = p.take()
    p.enter()
    key = left(p) if token.kind == "jhash" else None
    p.leave()
    p.expect("mod")
    modulus = natural32(p)
    seed = natural32(p) if key is not None and p.take_if("seed") else None
    offset = primary.offset(p)
    p.close("hash")
    return Hash(key, modulus, seed, offset, at=p.since(token.at))


def _ipsec_or_meta(p: Parser) -> Expression:
    start = p.take().at
    if p.next.kind in ("in", "out"):
        return primary.ipsec(p, start)
    p.close("ipsec")
    return Meta("ipsec", at=start)


# --- on the right -------------------------------------------------------------------------------------------


def right_primary(p: Parser) -> Expression:
    """What may stand alone on the right of a match."""
    kind = p.next.kind
    if kind == "'('":
        return _parentheses(p, right_basic)
    make = _RIGHT.get(kind)
    if make is None:
        p.fail()
    return make(p)


def right_basic(p: Parser) -> Expression:
    """With operators."""
    return binary(p, right_primary, right_primary)


def right_part(p: Parser) -> Expression:
    """A value, a prefix or a range."""
    return _span(p, right_basic(p), right_basic)


def prefix(p: Parser, value: Expression) -> Prefix:
    """The length behind a slash."""
    bits = natural32(p)
    return Prefix(value, bits, at=p.since(value.at))


def _span(p: Parser, low: Expression, part: Part) -> Expression:
    if isinstance(low, Prefix | Range):
        return low
    if p.take_if("/"):
        return prefix(p, low)
    if p.take_if("-"):
        high = part(p)
        return Range(low, high, at=p.since(low.at))
    return low


def right_concatenation(p: Parser, first: Expression | None = None) -> Expression:
    """`10.0.0.0/8 . 22-25`."""
    return concatenated(p, _span(p, first or right_basic(p), right_basic), right_part)


def right(p: Parser) -> Expression:
    """A value, a set or the name of one."""
    if p.next.kind == "'{'":
        return p.nested.braces(p, False)
    if p.next.kind == "@":
        return set_name(p)
    return right_concatenation(p)


def right_list(p: Parser) -> Flags:
    """`a,b`: at least two."""
    return flags(p, right_basic(p))


def flags(p: Parser, first: Expression) -> Flags:
    """`a,b`, of which the first is there."""
    items = [first]
    p.expect(COMMA)
    items.append(right_basic(p))
    while p.take_if(COMMA):
        items.append(right_basic(p))
    return Flags(tuple(items), at=p.since(first.at))


def set_name(p: Parser) -> SetName:
    """`@blackhole`."""
    start = p.take().at
    name = p.expect(STRING)
    p.close("at")
    return SetName(name.text, at=p.since(start))


def set_reference(p: Parser, *also: str) -> Expression:
    """`@blackhole`, or a variable that has a set."""
    if p.next.kind == "'$'":
        return values.variable(p)
    if p.next.kind != "@":
        p.fail("@", "'$'", *also)
    return set_name(p)


def initializer(p: Parser) -> Expression:
    """What a variable is defined as."""
    start = p.next.at
    if p.take_if("-"):
        return Symbol("-" + p.expect(NUMBER).text, at=p.since(start))
    value = p.nested.braces(p, True) if p.next.kind == "'{'" else right(p)
    return flags(p, value) if p.next.kind == COMMA else value


# --- in statements ------------------------------------------------------------------------------------------


def statement_primary(p: Parser) -> Expression:
    """What may stand alone in what a statement takes."""
    kind = p.next.kind
    if kind == "'('":
        return _parentheses(p, statement_basic)
    if kind in values.KEYWORD_VALUES:
        return _field_or_word(p)
    make = _STATEMENT.get(kind)
    if make is None:
        p.fail()
    return make(p)


def _field_or_word(p: Parser) -> Expression:
    """`ip saddr` is a field, `ip` alone a word."""
    token = p.take()
    if token.kind in payload.FIELDS and p.next.kind in payload.FIELDS[token.kind][1].split():
        return payload.field_of(p, token.kind, token.at)
    scope = values.KEYWORD_VALUES[token.kind]
    if scope:
        p.close(scope)
    return Symbol(token.text, at=token.at)


def statement_basic(p: Parser, first: Part = statement_primary) -> Expression:
    """With operators."""
    return binary(p, first, statement_primary)


def statement_value(p: Parser, first: Part = statement_primary) -> Expression:
    """A value, range, prefix, list, concatenation, or what a map gives."""
    value = statement_basic(p, first)
    if p.next.kind in ("/", "-"):
        return _span(p, value, statement_basic)
    is_word = isinstance(value, Symbol) and p.last.kind not in (NUMBER, "')'")
    if is_word and p.next.kind == COMMA:
        return _statement_list(p, value)
    value = concatenated(p, value, statement_primary)
    if p.take_if("map"):
        found = p.nested.braces(p, False) if p.next.kind == "'{'" else set_reference(p, "'{'")
        return Lookup(value, found, at=p.since(value.at))
    return value


def _statement_list(p: Parser, first: Expression) -> Expression:
    items = [first]
    while p.take_if(COMMA):
        if p.next.kind in values.KEYWORD_VALUES:
            items.append(values.keyword_value(p))
        elif p.next.kind in (*values.WORDS, "'$'"):
            items.append(values.symbol(p))
        else:
            p.fail()
    return Flags(tuple(items), at=p.since(first.at))


_LEFT: Final[dict[str, Part]] = {
    **{kind: make for kind, make in primary.COMMON.items() if kind not in values.BOOLEANS},
    **dict.fromkeys(payload.EXTENSIONS, payload.extension),
    "exthdr": payload.extension_exists,
    "rt": primary.rt_of_both,
    "fib": primary.fib,
    "jhash": hashed,
    "symhash": hashed,
    "ipsec": _ipsec_or_meta,
}
_STATEMENT: Final[dict[str, Part]] = {**primary.COMMON, "jhash": hashed, "symhash": hashed}
_RIGHT: Final[dict[str, Part]] = {
    **dict.fromkeys((*values.WORDS, "'$'"), values.symbol),
    **dict.fromkeys(values.BOOLEANS, values.boolean),
    **dict.fromkeys(values.KEYWORD_VALUES, values.keyword_value),
    **dict.fromkeys(values.PROTOCOL_VALUES, values.protocol),
    "redirect": values.redirect,
    NUMBER: values.integer,
}
LEFT_STARTS: Final = frozenset((*_LEFT, "'('", "'{'"))
RIGHT_STARTS: Final = frozenset((*_RIGHT, "'('"))
