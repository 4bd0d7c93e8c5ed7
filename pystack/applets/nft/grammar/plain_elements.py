"""A way around the grammar for long lists of addresses and numbers, which need nothing of it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from pystack.applets.nft.grammar.parser import Parser
from pystack.applets.nft.place import Place
from pystack.applets.nft.tree.expressions import Element, Expression, Prefix, Range, Symbol

_OCTET: Final = "(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])"
_ADDRESS: Final = rf"{_OCTET}(?:\.{_OCTET}){{3}}"
_ADDRESSES: Final = rf"({_ADDRESS})(?:[ \t]*-[ \t]*({_ADDRESS})|/([1-9]?[0-9]))?"
_ELEMENT: Final = re.compile(rf"(\n?)[ \t]*(?:{_ADDRESSES}|([1-9][0-9]{{0,8}}))[ \t]*,[ \t]*")


def plain_elements(p: Parser) -> Iterator[Element]:
    """All that follow each other here, each with the comma behind it."""
    lexer = p.lexer_if_nothing_is_ahead()
    if lexer is None:
        return
    source, text = lexer.source, lexer.text
    while found := _ELEMENT.match(text, lexer.offset):
        newline, low, high, bits, digits = found.groups()
        if newline:
            lexer.begin_line(found.end(1))
        start, end = found.start(5) if digits else found.start(2), found.end(found.lastindex or 2)
        at = Place(source, lexer.line, start - lexer.line_start + 1, end - lexer.line_start)
        lexer.offset = found.end()
        yield Element(_key(low, high, bits, digits, at), at=at)


def _key(low: str, high: str | None, bits: str | None, digits: str | None, at: Place) -> Expression:
    if digits is not None:
        return Symbol(digits, at=at)
    if high is None and bits is None:
        return Symbol(low, at=at)
    first = Symbol(low, at=Place(at.source, at.line, at.first, at.first + len(low) - 1))
    if high is not None:
        return Range(
            first, Symbol(high, at=Place(at.source, at.line, at.last - len(high) + 1, at.last)), at=at
        )
    assert bits is not None
    return Prefix(first, int(bits), at=at)
