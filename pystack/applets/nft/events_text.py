"""What a change of the tables reads like: in --echo, and in `nft monitor`.

nft: src/monitor.c
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from pystack.applets.nft.listing import announced_chain, announced_rule, listed_object, listed_set
from pystack.applets.nft.printer.chains import chain_line, listed_rule_text
from pystack.applets.nft.printer.expressions import text
from pystack.applets.nft.printer.layout import ONE_LINE
from pystack.applets.nft.printer.objects import object_text
from pystack.applets.nft.printer.page import Page
from pystack.applets.nft.printer.sets import set_text
from pystack.netfilter.nft.change import Change
from pystack.netfilter.nft.table import DORMANT
from pystack.netfilter.rule import Chain

_LONGEST_NAME: Final = 15
_PROCESS: Final = 1  # programs are none here


def change_lines(change: Change, page: Page) -> list[str]:
    """Mostly one; one for each element of a set, two for a rule that takes another's place."""
    page = replace(page, family=change.table.family)
    if change.kind == "rule":
        return _rule_lines(change, page)
    if change.kind == "element":
        owner = f"element {_owner(change)} {change.name}"
        return [f"{change.operation} {owner} {{ {text(element, page)} }}" for element in change.elements]
    told = _deleted if change.operation == "delete" else _made
    return [f"{change.operation} {told(change, page)}"]


def generation_line(generation: int, program: str = "nft") -> str:
    """At the end of what a batch changed. The kernel knows no longer names of programs."""
    return f"# new generation {generation} by process {_PROCESS} ({program[:_LONGEST_NAME]})"


def _owner(change: Change) -> str:
    return f"{change.table.family} {change.table.name}"


def _rule_lines(change: Change, page: Page) -> list[str]:
    where = f"rule {_owner(change)} {change.name}"
    gone = f"delete {where} handle {change.rule.handle}"
    if change.operation == "delete":
        return [gone]
    words = listed_rule_text(announced_rule(change.rule), page)
    if change.operation == "replace":
        return [gone, f"add {where} {_position(change)}{words}"]
    return [f"{change.operation} {where} {_position(change)}{words}"]


def _position(change: Change) -> str:
    """Behind which rule it stands, unless it is the first or the last one.

    Linux: net/netfilter/nf_tables_api.c nf_tables_rule_notify()
    """
    assert isinstance(change.thing, Chain), "a rule of a chain"
    rules = change.thing.rules
    at = rules.index(change.rule) if change.rule in rules else 0
    return f"handle {rules[at - 1].handle} " if 0 < at < len(rules) - 1 else ""


def _deleted(change: Change, page: Page) -> str:
    if change.kind == "table":
        return f"table {_owner(change)}{page.handle(change.table.handle)}"
    kind = "set" if change.kind == "map" else change.kind
    return f"{kind} {_owner(change)} {change.name}"


def _made(change: Change, page: Page) -> str:
    table, thing = change.table, change.thing
    if thing is None:
        flags = " { flags dormant; }" if DORMANT in table.flags else ""
        return f"table {_owner(change)}{flags}{page.handle(table.handle)}"
    if isinstance(thing, Chain):
        return chain_line(announced_chain(thing, change.policy), page, table.name)
    if change.kind in ("set", "map"):
        return set_text(listed_set(thing, elements=False), page, ONE_LINE, _owner(change))
    return object_text(listed_object(change.kind, thing), page, ONE_LINE, _owner(change))
