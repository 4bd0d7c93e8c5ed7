"""Named objects: counters, quotas, limits, helpers and timeouts of connections; and flow tables, which are
refused.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Final

from pystack.applets.nft.errors import NftError
from pystack.applets.nft.grammar import stateful
from pystack.applets.nft.grammar.common import common, separator
from pystack.applets.nft.grammar.devices import device_list, priority
from pystack.applets.nft.grammar.parser import Parser
from pystack.applets.nft.grammar.values import WORDS
from pystack.applets.nft.grammar.words import comment, duration, family_if, natural, once
from pystack.applets.nft.lexer import COLON, COMMA, NEWLINE, NUMBER, QUOTED, SEMICOLON, STRING
from pystack.applets.nft.place import Place
from pystack.applets.nft.tree.commands import ObjectText
from pystack.applets.nft.tree.statements import Counter, Statement

STARTS: Final = ("counter", "quota", "ct", "limit", "secmark", "synproxy", "flowtable")
CT_KINDS: Final = ("helper", "timeout", "expectation")
HELPER_NAME_MAX: Final = 15
# What the lines of a block begin with, besides what any block may have.
CONFIG_STARTS: Final = {
    "counter": ("packets",),
    "quota": ("over", "until", NUMBER),
    "limit": ("rate",),
    "ct helper": ("type", "l3proto"),
    "ct timeout": ("protocol", "policy", "l3proto"),
    "ct expectation": ("protocol", "dport", "timeout", "size", "l3proto"),
    "secmark": WORDS,
    "synproxy": ("mss",),
    "flowtable": ("hook", "devices", "counter", "flags"),
}


@dataclass(slots=True)
class _Object:
    statement: Statement | None = None
    comment: str = ""
    fields: dict[str, object] = field(default_factory=dict)
    places: dict[str, Place] = field(default_factory=dict)

    def text(self, kind: str, name: str, at: Place) -> ObjectText:
        """What was read."""
        return ObjectText(kind, name, self.statement, self.fields, self.comment, at=at, places=self.places)


def kind_of(p: Parser) -> str:
    """`counter`, `ct helper`, …; the scope of the first word stays open."""
    word = p.expect(*STARTS).kind
    return f"ct {p.expect(*CT_KINDS).kind}" if word == "ct" else word


def close(p: Parser, kind: str) -> None:
    """The scope that kind_of() opened."""
    if kind != "flowtable":
        p.close("ct" if kind.startswith("ct ") else kind)


def in_table(p: Parser) -> ObjectText:
    """`counter http {…}` in a table's block."""
    kind = kind_of(p)
    name = p.expect(STRING)

    def after() -> None:
        if kind.startswith("ct "):
            close(p, kind)
            separator(p)
        else:
            separator(p)
            close(p, kind)

    return block(p, kind, name.text, name.at, after)


def block(p: Parser, kind: str, name: str, at: Place, after: Callable[[], None] = lambda: None) -> ObjectText:
    """What the braces hold."""
    made = _Object()
    p.lines(p.expect("'{'").at, lambda: _line(p, kind, made), after)
    return made.text(kind, name, at)


def without_block(p: Parser, kind: str, name: str, at: Place) -> ObjectText:
    """The same on the command's own line; only a counter may have nothing."""
    made = _Object()
    if kind == "counter" and p.next.kind != "packets":
        return made.text(kind, name, at)
    _CONFIGS[kind](p, made)
    return made.text(kind, name, at)


def _line(p: Parser, kind: str, made: _Object) -> None:
    if common(p):
        return
    if kind == "flowtable" or not p.take_if("comment"):
        if p.next.kind not in CONFIG_STARTS[kind]:
            p.fail()
        _CONFIGS[kind](p, made)
        return
    at = p.last.at
    text = comment(p)
    made.comment = once(made.comment, text, p.since(at))


def _counter(p: Parser, made: _Object) -> None:
    start = p.expect("packets").at
    packets = natural(p)
    p.expect("bytes")
    made.statement = Counter(packets, natural(p), at=p.since(start))


