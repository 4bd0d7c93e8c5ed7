"""What a command is about: family, table, and what is in it."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from pystack.applets.nft.grammar.parser import Parser
from pystack.applets.nft.grammar.words import family_if, natural
from pystack.applets.nft.lexer import STRING, Token
from pystack.applets.nft.tree.commands import Handle

DEFAULT_FAMILY: Final = "ip"


def table(p: Parser, name: Token | None = None) -> Handle:
    """`inet filter`; the name may have been read already."""
    start = p.next.at if name is None else name.at
    family = family_if(p) if name is None else ""
    name = name or p.expect(STRING)
    places = {"table": name.at}
    return Handle(family or DEFAULT_FAMILY, name.text, at=p.since(start), places=places)


def inside(p: Parser, kind: str, name: Token | None = None) -> Handle:
    """`inet filter input`: a chain, set or object of a table; `kind` names its place."""
    of = table(p, name)
    return named(p, of, kind)


def named(p: Parser, of: Handle, kind: str) -> Handle:
    """The name behind a table's."""
    token = p.expect(STRING)
    return replace(of, name=token.text, at=p.since(of.at), places={**of.places, kind: token.at})


def inside_or_handle(p: Parser, kind: str) -> Handle:
    """`inet filter input`, or `inet filter handle 3`."""
    of = table(p)
    if not p.take_if("handle"):
        if p.next.kind != STRING:
            p.fail("handle", STRING)
        return named(p, of, kind)
    return numbered(p, of)


def numbered(p: Parser, of: Handle) -> Handle:
    """The number behind `handle`."""
    number = natural(p)
    return replace(of, handle=number, at=p.since(of.at), places={**of.places, "handle": p.last.at})


def table_or_handle(p: Parser) -> Handle:
    """`inet filter`, or `inet handle 3`."""
    start = p.next.at
    family = family_if(p) or DEFAULT_FAMILY
    if p.take_if("handle"):
        return numbered(p, Handle(family, at=start))
    token = p.expect("handle", STRING)
    return Handle(family, token.text, at=p.since(start), places={"table": token.at})


def rule_position(p: Parser, name: Token | None = None) -> Handle:
    """A chain, and perhaps a rule in it next to which another comes."""
    chain = inside(p, "chain", name)
    word = p.take_if("position", "handle", "index")
    if word is None:
        return chain
    number = natural(p)
    if word.kind == "index":
        places = {**chain.places, "index": p.since(word.at)}
        return replace(chain, index=number, places=places, at=p.since(chain.at))
    at = p.last.at if word.kind == "handle" else p.since(word.at)
    return replace(chain, position=number, places={**chain.places, "position": at}, at=p.since(chain.at))


def rule_handle(p: Parser) -> Handle:
    """`inet filter input handle 4`."""
    chain = inside(p, "chain")
    p.expect("handle")
    return numbered(p, chain)


def everything(p: Parser) -> Handle:
    """A family, or nothing for all of them."""
    start = p.next.at
    family = family_if(p)
    return Handle(family, at=p.since(start) if family else start)
