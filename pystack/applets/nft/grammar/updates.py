"""Sets that rules change: `update @set {…}`, and meters, the older way."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from pystack.applets.nft.grammar import actions, expressions, sets, stateful
from pystack.applets.nft.grammar.parser import Parser
from pystack.applets.nft.grammar.words import natural32
from pystack.applets.nft.lexer import COLON, STRING
from pystack.applets.nft.place import Place
from pystack.applets.nft.tree.expressions import Element, Expression, SetName
from pystack.applets.nft.tree.statements import Meter, SetUpdate, Statement

OPERATIONS: Final = ("add", "update", "delete")


def update(p: Parser) -> SetUpdate:
    """`update @set { ip saddr timeout 1m limit rate 3/second : 5 }`, the older `set update ip saddr @set`."""
    word = p.take()
    if word.kind == "set":
        operation = p.expect(*OPERATIONS).kind
        element = _key(p)
        target = expressions.set_reference(p)
        return SetUpdate(operation, _name(target), element, name_at=target.at, at=p.since(word.at))
    target = expressions.set_reference(p)
    p.expect("'{'")
    element = _key(p)
    statements: list[Statement] = []
    while p.next.kind in stateful.STATEMENTS:
        statements.append(stateful.stateful(p))
    if p.take_if(COLON):
        element = replace(element, data=_key(p).key)
    elif p.next.kind != "'}'":
        p.fail()
    p.expect("'}'")
    made = replace(element, statements=tuple(statements))
    return SetUpdate(word.kind, _name(target), made, name_at=target.at, at=p.since(word.at))


def _key(p: Parser) -> Element:
    """A key out of the packet, and its timeout."""
    start = p.next.at
    key = expressions.left_concatenation(p)
    return sets.options(p, key, p.since(start))


def _name(target: Expression) -> str:
    return target.name if isinstance(target, SetName) else ""


def meter(p: Parser) -> Meter:
    """`meter NAME size 100 { ip saddr limit rate 3/second }`."""
    start = p.take().at
    name = p.expect(STRING).text
    size = natural32(p) if p.take_if("size") else None
    if size is None and p.next.kind != "'{'":
        p.fail("size", "'{'")
    return _meter_body(p, start, name, size)


def _meter_body(p: Parser, start: Place, name: str, size: int | None) -> Meter:
    p.expect("'{'")
    p.enter()
    element = _key(p)
    statement = p.nested.statement(p)
    p.leave()
    p.expect("'}'")
    return Meter(name, replace(element, statements=(statement,)), size, at=p.since(start))


def flow(p: Parser) -> Statement:
    """`flow table NAME {…}` is a meter; `flow add @NAME` hands connections to a flow table."""
    start = p.take().at
    if p.next.kind != "table":
        return actions.flow(p)
    name = ""
    while p.take_if("table"):
        name = p.expect(STRING).text
    return _meter_body(p, start, name, None)
