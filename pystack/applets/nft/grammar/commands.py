"""Commands: what is to be done with what."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Final

from pystack.applets.nft.grammar import blocks, handles, objects, set_blocks
from pystack.applets.nft.grammar.common import common
from pystack.applets.nft.grammar.expressions import left_primary
from pystack.applets.nft.grammar.handles import everything
from pystack.applets.nft.grammar.parser import Parser
from pystack.applets.nft.grammar.rules import rule
from pystack.applets.nft.grammar.words import FAMILIES
from pystack.applets.nft.lexer import END, NEWLINE, SEMICOLON, STRING, Token
from pystack.applets.nft.place import Place
from pystack.applets.nft.tree.commands import (
    ChainText,
    Command,
    Handle,
    ObjectText,
    RuleText,
    SetText,
    TableText,
)
from pystack.applets.nft.tree.expressions import Element, Elements, Expression

THINGS: Final = ("table", "chain", "rule", "set", "map", "element", *objects.STARTS)
MARKUP: Final = ("xml", "json", "vm")
MONITORED: Final = ("tables", "chains", "sets", "rules", "elements", "ruleset", "trace")
LISTED_IN_TABLE: Final = ("sets", "counters", "quotas", "limits", "secmarks", "synproxys")
LISTED: Final = ("tables", "chains", "meters", "flowtables", "maps", "ruleset")
CT_LISTS: Final = {"helpers": "ct helpers", "timeout": "ct timeouts", "expectation": "ct expectations"}


def line(p: Parser, commands: list[Command]) -> bool:
    """One line; False at the end of the text."""
    if p.next.kind == END:
        return False
    if common(p):
        return True
    start = p.next.at
    command = _command(p)
    end = p.expect(END, NEWLINE, SEMICOLON)
    at = start.to(command.at) if end.kind == END else p.since(start)
    commands.append(replace(command, at=at))
    return end.kind != END


def _command(p: Parser) -> Command:
    word = p.next
    run = _OPERATIONS.get(word.kind)
    if run is None:
        if word.kind not in (STRING, *THINGS, *FAMILIES):
            p.fail()
        return _add(p, "add", word.at)
    p.take()
    return run(p, word.kind, word.at)


def _made(
    p: Parser, operation: str, kind: str, handle: Handle, body: _Body = None, *, start: Place
) -> Command:
    return Command(operation, kind, handle, body, at=p.since(start))


# --- add, create, insert, replace ---------------------------------------------------------------------------


def _add(p: Parser, operation: str, start: Place) -> Command:
    kind = p.next.kind
    if kind in ("table", "chain"):
        return _add_table(p, operation, start) if kind == "table" else _add_chain(p, operation, start)
    if kind in ("set", "map"):
        p.take()
        handle = handles.inside(p, "set")
        made = set_blocks.set_block(p, handle.name, None, is_map=kind == "map")
        return _made(p, operation, kind, handle, made, start=start)
    if kind == "element":
        return _elements(p, operation, start)
    if kind in objects.STARTS:
        return _add_object(p, operation, start)
    if operation == "create":
        p.fail()
    p.take_if("rule")
    return _rule(p, operation, start, handles.rule_position(p))


def _rule(p: Parser, operation: str, start: Place, handle: Handle) -> Command:
    return _made(p, operation, "rule", handle, rule(p), start=start)


def _add_table(p: Parser, operation: str, start: Place) -> Command:
    p.take()
    handle = handles.table(p)
    body = TableText(handle.family, handle.table, at=handle.at, places=handle.places)
    if p.next.kind == "'{'":
        body = blocks.table_block(p, handle)
    return _made(p, operation, "table", handle, body, start=start)


def _add_chain(p: Parser, operation: str, start: Place) -> Command:
    p.take()
    handle = handles.inside(p, "chain")
    body = blocks.chain_block(p, handle.name) if p.next.kind == "'{'" else None
    return _made(p, operation, "chain", handle, body, start=start)


def _elements(p: Parser, operation: str, start: Place) -> Command:
    p.take()
    handle = handles.inside(p, "set")
    given = set_blocks.elements(p)
    body: _Body = given.items if isinstance(given, Elements) else given
    return _made(p, operation, "element", handle, body, start=start)


def _add_object(p: Parser, operation: str, start: Place) -> Command:
    kind = objects.kind_of(p)
    handle = handles.inside(p, "obj")
    at = handle.places["obj"]
    has_block = p.next.kind == "'{'"
    made = objects.block(p, kind, handle.name, at) if has_block else _plain_object(p, kind, handle)
    objects.close(p, kind)
    return _made(p, operation, kind, handle, made, start=start)


def _plain_object(p: Parser, kind: str, handle: Handle) -> ObjectText:
    if kind == "flowtable" or kind.startswith("ct "):
        p.fail("'{'")
    if kind in ("limit", "secmark", "synproxy") and p.next.kind not in objects.CONFIG_STARTS[kind]:
        p.fail(*objects.CONFIG_STARTS[kind], "'{'")
    return objects.without_block(p, kind, handle.name, handle.places["obj"])


def _insert(p: Parser, operation: str, start: Place) -> Command:
    p.expect("rule")
    return _rule(p, operation, start, handles.rule_position(p))


def _replace(p: Parser, operation: str, start: Place) -> Command:
    p.expect("rule")
    return _rule(p, operation, start, handles.rule_handle(p))


# --- delete, get, flush, rename -----------------------------------------------------------------------------


def _delete(p: Parser, operation: str, start: Place) -> Command:
    kind = p.next.kind
    if kind == "element":
        return _elements(p, operation, start)
    if kind in objects.STARTS:
        return _delete_object(p, operation, start)
    p.expect(*THINGS)
    if kind == "table":
        handle = handles.table_or_handle(p)
    elif kind == "rule":
        handle = handles.rule_handle(p)
    elif kind == "map":
        handle = handles.inside(p, "set")
    else:
        handle = handles.inside_or_handle(p, kind)
    return _made(p, operation, kind, handle, start=start)


def _delete_object(p: Parser, operation: str, start: Place) -> Command:
    kind = objects.kind_of(p)
    handle = handles.inside(p, "obj") if kind.startswith("ct ") else handles.inside_or_handle(p, "obj")
    made = None
    if kind == "flowtable" and p.next.kind == "'{'":
        made = objects.block(p, kind, handle.name, handle.places["obj"])
    objects.close(p, kind)
    return _made(p, operation, kind, handle, made, start=start)


def _get(p: Parser, operation: str, start: Place) -> Command:
    if p.next.kind != "element":
        p.fail("element")
    return _elements(p, operation, start)


def _flush(p: Parser, operation: str, start: Place) -> Command:
    kind = p.expect("table", "chain", "set", "map", "flow", "meter", "ruleset").kind
    if kind == "flow":
        p.expect("table")
        kind = "meter"
    if kind == "ruleset":
        handle = everything(p)
    elif kind == "table":
        handle = handles.table(p)
    else:
        handle = handles.inside(p, "chain" if kind == "chain" else "set")
    return _made(p, operation, kind, handle, start=start)


def _rename(p: Parser, operation: str, start: Place) -> Command:
    p.expect("chain")
    handle = handles.inside(p, "chain")
    return _made(p, operation, "chain", handle, p.expect(STRING).text, start=start)


# --- list, reset --------------------------------------------------------------------------------------------


def _list(p: Parser, operation: str, start: Place) -> Command:
    token = p.next
    kind = token.kind
    if kind in (*LISTED_IN_TABLE, *LISTED, "hooks"):
        p.take()
        handle = handles.table(p) if kind in LISTED_IN_TABLE and p.take_if("table") else everything(p)
        if kind == "hooks" and p.take_if("device"):
            handle = handles.named(p, handle, "obj")
    elif kind == "ct":
        return _list_ct(p, operation, start)
    elif kind == "flow":
        p.take()
        kind = "meters" if p.expect("table", "tables").kind == "tables" else "meter"
        handle = everything(p) if kind == "meters" else handles.inside(p, "set")
    elif kind in objects.STARTS:
        return _list_object(p, operation, start)
    else:
        p.expect(*_LISTED_ONE)
        handle = (
            handles.table(p) if kind == "table" else handles.inside(p, "chain" if kind == "chain" else "set")
        )
    p.close("list")
    return _made(p, operation, kind, handle, start=start)


_LISTED_ONE: Final = ("table", "chain", "set", "map", "meter", *objects.STARTS)


def _list_object(p: Parser, operation: str, start: Place) -> Command:
    kind = objects.kind_of(p)
    handle = handles.inside(p, "obj")
    objects.close(p, kind)
    p.close("list")
    return _made(p, operation, kind, handle, start=start)


def _list_ct(p: Parser, operation: str, start: Place) -> Command:
    p.take()
    word = p.expect(*objects.CT_KINDS, "helpers").kind
    if word == "helpers" or (word != "helper" and p.next.kind == "table"):
        p.expect("table")
        kind, handle = CT_LISTS[word], handles.table(p)
    else:
        kind, handle = f"ct {word}", handles.inside(p, "obj")
    p.close("ct")
    p.close("list")
    return _made(p, operation, kind, handle, start=start)


def _reset(p: Parser, operation: str, start: Place) -> Command:
    kind = p.expect("counters", "counter", "quotas", "quota").kind
    if kind in LISTED_IN_TABLE:
        handle = handles.table(p) if p.take_if("table") else everything(p)
    else:
        handle = handles.inside(p, "obj")
        p.close(kind)
    p.close("reset")
    return _made(p, operation, kind, handle, start=start)


# --- the others ---------------------------------------------------------------------------------------------


def _markup(p: Parser, operation: str, start: Place) -> Command:
    """`export json`: words of older versions."""
    ruleset = p.take_if("ruleset")
    word = p.expect(*MARKUP, also=() if ruleset else ("ruleset",)).kind
    if word == "vm":
        word = p.expect("json").kind
    p.close(operation)
    return _made(p, operation, "ruleset", Handle(""), word, start=start)


def _monitor(p: Parser, operation: str, start: Place) -> Command:
    """`monitor new rules json`."""
    words: list[Token] = []
    for kinds in ((STRING,), MONITORED, MARKUP):
        token = p.take_if(*kinds)
        if token is not None:
            words.append(token)
    if words and words[-1].kind == "vm":
        p.expect("json")
    p.close("monitor")
    places = {"event": words[0].at} if words and words[0].kind == STRING else {}
    text = " ".join(token.text for token in words)
    return Command(operation, "ruleset", Handle(""), text, at=p.since(start), places=places)


def _describe(p: Parser, operation: str, start: Place) -> Command:
    return _made(p, operation, "expression", Handle(""), left_primary(p), start=start)


_Body = (
    TableText | ChainText | RuleText | SetText | ObjectText | tuple[Element, ...] | Expression | str | None
)
_OPERATIONS: Final[dict[str, Callable[[Parser, str, Place], Command]]] = {
    "add": _add,
    "create": _add,
    "replace": _replace,
    "insert": _insert,
    "delete": _delete,
    "get": _get,
    "list": _list,
    "reset": _reset,
    "flush": _flush,
    "rename": _rename,
    "import": _markup,
    "export": _markup,
    "monitor": _monitor,
    "describe": _describe,
}
