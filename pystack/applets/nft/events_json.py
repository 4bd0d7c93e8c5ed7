"""What a change of the tables reads like as JSON: in --echo, and in `nft -j monitor`.

nft: src/json.c monitor_print_table_json() and its like
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Final

from pystack.applets.nft.json_out.dump import Json
from pystack.applets.nft.json_out.expressions import json_of
from pystack.applets.nft.json_out.tables import chain_thing, object_thing, rule_thing, set_thing, table_thing
from pystack.applets.nft.listing import (
    announced_chain,
    announced_rule,
    listed_object,
    listed_set,
    listed_table,
    nothing,
)
from pystack.applets.nft.printer.page import Page
from pystack.netfilter.nft.change import Change
from pystack.netfilter.rule import Chain

_EMPTY: Final[Mapping[str, dict[str, Json]]] = {
    "counter": {"packets": 0, "bytes": 0},
    "quota": {"bytes": 0, "used": 0, "inv": False},
    "limit": {"rate": 0, "per": "error"},
    "ct helper": {"type": "(null)", "protocol": "ip", "l3proto": "unknown"},
}


def change_things(change: Change, page: Page) -> list[Json]:
    """Mostly one; one for each element of a set.

    Linux differs: of a rule that goes nft leaves out what asks a set, for it has forgotten the set by then.
    """
    page = replace(page, family=change.table.family)
    if change.kind == "element":
        words = {"family": change.table.family, "table": change.table.name, "name": change.name}
        elements = [{"set": [json_of(element, page)]} for element in change.elements]
        return [{change.operation: {"element": {**words, "elem": element}}} for element in elements]
    if change.operation == "delete" and change.kind != "rule":
        return [{"delete": _gone(change)}]
    operation = "add" if change.operation == "replace" else change.operation
    return [{operation: _thing(change, page)}]


def _gone(change: Change) -> Json:
    """The kernel tells no more than name and number of what it deletes, and nft shows the rest empty."""
    table, thing = change.table, change.thing
    if thing is None:
        return {"table": {"family": table.family, "name": table.name, "handle": table.handle}}
    name, handle = {"name": thing.name}, {"handle": thing.handle}
    where: dict[str, Json] = {"family": table.family}
    if change.kind == "chain":
        return {"chain": where | {"table": table.name} | name | handle}
    where |= name | {"table": table.name}
    if change.kind in ("set", "map"):
        return {"set": where | {"type": "invalid"} | handle}
    return {change.kind: where | handle | _EMPTY.get(change.kind, {})}


def _thing(change: Change, page: Page) -> Json:
    table, thing = listed_table(change.table, nothing, nothing, nothing), change.thing
    if thing is None:
        return table_thing(table)
    if change.kind == "rule":
        return rule_thing(table, change.name, announced_rule(change.rule), page)
    if isinstance(thing, Chain):
        return chain_thing(table, announced_chain(thing, change.policy))
    if change.kind in ("set", "map"):
        return set_thing(table, listed_set(thing, elements=False), page)
    return object_thing(table, listed_object(change.kind, thing))
