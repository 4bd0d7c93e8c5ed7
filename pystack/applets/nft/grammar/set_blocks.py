"""Declarations of sets and maps."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from pystack.applets.nft.errors import NftError
from pystack.applets.nft.grammar import expressions, sets, stateful, values
from pystack.applets.nft.grammar.common import common, separator
from pystack.applets.nft.grammar.parser import Parser
from pystack.applets.nft.grammar.words import comment, duration, natural32, once
from pystack.applets.nft.lexer import COLON, COMMA, NEWLINE, SEMICOLON, STRING
from pystack.applets.nft.place import Place
from pystack.applets.nft.tree.commands import SetText
from pystack.applets.nft.tree.expressions import (
    Concatenation,
    Element,
    Elements,
    Expression,
    Symbol,
)
from pystack.applets.nft.tree.statements import Statement
from pystack.applets.nft.types import TYPES

FLAGS: Final = ("constant", "interval", "timeout", "dynamic")
FLAG_ORDER: Final = ("constant", "dynamic", "interval", "timeout")  # as they are listed
TYPE_WORDS: Final = ("mark", "dscp", "ecn", "classid")  # names of types that are words of the language, too
OBJECT_TYPES: Final = ("counter", "quota", "limit", "secmark", "synproxy")
UNSERIALIZED: Final[dict[type[Expression], str]] = {Symbol: "symbol"}


@dataclass(slots=True)
class _Set:
    name: str
    is_map: bool
    key: tuple[str, ...] | Expression = ()
    data: tuple[str, ...] | Expression | str | None = None
    data_interval: bool = False
    flags: set[str] = field(default_factory=set)
    timeout: int | None = None
    gc_interval: int | None = None
    size: int | None = None
    policy: str = ""
    auto_merge: bool = False
    statements: list[Statement] = field(default_factory=list)
    elements: tuple[Element, ...] | None = None
    misgiven: Expression | None = None
    comment: str = ""
    places: dict[str, Place] = field(default_factory=dict)


def set_block(
    p: Parser, name: str, at: Place | None, is_map: bool, after: Callable[[], None] = lambda: None
) -> SetText:
    """What the braces hold; without a place of its own a set is where they are."""
    made = _Set(name, is_map)
    brace = p.expect("'{'").at
    inside = p.lines(brace, lambda: _line(p, made), after)
    return SetText(
        name,
        made.key,
        made.data,
        made.data_interval,
        is_map and made.data is not None,
        tuple(flag for flag in FLAG_ORDER if flag in made.flags),
        made.timeout,
        made.gc_interval,
        made.size,
        made.policy,
        made.auto_merge,
        tuple(made.statements),
        made.elements,
        made.comment,
        made.misgiven,
        at=at or inside,
        places=made.places,
    )


def _line(p: Parser, made: _Set) -> None:
    if common(p):
        return
    word = p.next
    if word.kind in stateful.STATEMENTS:
        statements = [stateful.stateful(p)]
        while p.next.kind in stateful.STATEMENTS:
            statements.append(stateful.stateful(p))
        if p.next.kind not in (NEWLINE, SEMICOLON):
            p.fail()
        p.take()
        made.statements += statements
        return
    allowed = _LINES if made.is_map else {**_LINES, **_OF_SETS}
    read = allowed.get(word.kind)
    if read is None:
        p.fail()
    p.take()
    read(p, made)
    made.places[word.kind] = p.since(word.at)


def _type(p: Parser, made: _Set) -> None:
    key, data, is_interval = _types(p), made.data, False
    if made.is_map:
        p.expect(COLON, also=(".",))
        data, is_interval = _data_type(p)
    if isinstance(data, str) and data in OBJECT_TYPES:
        separator(p)
    else:
        p.expect(NEWLINE, SEMICOLON, also=(".",))
    p.close("type")
    made.key, made.data, made.data_interval = key, data, is_interval  # only now: else there is no type at all


def _data_type(p: Parser) -> tuple[tuple[str, ...] | str, bool]:
    """And whether intervals of it may stand there."""
    if token := p.take_if(*OBJECT_TYPES):
        p.close(token.kind)
        return token.kind, False
    is_interval = p.take_if("interval") is not None
    names = _types(p)
    return "verdict" if names == ("verdict",) else names, is_interval


def _types(p: Parser) -> tuple[str, ...]:
    names = [_type_name(p)]
    while p.take_if("."):
        names.append(_type_name(p))
    return tuple(names)


def _type_name(p: Parser) -> str:
    token = p.expect(STRING, "time", *TYPE_WORDS)
    if token.text not in TYPES:
        raise NftError(token.at, f"unknown datatype {token.text}")
    return token.text


def _typeof(p: Parser, made: _Set) -> None:
    key, data, is_interval = _typeof_key(p), made.data, False
    if made.is_map:
        p.expect(COLON, also=(".",))
        is_interval = p.take_if("interval") is not None
        data = _typeof_key(p) if is_interval else _typeof_data(p)
    has_more = not made.is_map or is_interval
    p.expect(NEWLINE, SEMICOLON, also=(".",) if has_more else ())
    made.key, made.data, made.data_interval = key, data, is_interval


def _typeof_key(p: Parser, first: Expression | None = None) -> Expression:
    parts = [first or expressions.left_primary(p)]
    _serialized(parts[0], "primary expression")
    while p.take_if("."):
        parts.append(expressions.left_primary(p))
    return parts[0] if len(parts) == 1 else Concatenation(tuple(parts), at=p.since(parts[0].at))


def _typeof_data(p: Parser) -> Expression | str:
    first = expressions.left_primary(p)
    if p.next.kind == ".":
        return _typeof_key(p, first)
    if isinstance(first, Symbol) and first.text == "verdict":
        return "verdict"
    _serialized(first, "map data")
    return first


def _serialized(expression: Expression, words: str) -> None:
    kind = UNSERIALIZED.get(type(expression))
    if kind is not None:
        raise NftError(expression.at, f"{words} type '{kind}' lacks typeof serialization")


def _flags(p: Parser, made: _Set) -> None:
    flags = {p.expect(*FLAGS).kind}
    while p.take_if(COMMA):
        flags.add(p.expect(*FLAGS).kind)
    p.expect(NEWLINE, SEMICOLON, also=(COMMA,))
    made.flags = made.flags | flags if made.is_map else flags


def _timeout(p: Parser, made: _Set) -> None:
    timeout = duration(p)
    separator(p)
    made.timeout = timeout


def _gc_interval(p: Parser, made: _Set) -> None:
    gc_interval = duration(p)
    separator(p)
    made.gc_interval = gc_interval


def _size(p: Parser, made: _Set) -> None:
    made.size = natural32(p)
    separator(p)


def _policy(p: Parser, made: _Set) -> None:
    made.policy = p.expect("performance", "memory").kind
    p.close("policy")
    separator(p)


def _auto_merge(_: Parser, made: _Set) -> None:
    made.auto_merge = True


def _comment(p: Parser, made: _Set) -> None:
    word = p.last.at
    text, at = comment(p), p.since(word)
    separator(p)
    made.comment = once(made.comment, text, at)


def _elements(p: Parser, made: _Set) -> None:
    p.expect("'='")
    given = elements(p)
    if isinstance(given, Elements):
        made.elements, made.misgiven = given.items, None
        return
    made.misgiven = given


def elements(p: Parser) -> Expression:
    """Braces, or a variable that has them."""
    if p.next.kind == "'$'":
        return values.variable(p)
    if p.next.kind != "'{'":
        p.fail("'{'", "'$'")
    return sets.braces(p)


_LINES: Final = {
    "type": _type,
    "typeof": _typeof,
    "flags": _flags,
    "timeout": _timeout,
    "size": _size,
    "policy": _policy,
    "comment": _comment,
    "elements": _elements,
}
_OF_SETS: Final = {"gc-interval": _gc_interval, "auto-merge": _auto_merge}
