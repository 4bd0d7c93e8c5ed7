"""Constants as a text has them: words, numbers, variables, verdicts."""

from __future__ import annotations

from typing import Final

from pystack.applets.nft.grammar.parser import Parser
from pystack.applets.nft.lexer import ASTERISK, NUMBER, QUOTED, STRING
from pystack.applets.nft.place import Place
from pystack.applets.nft.tree.expressions import Boolean, Expression, Symbol, Value, Verdict
from pystack.applets.nft.types import ICMP_TYPE, INET_PROTO

WORDS: Final = (STRING, QUOTED, ASTERISK)
BOOLEANS: Final = {"exists": True, "missing": False}

# Words of the language that are values, too, and the scope that they open.
KEYWORD_VALUES: Final = {
    "ether": "eth", "ip": "ip", "ip6": "ip6", "vlan": "vlan", "arp": "arp", "dnat": "nat", "snat": "nat",
    "ecn": "", "reset": "reset", "original": "", "reply": "", "label": "",
}  # fmt: skip
# Names of protocols on the right of a match: number and scope; igmp's is left open, as nft leaves it.
PROTOCOL_VALUES: Final = {
    "tcp": (6, "tcp"), "udp": (17, "udp"), "udplite": (136, "udplite"), "esp": (50, "esp"), "ah": (51, "ah"),
    "icmp": (1, "icmp"), "igmp": (2, ""), "icmpv6": (58, "icmp"), "comp": (108, "comp"), "dccp": (33, "dccp"),
    "sctp": (132, "sctp"),
}  # fmt: skip
ICMP_REDIRECT: Final = 5
VERDICTS: Final = ("accept", "drop", "continue", "jump", "goto", "return")


def variable(p: Parser) -> Expression:
    """`$name`: what it was defined as."""
    p.expect("'$'")
    name = p.expect(STRING)
    return p.variables.get(name.text, name.at)


def symbol(p: Parser) -> Expression:
    """A word or a variable."""
    if p.next.kind == "'$'":
        return variable(p)
    token = p.expect(*WORDS, also=("'$'",))
    return Symbol(token.text, token.kind == QUOTED, at=token.at)


def integer(p: Parser) -> Symbol:
    """A number."""
    token = p.expect(NUMBER)
    return Symbol(token.text, at=token.at)


def keyword_value(p: Parser) -> Symbol:
    """A word of the language that is meant as a value."""
    token = p.take()
    scope = KEYWORD_VALUES[token.kind]
    if scope:
        p.close(scope)
    return Symbol(token.text, at=token.at)


def protocol(p: Parser) -> Value:
    """A protocol's name, which nft takes for its number at once, whatever it is held against."""
    token = p.take()
    number, scope = PROTOCOL_VALUES[token.kind]
    if scope:
        p.close(scope)
    return Value(bytes((number,)), INET_PROTO, at=token.at)


def redirect(p: Parser) -> Value:
    """The ICMP type of that name."""
    token = p.take()
    p.close("nat")
    return Value(bytes((ICMP_REDIRECT,)), ICMP_TYPE, at=token.at)


def boolean(p: Parser) -> Boolean:
    """`exists` or `missing`."""
    token = p.take()
    return Boolean(BOOLEANS[token.kind], at=token.at)


def verdict(p: Parser) -> Verdict:
    """accept, drop, continue, return; jump and goto with a chain's name."""
    word = p.take()
    if word.kind not in ("jump", "goto"):
        return Verdict(word.kind, at=word.at)
    return jump(p, word.kind, word.at)


def jump(p: Parser, kind: str, start: Place) -> Verdict:
    """What is behind `jump` and `goto`."""
    if p.next.kind == "'$'":
        name = variable(p)
        text, chain_at = name.text if isinstance(name, Symbol) else "", name.at
    else:
        token = p.expect(STRING, also=("'$'",))
        text, chain_at = token.text, token.at
    return Verdict(kind, text, chain_at, at=p.since(start))
