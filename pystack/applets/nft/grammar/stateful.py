"""Statements that count: counter, limit, quota, ct count. Sets and their elements may have some of them."""

from __future__ import annotations

from typing import Final

from pystack.applets.nft.errors import NftError
from pystack.applets.nft.grammar import expressions
from pystack.applets.nft.grammar.parser import Parser
from pystack.applets.nft.grammar.words import TIME_UNITS, data_unit, natural
from pystack.applets.nft.lexer import NUMBER, STRING
from pystack.applets.nft.place import Place
from pystack.applets.nft.tree.statements import ConnLimit, Counter, Limit, ObjectUse, Quota, Statement

STATEMENTS: Final = ("counter", "limit", "quota", "ct")


def stateful(p: Parser) -> Statement:
    """Any of them."""
    kind = p.next.kind
    if kind == "ct":
        return conn_limit(p)
    return {"counter": counter, "limit": limit, "quota": quota}[kind](p)


def of_element(p: Parser) -> Statement:
    """One that an element may have; not by name."""
    if p.next.kind == "counter":
        return _element_counter(p)
    return limit(p, of_element=True) if p.next.kind == "limit" else conn_limit(p)


def _element_counter(p: Parser) -> Counter:
    start = p.take().at
    packets = octets = 0
    if p.take_if("packets"):
        packets = natural(p)
        p.expect("bytes")
        octets = natural(p)
    p.close("counter")
    return Counter(packets, octets, at=p.since(start))


def counter(p: Parser) -> Statement:
    """`counter`, `counter packets 3 bytes 180`, `counter name "http"`. Errors mark the first word alone."""
    start = p.take().at
    if p.take_if("name"):
        name = expressions.statement_value(p)
        used = ObjectUse("counter", name, at=p.since(start))
        while p.take_if("packets", "bytes"):
            natural(p)
        p.close("counter")
        return used
    counts = {"packets": 0, "bytes": 0}
    while token := p.take_if("packets", "bytes"):
        counts[token.kind] = natural(p)
    p.close("counter")
    return Counter(counts["packets"], counts["bytes"], at=start)


def limit(p: Parser, of_element: bool = False) -> Statement:
    """`limit rate over 10 mbytes/second burst 5 packets`, `limit name "x"`."""
    start = p.take().at
    word = p.expect(*(("rate",) if of_element else ("rate", "name")))
    if word.kind == "name":
        name = expressions.statement_value(p)
        p.close("limit")
        return ObjectUse("limit", name, at=p.since(start))
    made = rate(p, start, "limit burst" if of_element else "packet limit burst")
    p.close("limit")
    return made


def rate(p: Parser, start: Place, burst_words: str = "") -> Limit:
    """What is behind `rate`; `burst_words` where a burst of zero packets is refused."""
    mode = p.take_if("over", "until")
    over = mode is not None and mode.kind == "over"
    first = p.expect(NUMBER)
    value, in_octets = int(first.text), True
    unit = p.expect("/", STRING, "bytes")
    if unit.kind == "/":
        in_octets = False
    elif unit.kind == "bytes" or "/" not in unit.text:
        if p.next.kind != "/" and unit.kind == STRING:
            raise NftError(p.since(first.at), "wrong rate format")
        value *= data_unit(unit.text, p.since(first.at))
        p.expect("/")
    if unit.kind == STRING and "/" in unit.text:
        value *= data_unit(unit.text, p.since(first.at))
        time = unit.text.partition("/")[2]
        if time not in TIME_UNITS:
            raise NftError(p.since(first.at), "Wrong rate format")
    else:
        time = p.expect(*TIME_UNITS).kind
    burst = _burst(p, in_octets, burst_words)
    return Limit(value, time, burst, over, in_octets, at=p.since(start))


def _burst(p: Parser, in_octets: bool, words: str) -> int | None:
    if not p.take_if("burst"):
        return None
    start = p.last.at
    amount, amount_at = natural(p), p.last.at
    if in_octets:
        unit = p.expect("bytes", STRING)
        return amount * data_unit(unit.text, p.since(amount_at))
    p.expect("packets")
    if amount == 0 and words:
        raise NftError(p.since(start), f"{words} must be > 0")
    return amount


def quota(p: Parser) -> Statement:
    """`quota over 25 mbytes used 3 bytes`, `quota name "x"`."""
    start = p.take().at
    if p.take_if("name"):
        name = expressions.statement_value(p)
        p.close("quota")
        return ObjectUse("quota", name, at=p.since(start))
    made = quota_amount(p, start)
    p.close("quota")
    return made


def quota_amount(p: Parser, start: Place) -> Quota:
    """The numbers of a quota."""
    mode = p.take_if("over", "until")
    octets, unit = natural(p), p.expect("bytes", STRING)
    used, used_at = 0, None
    if token := p.take_if("used"):
        used, used_unit = natural(p), p.expect("bytes", STRING)
        used_at = p.since(token.at)
        used = used * data_unit(used_unit.text, used_at) & 0xFFFFFFFFFFFFFFFF
    at = p.since(start)
    octets = octets * data_unit(unit.text, at) & 0xFFFFFFFFFFFFFFFF
    return Quota(octets, used, mode is not None and mode.kind == "over", at=at)


def conn_limit(p: Parser) -> Statement:
    """`ct count over 20`."""
    start = p.take().at
    p.expect("count")
    return conn_limit_amount(p, start)


def conn_limit_amount(p: Parser, start: Place) -> ConnLimit:
    """What is behind `ct count`."""
    over = p.take_if("over") is not None
    amount = int(p.expect(NUMBER, also=() if over else ("over",)).text)
    p.close("ct")
    return ConnLimit(amount, over, at=p.since(start))
