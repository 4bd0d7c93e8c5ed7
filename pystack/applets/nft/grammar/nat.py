"""snat, dnat, masquerade, redirect and tproxy. But for the last, errors mark the first word alone."""

from __future__ import annotations

from typing import Final

from pystack.applets.nft.grammar import payload
from pystack.applets.nft.grammar.expressions import Part, ready, statement_primary, statement_value
from pystack.applets.nft.grammar.parser import Parser
from pystack.applets.nft.lexer import COLON, COMMA
from pystack.applets.nft.tree.expressions import Symbol
from pystack.applets.nft.tree.statements import Nat, Statement

FLAGS: Final = ("random", "fully-random", "persistent")


def nat(p: Parser) -> Nat:
    """`snat ip to 10.0.0.1-10.0.0.9:1024-2048 random`."""
    word = p.take()
    family, first = _family(p)
    mode = p.take_if("interval", "prefix", *(("addr",) if family else ())) if first is None else None
    kind = mode.kind if mode else ""
    if kind == "addr":
        p.expect(".")
        p.expect("port")
    if family or mode:
        p.expect("to", also=() if mode else ("interval", "addr", "prefix"))
    elif first is None:
        p.take_if("to")
    address = port = None
    if family or mode or p.next.kind != COLON or first:
        address = statement_value(p, first or statement_primary)
    if not mode and p.take_if(COLON):
        port = statement_value(p)
    flags: tuple[str, ...] = ()
    while p.next.kind in FLAGS:
        flags = _flags(p)
    p.close("nat")
    modes = [kind == mode for mode in ("prefix", "interval", "addr")]
    return Nat(word.kind, address, port, flags, family, *modes, at=word.at)


def _family(p: Parser) -> tuple[str, Part | None]:
    """`ip` is a family; but it may also begin the address, `ip saddr map {…}`."""
    token = p.take_if("ip", "ip6")
    if token is None:
        return "", None
    if p.next.kind in payload.FIELDS[token.kind][1].split():
        return "", ready(payload.field_of(p, token.kind, token.at))
    p.close(token.kind)
    if p.next.kind in ("to", "interval", "addr", "prefix"):
        return token.kind, None
    return "", ready(Symbol(token.text, at=token.at))


def _flags(p: Parser) -> tuple[str, ...]:
    flags = [p.expect(*FLAGS).kind]
    while p.take_if(COMMA):
        flags.append(p.expect(*FLAGS).kind)
    return tuple(flag for flag in FLAGS if flag in flags)


def masquerade(p: Parser) -> Nat:
    """`masquerade to :1024-2048 random`."""
    word = p.take()
    port = None
    if p.take_if("to"):
        p.expect(COLON)
        port = statement_value(p)
    flags = _flags(p) if p.next.kind in FLAGS else ()
    p.close("nat")
    return Nat("masquerade", None, port, flags, at=word.at)


def redirect(p: Parser) -> Nat:
    """`redirect to :80`; the colon may be left out."""
    word = p.take()
    port = None
    if p.take_if("to"):
        p.take_if(COLON)
        port = statement_value(p)
    flags = _flags(p) if p.next.kind in FLAGS else ()
    p.close("nat")
    return Nat("redirect", None, port, flags, at=word.at)


def tproxy(p: Parser) -> Statement:
    """`tproxy ip to 127.0.0.1:50080`."""
    word = p.take()
    family = p.take_if("ip", "ip6")
    if family is not None:
        p.close(family.kind)
    p.expect("to", also=() if family else ("ip", "ip6"))
    address = port = None
    if p.take_if(COLON):
        port = statement_value(p)
    else:
        address = statement_value(p)
        port = statement_value(p) if p.take_if(COLON) else None
    at = p.since(word.at)
    p.close("tproxy")
    return Nat("tproxy", address, port, family=family.kind if family else "", at=at)
