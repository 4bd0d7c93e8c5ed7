"""What any block may have: ends of lines, include, define."""

from __future__ import annotations

from pystack.applets.nft.grammar import expressions
from pystack.applets.nft.grammar.measure import refuse_immense
from pystack.applets.nft.grammar.parser import Parser
from pystack.applets.nft.lexer import NEWLINE, QUOTED, SEMICOLON, STRING


def separator(p: Parser) -> None:
    """The end of a line, or a semicolon."""
    p.expect(NEWLINE, SEMICOLON)


def common(p: Parser) -> bool:
    """Whether what comes next was one of these things."""
    word = p.take_if(NEWLINE, SEMICOLON, "include", "define", "redefine", "undefine")
    if word is None:
        return False
    if word.kind == "include":
        path = p.expect(QUOTED)
        separator(p)
        p.include(path.text, p.since(word.at))
    elif word.kind == "undefine":
        name = p.expect(STRING)
        separator(p)
        p.variables.undefine(name.text)
    elif word.kind in ("define", "redefine"):
        name = p.expect(STRING)
        p.expect("'='")
        value = expressions.initializer(p)
        separator(p)
        refuse_immense(value)
        if word.kind == "define":
            p.variables.define(name.text, value, name.at)
        else:
            p.variables.redefine(name.text, value)
    return True
