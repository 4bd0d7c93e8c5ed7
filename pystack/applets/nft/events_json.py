"""What a change of the tables reads like as JSON: in --echo, and in `nft -j monitor`.

nft: src/json.c monitor_print_table_json() and its like
"""

from __future__ import annotations

from dataclasses import replace

from pystack.applets.nft.changes import Change
from pystack.applets.nft.json_out.dump import Json
from pystack.applets.nft.json_out.expressions import json_of
from pystack.applets.nft.json_out.tables import chain_thing, object_thing, rule_thing, set_thing, table_thing
from pystack.applets.nft.listing import (
    listed_chain,
    listed_object,
    listed_rule,
    listed_set,
    listed_table,
    nothing,
)
from pystack.applets.nft.printer.page import Page
from pystack.netfilter.rule import Chain


def change_things(change: Change, page: Page) -> list[Json]:
    """Mostly one; one for each element of a set."""
    page = replace(page, family=change.table.family)
    if change.kind == "element":
        words = {"family": change.table.family, "table": change.table.name, "name": change.name}
        elements = [{"set": [json_of(element, page)]} for element in change.elements]
        return [{change.operation: {"element": {**words, "elem": element}}} for element in elements]
    operation = "add" if change.operation == "replace" else change.operation
    return [{operation: _thing(change, page)}]


def _thing(change: Change, page: Page) -> Json:
    table, thing = listed_table(change.table, nothing, nothing, nothing), change.thing
    if thing is None:
        return table_thing(table)
    if change.kind == "rule":
        return rule_thing(table, change.name, listed_rule(change.rule), page)
    if isinstance(thing, Chain):
        return chain_thing(table, listed_chain(thing, rules=False))
    if change.kind in ("set", "map"):
        return set_thing(table, listed_set(thing, elements=False), page)
    return object_thing(table, listed_object(change.kind, thing))
