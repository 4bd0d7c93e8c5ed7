"""Blocks in braces: tables and chains; and what any block may have: include, define, and errors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from pystack.applets.nft.errors import NftError
from pystack.applets.nft.grammar import objects, set_blocks, values
from pystack.applets.nft.grammar.common import common, separator
from pystack.applets.nft.grammar.devices import hook_devices, priority
from pystack.applets.nft.grammar.parser import Parser
from pystack.applets.nft.grammar.rules import rule
from pystack.applets.nft.grammar.words import comment, once
from pystack.applets.nft.lexer import STRING
from pystack.applets.nft.place import Place
from pystack.applets.nft.tree.commands import (
    ChainText,
    Handle,
    ObjectText,
    Priority,
    RuleText,
    SetText,
    TableText,
)
from pystack.applets.nft.tree.expressions import Expression, Verdict

CHAIN_TYPES: Final = ("filter", "nat", "route")
HOOKS: Final = ("prerouting", "input", "forward", "postrouting", "output", "ingress", "egress")
TABLE_FLAGS: Final = ("dormant", "owner")


@dataclass(slots=True)
class _Table:
    flags: list[str] = field(default_factory=list)
    comment: str = ""
    chains: list[ChainText] = field(default_factory=list)
    sets: list[SetText] = field(default_factory=list)
    objects: list[ObjectText] = field(default_factory=list)


def table_block(p: Parser, of: Handle) -> TableText:
    """What a table's braces hold."""
    made = _Table()
    p.open_block()
    try:
        brace = p.expect("'{'").at
        p.lines(brace, lambda: _table_line(p, made), lambda: None)
    finally:
        p.variables.close()
    return TableText(
        of.family,
        of.table,
        tuple(flag for flag in TABLE_FLAGS if flag in made.flags),
        made.comment,
        tuple(made.chains),
        tuple(made.sets),
        tuple(made.objects),
        at=of.at,
        places=of.places,
    )


def _table_line(p: Parser, made: _Table) -> None:
    if common(p):
        return
    kind = p.next.kind
    if kind in ("set", "map"):
        p.take()
        name = p.expect(STRING)
        is_map = kind == "map"
        made.sets.append(set_blocks.set_block(p, name.text, name.at, is_map, lambda: separator(p)))
    elif kind in objects.STARTS:
        made.objects.append(objects.in_table(p))
    elif p.take_if("chain"):
        name = p.expect(STRING)
        made.chains.append(chain_block(p, name.text, name.at, lambda: separator(p)))
    elif p.take_if("flags"):
        flag = p.expect(STRING)
        if flag.text not in TABLE_FLAGS:
            raise NftError(flag.at, f"unknown table option {flag.text}")
        made.flags.append(flag.text)
        separator(p)
    elif word := p.take_if("comment"):
        made.comment = once(made.comment, comment(p), p.since(word.at))
        separator(p)
    else:
        p.fail()


# --- chains -------------------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Chain:
    type: str = ""
    hook: str = ""
    devices: Expression | None = None
    priority: Priority | Expression | None = None
    policy: Expression | None = None
    comment: str = ""
    flags: list[str] = field(default_factory=list)
    rules: list[RuleText] = field(default_factory=list)
    places: dict[str, Place] = field(default_factory=dict)


def chain_block(
    p: Parser, name: str, at: Place | None = None, after: Callable[[], None] = lambda: None
) -> ChainText:
    """What a chain's braces hold; without a place of its own it is where they are."""
    made = _Chain()
    p.open_block()
    try:
        brace = p.expect("'{'").at
        inside = p.lines(brace, lambda: _chain_line(p, made), after)
    finally:
        p.variables.close()
    return ChainText(
        name,
        made.type,
        made.hook,
        made.devices,
        made.priority,
        made.policy,
        made.comment,
        tuple(made.flags),
        tuple(made.rules),
        at=at or inside,
        places=made.places,
    )


def _chain_line(p: Parser, made: _Chain) -> None:
    if common(p):
        return
    if p.next.kind == "type":
        _hook(p, made)
    elif p.next.kind == "policy":
        _policy(p, made)
    elif p.take_if("flags"):
        made.flags.append(p.expect("offload").kind)
    elif word := p.take_if("comment"):
        text, at = comment(p), p.since(word.at)
        separator(p)
        made.comment = once(made.comment, text, at)
        return
    else:
        written = rule(p)
        separator(p)
        made.rules.append(written)  # only now: one with an error is none
        return
    separator(p)


def _hook(p: Parser, made: _Chain) -> None:
    """`type filter hook input device "x" priority filter + 10`."""
    start = p.take().at
    p.close("type")
    kind = p.expect(STRING)
    p.expect("hook")
    hook = p.expect(STRING)
    devices = hook_devices(p)
    word = p.next.at
    rank = priority(p)
    if kind.text not in CHAIN_TYPES:
        raise NftError(kind.at, "unknown chain type")
    if hook.text not in HOOKS:
        raise NftError(hook.at, "unknown chain hook")
    made.type, made.hook, made.devices, made.priority = kind.text, hook.text, devices, rank
    made.places |= {"base": p.since(start), "type": kind.at, "hook": hook.at, "priority": p.since(word)}


def _policy(p: Parser, made: _Chain) -> None:
    start = p.take().at
    if p.next.kind == "'$'":
        policy = values.variable(p)
    else:
        token = p.expect("accept", "drop", also=("'$'",))
        policy = Verdict(token.kind, at=token.at)
    at = p.since(start)
    p.close("policy")
    if made.policy is not None:
        raise NftError(at, "you cannot set chain policy twice")
    made.policy = policy
    made.places["policy"] = at