def _quota(p: Parser, made: _Object) -> None:
    if p.next.kind not in ("over", "until", NUMBER):
        p.fail(NUMBER)
    behind = p.last.at  # where an error begins if there is no word in front of the number
    has_mode = p.next.kind in ("over", "until")
    made.statement = stateful.quota_amount(p, p.next.at if has_mode else replace(behind, first=behind.last))


def _limit(p: Parser, made: _Object) -> None:
    start = p.expect("rate").at
    made.statement = stateful.rate(p, start)


def _transport(p: Parser) -> str:
    token = p.expect("tcp", "udp")
    p.close(token.kind)
    return token.kind


def _family(p: Parser, made: _Object) -> None:
    family = family_if(p)
    if not family:
        p.fail()
    made.fields["l3proto"] = family
    separator(p)


def _helper(p: Parser, made: _Object) -> None:
    if p.take_if("l3proto"):
        _family(p, made)
        return
    p.expect("type")
    name = p.expect(QUOTED)
    p.expect("protocol")
    protocol = _transport(p)
    separator(p)
    p.close("type")
    if not 0 < len(name.text) <= HELPER_NAME_MAX:
        raise NftError(name.at, f"invalid name '{name.text}', max length is {HELPER_NAME_MAX + 1}\n")
    made.fields |= {"type": name.text, "protocol": protocol}
    made.places["type"] = name.at


def _timeout(p: Parser, made: _Object) -> None:
    word = p.expect("protocol", "policy", "l3proto").kind
    if word == "l3proto":
        _family(p, made)
    elif word == "protocol":
        made.fields["protocol"] = _transport(p)
        separator(p)
    else:
        p.expect("'='")
        p.expect("'{'")
        states = [_timeout_state(p, made)]
        while p.take_if(COMMA):
            states.append(_timeout_state(p, made))
        p.expect("'}'", also=(COMMA,))
        separator(p)
        p.close("policy")
        made.fields["policy"] = (*_states(made), *states)


def _states(made: _Object) -> tuple[tuple[str, int], ...]:
    before = made.fields.get("policy", ())
    assert isinstance(before, tuple)
    return before


def _timeout_state(p: Parser, made: _Object) -> tuple[str, int]:
    name = p.expect(STRING)
    p.expect(COLON)
    made.places[name.text] = name.at
    return name.text, natural(p)


def _expectation(p: Parser, made: _Object) -> None:
    word = p.expect("protocol", "dport", "timeout", "size", "l3proto").kind
    if word == "l3proto":
        _family(p, made)
        return
    if word == "protocol":
        made.fields[word] = _transport(p)
    else:
        made.fields[word] = duration(p) if word == "timeout" else natural(p)
    separator(p)


def _secmark(p: Parser, made: _Object) -> None:
    made.fields["context"] = p.expect(*WORDS).text


def _synproxy(p: Parser, made: _Object) -> None:
    """On one line, or on one for each number."""
    p.expect("mss")
    made.fields["mss"] = natural(p)
    in_lines = p.take_if(NEWLINE, SEMICOLON) is not None
    p.expect("wscale", also=() if in_lines else (NEWLINE, SEMICOLON))
    made.fields["wscale"] = natural(p)
    if in_lines:
        separator(p)
    for flag in ("timestamp", "sack-permitted"):
        if p.take_if(flag):
            made.fields[flag] = True


def _flow_table(p: Parser, made: _Object) -> None:
    word = p.take()
    if word.kind == "counter":
        p.close("counter")
        return
    if word.kind == "hook":
        p.expect(STRING)
        priority(p)
    elif word.kind == "devices":
        made.fields["devices"] = device_list(p)
    else:
        p.expect("offload")
    separator(p)


_CONFIGS: Final[dict[str, Callable[[Parser, _Object], None]]] = {
    "counter": _counter,
    "quota": _quota,
    "limit": _limit,
    "ct helper": _helper,
    "ct timeout": _timeout,
    "ct expectation": _expectation,
    "secmark": _secmark,
    "synproxy": _synproxy,
    "flowtable": _flow_table,
}
