"""Tables and what is in them, as JSON."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from pystack.applets.nft.json_out.dump import Json, dump, one_or_list
from pystack.applets.nft.json_out.expressions import json_of
from pystack.applets.nft.json_out.statements import rule_json
from pystack.applets.nft.kinds import kinds_of
from pystack.applets.nft.printer.chains import chain_priority, policy_word
from pystack.applets.nft.printer.page import Page
from pystack.applets.nft.printer.sets import set_word
from pystack.applets.nft.printer.statements import PACKETS_BURST
from pystack.applets.nft.printer.tables import TABLE_FLAGS
from pystack.applets.nft.printer.units import amount
from pystack.applets.nft.said import said
from pystack.applets.nft.tree.commands import ObjectText, SetText
from pystack.applets.nft.tree.expressions import Expression
from pystack.applets.nft.tree.listed import ListedChain, ListedObject, ListedRule, ListedSet, ListedTable
from pystack.applets.nft.tree.statements import Counter, Limit, Quota

_METAINFO: Final[Json] = {
    "metainfo": {"version": "1.0.6", "release_name": "Lester Gooch #5", "json_schema_version": 1}
}
_SET_FLAGS: Final = ("constant", "interval", "timeout")  # Linux's nft says nothing of `dynamic`


def listing(things: Iterable[Json]) -> str:
    """The whole answer to a command."""
    return dump({"nftables": [_METAINFO, *things]}) + "\n"


def table_things(table: ListedTable, page: Page) -> list[Json]:
    """`list table`: the table, and what is in it."""
    return [table_thing(table), *part_things(table, page)]


def part_things(table: ListedTable, page: Page) -> list[Json]:
    """`list chain`, `list sets`, …: what is in the table, with all rules behind all chains."""
    page = replace(page, family=table.family)
    return [
        *(object_thing(table, one) for one in table.objects),
        *(set_thing(table, one, page) for one in table.sets),
        *(chain_thing(table, one) for one in table.chains),
        *(rule_thing(table, chain.text.name, rule, page) for chain in table.chains for rule in chain.rules),
    ]


def declaration_things(table: ListedTable, page: Page) -> list[Json]:
    """`list chains`, `list sets`: sets have their elements here nevertheless, chains no rules."""
    return part_things(replace(table, chains=tuple(replace(one, rules=()) for one in table.chains)), page)


def table_thing(table: ListedTable) -> Json:
    """Linux: nftables src/json.c table_print_json()"""
    words: dict[str, Json] = {"family": table.family, "name": table.name, "handle": table.handle}
    flags = [flag for flag in TABLE_FLAGS if flag in table.flags]
    return {"table": words | ({"flags": one_or_list(flags)} if flags else {})}


def warnings(things: Iterable[Json]) -> Iterator[str]:
    """What nft complains of when it puts the text of a statement in the place of its JSON.

    Linux: nftables src/json.c stmt_print_json()
    """
    for thing in things:
        words = thing
        while isinstance(words, Mapping) and len(words) == 1:  # {"add": {"rule": …}}
            (words,) = words.values()
        statements = words.get("expr") if isinstance(words, Mapping) else None
        for one in statements if isinstance(statements, list) else ():
            if isinstance(one, str):
                kind = "chain" if one.endswith("}") and " {\n" in one else "map"
                yield f"warning: stmt ops {kind} have no json callback\n"


def chain_thing(table: ListedTable, chain: ListedChain) -> Json:
    """Linux: nftables src/json.c chain_print_json()"""
    text = chain.text
    words: dict[str, Json] = {"family": table.family, "table": table.name, "name": text.name}
    words["handle"] = chain.handle
    if text.hook:
        words |= {"type": text.type, "hook": text.hook, "prio": chain_priority(text)}
        words["policy"] = policy_word(text)
    return {"chain": words}


def rule_thing(table: ListedTable, chain: str, rule: ListedRule, page: Page) -> Json:
    """Linux: nftables src/json.c rule_print_json()"""
    words: dict[str, Json] = {"family": table.family, "table": table.name, "chain": chain}
    words["handle"] = rule.handle
    if rule.text.comment:
        words["comment"] = said(rule.text.comment)
    return {"rule": words | {"expr": rule_json(rule.text.statements, page)}}


# --- sets ---------------------------------------------------------------------------------------------------


def set_thing(table: ListedTable, listed: ListedSet, page: Page) -> Json:
    """Linux: nftables src/json.c set_print_json()"""
    text = listed.text
    words: dict[str, Json] = {"family": table.family, "name": text.name, "table": table.name}
    words |= {"type": one_or_list(_kinds(text.key)), "handle": listed.handle}
    if text.comment:
        words["comment"] = said(text.comment)
    if text.data is not None:
        words["map"] = " . ".join(_kinds(text.data))
    words |= _limits(text)
    if text.elements and not page.style.terse:
        words["elem"] = [json_of(element, page) for element in text.elements]
    if text.statements:
        words["stmt"] = [json_of(statement, page.stateless()) for statement in text.statements]
    return {set_word(listed): words}


def _limits(text: SetText) -> dict[str, Json]:
    words: dict[str, Json] = {}
    if "constant" not in text.flags:
        words |= {"policy": text.policy} if text.policy not in ("", "performance") else {}
        words |= {"size": text.size} if text.size else {}
    flags = [flag for flag in _SET_FLAGS if flag in text.flags]
    words |= {"flags": flags} if flags else {}
    words |= {"timeout": text.timeout // 1000} if text.timeout else {}
    return words | ({"gc-interval": text.gc_interval // 1000} if text.gc_interval else {})


def _kinds(kind: tuple[str, ...] | Expression | str) -> list[str]:
    if isinstance(kind, Expression):
        return [one.name for one in kinds_of(kind)]
    return [kind] if isinstance(kind, str) else list(kind)


# --- objects ------------------------------------------------------------------------------------------------


def object_thing(table: ListedTable, listed: ListedObject) -> Json:
    """Linux: nftables src/json.c obj_print_json()"""
    text = listed.text
    words: dict[str, Json] = {"family": table.family, "name": text.name, "table": table.name}
    words["handle"] = listed.handle
    if text.comment:
        words["comment"] = said(text.comment)
    return {text.kind: words | _content(text)}


def _content(text: ObjectText) -> dict[str, Json]:
    match text.statement:
        case Counter(packets, octets):
            return {"packets": packets, "bytes": octets}
        case Quota(octets, used, over):
            return {"bytes": octets, "used": used, "inv": over}
        case Limit():
            return _limit(text.statement)
    fields = text.fields
    order = {
        "ct helper": ("type", "protocol", "l3proto"),
        "ct timeout": ("protocol", "l3proto", "policy"),
        "ct expectation": ("protocol", "dport", "timeout", "size", "l3proto"),
    }
    return {name: _field(fields[name]) for name in order[text.kind]}


def _field(value: object) -> Json:
    if isinstance(value, Mapping):
        return dict(value) or None
    return value if isinstance(value, int) else str(value)


def _limit(limit: Limit) -> dict[str, Json]:
    """Unlike that of a rule: the burst comes last, and is not said if there is none."""
    rate, rate_unit = amount(limit.rate) if limit.octets else (limit.rate, "")
    burst, burst_unit = amount(limit.burst or 0) if limit.octets else (limit.burst or PACKETS_BURST, "")
    words: dict[str, Json] = {"rate": rate, "per": limit.unit}
    words |= {"inv": True} if limit.over else {}
    words |= {"rate_unit": rate_unit} if limit.octets else {}
    words |= {"burst": burst} if burst else {}
    return words | ({"burst_unit": burst_unit} if burst and limit.octets else {})
