"""Rules: their statements in order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pystack.applets.nft.errors import NftError
from pystack.applets.nft.grammar import (
    actions,
    expressions,
    nat,
    payload,
    primary,
    sets,
    stateful,
    updates,
    values,
)
from pystack.applets.nft.grammar.parser import Parser
from pystack.applets.nft.grammar.words import comment
from pystack.applets.nft.lexer import COMMA, NEWLINE, NUMBER, SEMICOLON, STRING
from pystack.applets.nft.place import Place
from pystack.applets.nft.tree.commands import RuleText
from pystack.applets.nft.tree.expressions import (
    Ct,
    Expression,
    Lookup,
    Meta,
    Payload,
    RawPayload,
    TcpOption,
    Verdict,
)
from pystack.applets.nft.tree.statements import (
    Assign,
    Decide,
    Match,
    Notrack,
    ObjectUse,
    Reset,
    Statement,
)

OPERATORS: Final = ("==", "!=", "<", ">", "<=", ">=", "!")
CT_OBJECTS: Final = {"helper": "ct helper", "timeout": "ct timeout", "expectation": "ct expectation"}


def rule(p: Parser) -> RuleText:
    """Statements, and a comment at the end."""
    start = p.next.at
    statements = [statement(p)]
    while p.next.kind in STATEMENT_STARTS:
        statements.append(statement(p))
    at = p.since(start)
    remark = comment(p) if p.take_if("comment") else ""
    return RuleText(tuple(statements), remark, at=at)


def statement(p: Parser) -> Statement:
    """One statement, which its first word tells."""
    make = _STATEMENTS.get(p.next.kind)
    return make(p) if make is not None else _match(p)


# --- matches ------------------------------------------------------------------------------------------------


def _match(p: Parser) -> Statement:
    """`FIELD VALUE`; also `FIELD set VALUE` and `FIELD vmap {…}`, which begin alike."""
    start = p.next.at
    left = expressions.left(p)
    if p.next.kind == "vmap" and not isinstance(left, Lookup):
        return _verdict_map(p, left)
    if p.next.kind == "set" and _may_be_set(left):
        p.take()
        value = expressions.statement_value(p)
        return Assign(left, value, at=p.since(start))
    return _relation(p, left)


def _may_be_set(left: Expression) -> bool:
    """Fields are; of meta those keys that need not that word."""
    return isinstance(left, Payload | RawPayload | TcpOption | Meta)


def _verdict_map(p: Parser, key: Expression) -> Decide:
    p.take()
    found = sets.verdict_braces(p) if p.next.kind == "'{'" else expressions.set_reference(p, "'{'")
    at = p.since(key.at)
    return Decide(Lookup(key, found, is_verdict=True, at=at), at=at)


def _relation(p: Parser, left: Expression) -> Match:
    """What is behind the left of a match."""
    token = p.take_if(*OPERATORS)
    operator = token.kind if token else ""
    if p.next.kind in ("'{'", "@"):
        right = expressions.right(p)
    else:
        right = expressions.right_basic(p)
        has_list = p.next.kind == COMMA
        if has_list:
            right = expressions.flags(p, right)
        if p.next.kind == "/":
            p.take()
            if has_list or p.next.kind != NUMBER:
                mask = expressions.right_list(p)
                return Match(left, right, operator, mask, at=p.since(left.at))
            right = expressions.prefix(p, right)
        if not has_list:
            right = expressions.right_concatenation(p, right)
    at = token.at if token else p.since(left.at)
    return Match(left, right, operator, at=at, whole=p.since(left.at))


# --- statements whose first word also begins a match --------------------------------------------------------


def _meta(p: Parser) -> Statement:
    start = p.take().at
    key = primary.meta_key(p)
    at = p.since(start)
    if p.take_if("set"):
        value = expressions.statement_value(p)
        p.close("meta")
        if key.kind == "secmark" and not isinstance(value, Ct):
            return ObjectUse("secmark", value, at=p.since(start))
        target = primary.named_meta(key, p.since(start) if key.kind == STRING else at)
        return Assign(target, value, at=p.since(start))
    p.close("meta")
    return _match_of(p, primary.named_meta(key, at))


def _ct(p: Parser) -> Statement:
    start = p.take().at
    if p.take_if("count"):
        return stateful.conn_limit_amount(p, start)
    if token := p.take_if("timeout", "expectation"):
        p.expect("set")
        return _ct_object(p, token.kind, start)
    key = primary.ct_key(p, start)
    is_settable = not key.direction or key.key in primary.CT_DIRECTED
    if is_settable and p.take_if("set"):
        if key.key == "helper" and not key.direction:
            return _ct_object(p, key.key, start)
        value = expressions.statement_value(p)
        p.close("ct")
        return Assign(key, value, at=p.since(start))
    p.close("ct")
    return _match_of(p, key)


def _ct_object(p: Parser, kind: str, start: Place) -> ObjectUse:
    name = expressions.statement_value(p)
    p.close("ct")
    return ObjectUse(CT_OBJECTS[kind], name, at=p.since(start))


def _match_of(p: Parser, first: Expression) -> Statement:
    """A match of which the first expression is there already."""
    left = expressions.left(p, expressions.ready(first))
    if p.next.kind == "vmap" and not isinstance(left, Lookup):
        return _verdict_map(p, left)
    return _relation(p, left)


def _verdict(p: Parser) -> Statement:
    word = p.take()
    if word.kind in ("jump", "goto"):
        if p.next.kind == "'{'":
            return _inner_chain(p, word.kind, word.at)
        if p.next.kind not in ("'$'", STRING):
            p.fail("'{'")  # which is what nft's tables expect once the others are not there
        verdict = values.jump(p, word.kind, word.at)
    else:
        verdict = Verdict(word.kind, at=word.at)
    return Decide(verdict, at=verdict.at)


def _inner_chain(p: Parser, kind: str, start: Place) -> Statement:
    """`jump { … }`: a chain without a name."""
    p.open_block()
    p.take()
    rules: list[RuleText] = []
    p.enter()
    while not p.take_if("'}'"):
        if p.take_if(NEWLINE, SEMICOLON):
            continue
        written = rule(p)
        p.expect(NEWLINE, SEMICOLON)
        rules.append(written)
    p.leave()
    p.variables.close()
    at = p.since(start)
    return Decide(Verdict(kind, rules=tuple(rules), at=at), at=at)


def _notrack(p: Parser) -> Notrack:
    return Notrack(at=p.take().at)


def _reset(p: Parser) -> Reset:
    """`reset tcp option sack-perm`."""
    start = p.take().at
    p.expect("tcp")
    option_at = p.expect("option").at
    option = payload.tcp_option_name(p)
    p.close("tcp")
    return Reset(TcpOption(option, at=p.since(option_at)), at=p.since(start))


def _xt(p: Parser) -> Statement:
    start = p.take().at
    p.expect(STRING)
    p.expect(STRING)
    raise NftError(
        p.since(start), "unsupported xtables compat expression, use iptables-nft with this ruleset"
    )


_STATEMENTS: Final[dict[str, Callable[[Parser], Statement]]] = {
    **dict.fromkeys(values.VERDICTS, _verdict),
    **dict.fromkeys(("add", "update", "delete", "set"), updates.update),
    **dict.fromkeys(("snat", "dnat"), nat.nat),
    "meta": _meta,
    "ct": _ct,
    "counter": stateful.counter,
    "limit": stateful.limit,
    "quota": stateful.quota,
    "log": actions.log,
    "reject": actions.reject,
    "masquerade": nat.masquerade,
    "redirect": nat.redirect,
    "tproxy": nat.tproxy,
    "queue": actions.queue,
    "dup": actions.dup,
    "fwd": actions.forward,
    "notrack": _notrack,
    "synproxy": actions.synproxy,
    "meter": updates.meter,
    "flow": updates.flow,
    "reset": _reset,
    "xt": _xt,
}
STATEMENT_STARTS: Final = frozenset(_STATEMENTS) | expressions.LEFT_STARTS
