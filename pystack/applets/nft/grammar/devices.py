"""Where a chain or flow table hangs: its devices and its priority."""

from __future__ import annotations

from pystack.applets.nft.grammar import values
from pystack.applets.nft.grammar.parser import Parser
from pystack.applets.nft.grammar.words import natural
from pystack.applets.nft.lexer import COMMA, NEWLINE, NUMBER, QUOTED, STRING
from pystack.applets.nft.tree.commands import Priority
from pystack.applets.nft.tree.expressions import Expression, Flags, Symbol


def hook_devices(p: Parser) -> Expression | None:
    """`device eth0`, `devices = { eth0, eth1 }`, or nothing."""
    if word := p.take_if("device"):
        device = values.variable(p) if p.next.kind == "'$'" else None
        if device is None:
            token = p.expect(*values.WORDS, also=("'$'",))
            device = Symbol(token.text, token.kind == QUOTED, at=token.at)
        return Flags((device,), at=p.since(word.at))
    return device_list(p) if p.take_if("devices") else None


def device_list(p: Parser) -> Expression:
    """`= { eth0, eth1 }`."""
    p.expect("'='")
    if p.next.kind == "'$'":
        return values.variable(p)
    start = p.expect("'{'", also=("'$'",)).at
    items = [_device(p)]
    while p.take_if(COMMA):
        p.take_if(NEWLINE)
        if p.next.kind in (STRING, QUOTED, "'$'"):
            items.append(_device(p))
    p.expect("'}'", also=(COMMA,))
    return Flags(tuple(items), at=p.since(start))


def _device(p: Parser) -> Expression:
    if p.next.kind == "'$'":
        return values.variable(p)
    token = p.expect(STRING, QUOTED, also=("'$'",))
    return Symbol(token.text, token.kind == QUOTED, at=token.at)


def priority(p: Parser) -> Priority | Expression:
    """`priority filter + 10`, `priority -300`."""
    p.expect("priority")
    if p.next.kind == "'$'":
        return values.variable(p)
    if p.take_if("-"):
        return Priority(None, -natural(p))
    if p.next.kind == NUMBER:
        return Priority(None, natural(p))
    word = p.expect(STRING, "out", also=("-", NUMBER, "'$'"))
    sign = p.take_if("+", "-")
    offset = natural(p) if sign else 0
    return Priority(word.text, -offset if sign and sign.kind == "-" else offset)
