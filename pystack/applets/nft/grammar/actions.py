"""What is done with a packet besides a verdict: log, reject, queue, dup, fwd, synproxy."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Final

from pystack.applets.nft.errors import NftError
from pystack.applets.nft.grammar import expressions, values
from pystack.applets.nft.grammar.parser import Parser
from pystack.applets.nft.grammar.words import natural
from pystack.applets.nft.lexer import COMMA, NUMBER, STRING
from pystack.applets.nft.place import Place
from pystack.applets.nft.tree.expressions import (
    Concatenation,
    Expression,
    Hash,
    Lookup,
    Numgen,
    Range,
    Symbol,
)
from pystack.applets.nft.tree.statements import (
    Dup,
    Forward,
    Log,
    ObjectUse,
    Queue,
    Refusal,
    Reject,
    Statement,
)

LOG_OPTIONS: Final = ("prefix", "group", "snaplen", "queue-threshold", "level", "flags")
LOG_LEVELS: Final = ("emerg", "alert", "crit", "err", "warn", "notice", "info", "debug", "audit")
LOG_FLAGS: Final = ("tcp sequence", "tcp options", "ip options", "skuid", "ether")
_NAME_AND_REST: Final = re.compile("([a-zA-Z0-9_]*)(.*)", re.DOTALL)
QUEUE_FLAGS: Final = ("bypass", "fanout")


def log(p: Parser) -> Log:
    """`log prefix "x" level info flags all`. Errors mark the first word alone."""
    start = p.take().at
    numbers: dict[str, int] = {}
    flags: set[str] = set()
    prefix = level = None
    while token := p.take_if(*LOG_OPTIONS):
        if token.kind == "prefix":
            prefix = log_prefix(p)
        elif token.kind == "level":
            level = _log_level(p)
        elif token.kind == "flags":
            flags |= _log_flags(p)
        else:
            numbers[token.kind] = natural(p)
    p.close("log")
    return Log(
        prefix,
        level,
        tuple(flag for flag in LOG_FLAGS if flag in flags) if flags < set(LOG_FLAGS) else ("all",),
        numbers.get("group"),
        numbers.get("snaplen"),
        numbers.get("queue-threshold"),
        at=start,
    )


def log_prefix(p: Parser) -> str:
    """A string; `$name` in it is what the variable was defined as."""
    token = p.expect(*values.WORDS)
    text, variables = "", token.text.split("$")
    for position, part in enumerate(variables):
        if position == 0:
            text = part
            continue
        found = _NAME_AND_REST.fullmatch(part)
        assert found is not None
        name, rest = found.groups()
        value = p.variables.get(name, token.at)
        text += (value.text if isinstance(value, Symbol) else "") + rest
    return text


def _log_level(p: Parser) -> str:
    token = p.expect(*values.WORDS)
    if token.text not in LOG_LEVELS:
        raise NftError(token.at, "invalid log level")
    return token.text


def _log_flags(p: Parser) -> set[str]:
    token = p.expect("tcp", "ip", "skuid", "ether", "all")
    if token.kind == "all":
        return set(LOG_FLAGS)
    if token.kind == "ip":
        p.expect("options")
        p.close("ip")
        return {"ip options"}
    if token.kind == "tcp":
        flags = {f"tcp {p.expect('seq', 'options').text}"}
        while p.take_if(COMMA):
            flags.add(f"tcp {p.expect('seq', 'options').text}")
        p.close("tcp")
        return flags
    if token.kind == "ether":
        p.close("eth")
    return {token.kind}


def reject(p: Parser) -> Reject:
    """`reject with icmpx port-unreachable`, `reject with tcp reset`."""
    start = p.take().at
    kind, code = "", None
    if p.take_if("with"):
        kind = p.expect("icmp", "icmpv6", "icmpx", "tcp").kind
        if kind == "tcp":
            p.close("tcp")
            p.expect("reset")
            p.close("reset")
            kind = "tcp reset"
        else:
            code = _reject_code(p, kind)
    p.close("reject")
    return Reject(kind, code, at=start)


def _reject_code(p: Parser, kind: str) -> Expression:
    """Behind the older `type` the scopes are closed, otherwise nft forgets to."""
    has_type = p.take_if("type") is not None
    token = p.expect(STRING, NUMBER, also=() if has_type else ("type",))
    if has_type:
        p.close("type")
        if kind != "icmpx":
            p.close("icmp")
    return Symbol(token.text, at=token.at)


def queue(p: Parser) -> Queue:
    """`queue flags bypass to 1-3`; the older `queue num 1-3 bypass`."""
    start = p.take().at
    at: Place | None = None
    to: Expression | None = None
    flags: set[str] = set()
    if p.take_if("flags"):
        flags |= _queue_flags(p)
        to = _queue_to(p) if p.expect("to", "num", also=(COMMA,)).kind == "to" else queue_numbers(p)
    elif p.take_if("to"):
        to = _queue_to(p)
    else:
        at = start
        while p.next.kind in ("num", *QUEUE_FLAGS):
            if word := p.take_if("num"):
                to = queue_numbers(p)
                to = replace(to, at=p.since(word.at))
            else:
                flags |= _queue_flags(p)
    at = at or p.since(start)
    p.close("queue")
    return Queue(to, tuple(flag for flag in QUEUE_FLAGS if flag in flags), at=at)


def _queue_flags(p: Parser) -> set[str]:
    flags = {p.expect(*QUEUE_FLAGS).kind}
    while p.take_if(COMMA):
        flags.add(p.expect(*QUEUE_FLAGS).kind)
    return flags


def queue_numbers(p: Parser) -> Expression:
    """A number, a variable, or a range of them."""
    low = _queue_number(p)
    if not p.take_if("-"):
        return low
    high = _queue_number(p)
    return Range(low, high, at=p.since(low.at))


def _queue_number(p: Parser) -> Expression:
    if p.next.kind == "'$'":
        return values.variable(p)
    if p.next.kind != NUMBER:
        p.fail(NUMBER, "'$'")
    return values.integer(p)


def _queue_to(p: Parser) -> Expression:
    """Numbers, or what makes one of a packet."""
    if p.next.kind in (NUMBER, "'$'"):
        return queue_numbers(p)
    to = expressions.left(p)
    if not isinstance(to, Lookup | Numgen | Hash):
        p.fail(*(() if isinstance(to, Concatenation) else (".",)), "map")
    return to


def dup(p: Parser) -> Dup:
    """`dup to 10.0.0.2 device eth1`."""
    start = p.take().at
    p.expect("to")
    to = expressions.statement_value(p)
    device = expressions.statement_value(p) if p.take_if("device") else None
    at = p.since(start)
    p.close("dup")
    return Dup(to, device, at=at)


def forward(p: Parser) -> Forward:
    """`fwd to eth1`, `fwd ip to 10.0.0.2 device eth1`."""
    start = p.take().at
    family = p.take_if("ip", "ip6")
    if family is not None:
        p.close(family.kind)
    p.expect("to", also=() if family else ("ip", "ip6"))
    value = expressions.statement_value(p)
    made = Forward(value)
    if family is not None:
        p.expect("device")
        made = Forward(expressions.statement_value(p), family.kind, value)
    at = p.since(start)
    p.close("fwd")
    return Forward(made.device, made.family, made.address, at=at)


def synproxy(p: Parser) -> Statement:
    """Known to nft, not modelled here."""
    start = p.take().at
    if p.take_if("name"):
        name = expressions.statement_value(p)
        p.close("synproxy")
        return ObjectUse("synproxy", name, at=p.since(start))
    while token := p.take_if("mss", "wscale", "timestamp", "sack-permitted"):
        if token.kind in ("mss", "wscale"):
            natural(p)
    p.close("synproxy")
    return Refusal("synproxy", at=p.since(start))


def flow(p: Parser) -> Statement:
    """`flow add @NAME`: known to nft, not modelled here."""
    start = p.last.at
    if p.next.kind not in ("offload", "add"):
        p.fail("table")
    p.take()
    p.expect("@")
    p.expect(*values.WORDS)
    p.close("at")
    return Refusal("flow add", at=p.since(start))
