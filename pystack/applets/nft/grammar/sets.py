"""Elements of sets and maps, in braces."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pystack.applets.nft.errors import NftError
from pystack.applets.nft.grammar import expressions, stateful, values
from pystack.applets.nft.grammar.measure import ELEMENTS_MAX
from pystack.applets.nft.grammar.parser import Parser
from pystack.applets.nft.grammar.plain_elements import plain_elements
from pystack.applets.nft.grammar.words import comment, duration, once
from pystack.applets.nft.lexer import COLON, COMMA, NEWLINE
from pystack.applets.nft.place import Place
from pystack.applets.nft.tree.expressions import Anything, Element, Elements, Expression
from pystack.applets.nft.tree.statements import Statement

STATEMENTS: Final = ("counter", "limit", "ct")
OPTIONS: Final = ("timeout", "expires", "comment")
_STARTS: Final = expressions.RIGHT_STARTS | {"*"}
Member = Callable[[Parser], Element]


def braces(p: Parser, may_be_empty: bool = False) -> Elements:
    """`{ 22, 80 : accept }`; only a variable may be an empty set."""
    return _braces(p, member, may_be_empty)


def verdict_braces(p: Parser) -> Elements:
    """`{ 22 : accept }` behind `vmap`."""
    return _braces(p, verdict_member, may_be_empty=False)


def _braces(p: Parser, read: Member, may_be_empty: bool) -> Elements:
    start = p.expect("'{'").at
    items: list[Element] = []
    if may_be_empty and p.take_if("'}'"):
        return Elements((), at=p.since(start))
    p.enter()
    is_map = read is verdict_member
    plain, starts = (_nothing, _STARTS) if is_map else (plain_elements, _STARTS | {"'{'"})
    items.extend(plain(p))
    is_behind_comma = bool(items)
    while True:
        p.take_if(NEWLINE)
        if p.next.kind in starts or not is_behind_comma:
            _add(items, read(p))
            p.take_if(NEWLINE)
        if not p.take_if(COMMA):
            break
        is_behind_comma = True
        items.extend(plain(p))
    p.leave()
    p.expect("'}'", also=(COMMA,))
    return Elements(tuple(items), at=p.since(start))


def _nothing(_: Parser) -> tuple[Element, ...]:
    return ()


def _add(items: list[Element], item: Element) -> None:
    """A set inside a set is its elements."""
    if isinstance(item.key, Elements) and item == Element(item.key):
        if len(items) + len(item.key.items) > ELEMENTS_MAX:
            raise NftError(item.at, "memory exhausted")
        items.extend(item.key.items)
    else:
        items.append(item)


def member(p: Parser) -> Element:
    """`KEY`, `KEY : DATA`, or another set."""
    if p.next.kind == "'{'":
        inner = braces(p)
        return Element(inner, at=inner.at)
    item = element(p)
    if not p.take_if(COLON):
        return item
    data = values.verdict(p) if p.next.kind in values.VERDICTS else expressions.right_concatenation(p)
    return with_data(item, data)


def verdict_member(p: Parser) -> Element:
    """`KEY : VERDICT`."""
    item = element(p)
    p.expect(COLON)
    if p.next.kind not in values.VERDICTS:
        p.fail()
    return with_data(item, values.verdict(p))


def with_data(item: Element, data: Expression) -> Element:
    """An element of a map."""
    return Element(item.key, data, item.timeout, item.expires, item.comment, item.statements, at=item.at)


def element(p: Parser) -> Element:
    """A key with what belongs to it: `10.0.0.1 counter timeout 1m comment "x"`."""
    start = p.next.at
    token = p.take_if("*")
    key: Expression = Anything(at=token.at) if token else expressions.right_concatenation(p)
    at = p.since(start)
    statements: list[Statement] = []
    while p.next.kind in STATEMENTS:
        statements.append(stateful.of_element(p))
    return options(p, key, at, tuple(statements))


def options(p: Parser, key: Expression, at: Place, statements: tuple[Statement, ...] = ()) -> Element:
    """What may stand behind a key: its timeout, when it expires, a comment.

    A key from a variable stands where the name of that is written.
    """
    timeout: int | None = None
    expires: int | None = None
    remark = ""
    while token := p.take_if(*OPTIONS):
        if token.kind == "timeout":
            timeout = duration(p)
        elif token.kind == "expires":
            expires = duration(p)
        else:
            text = comment(p)
            remark = once(remark, text, p.since(token.at))
    return Element(key, None, timeout, expires, remark, statements, at=at)
