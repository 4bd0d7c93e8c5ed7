"""The tables of nftables in a running namespace as commands that would make them again.

Each thing has a command of its own, so that two setups differ in whole commands. What packets have counted,
and what rules have put into sets, is no part of it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Final

from pystack.applets.nft.listing import listed_rule, listed_table
from pystack.applets.nft.printer.chains import chain_devices, chain_priority, listed_rule_text, policy_word
from pystack.applets.nft.printer.expressions import text
from pystack.applets.nft.printer.layout import ONE_LINE
from pystack.applets.nft.printer.objects import object_text
from pystack.applets.nft.printer.page import Page
from pystack.applets.nft.printer.sets import set_text
from pystack.applets.nft.said import comment_words
from pystack.applets.nft.style import Style
from pystack.applets.nft.surroundings import Surroundings
from pystack.applets.nft.tree.commands import ChainText
from pystack.applets.nft.tree.listed import ListedSet
from pystack.netfilter.nft.kin import is_filled_by_kin
from pystack.netfilter.nft.table import NftTable
from pystack.netfilter.rule import Chain, Rule
from pystack.netns import Netns

_STYLE: Final = Style(stateless=True, numeric_priority=True, readable=True)


def ruleset_lines(netns: Netns) -> Iterator[str]:
    """Without the program in front. A table comes with its chains, objects and sets before the rules.

    What others have filled is left to them.
    """
    for table in netns.nft.tables.values():
        if not is_filled_by_kin(table):
            page = page_of(netns, table.family)
            yield from parts_lines(table, page)
            for chain in table.chains.values():
                yield from (rule_line(table, chain, rule, page) for rule in chain.rules)


def page_of(netns: Netns, family: str) -> Page:
    """How a command is written."""
    around = Surroundings(devices={dev.name: dev.ifindex for dev in netns.devices})
    return Page(_STYLE, around, family, ONE_LINE)


def rule_line(table: NftTable, chain: Chain, rule: Rule, page: Page) -> str:
    """A rule behind all others."""
    words = listed_rule_text(listed_rule(rule), page)
    return f"add rule {table.family} {table.name} {chain.name} {words}"


def parts_lines(named: NftTable, page: Page) -> Iterator[str]:
    """A table, and what there is in it but for rules; without chains that others have made."""
    table = listed_table(named, chains=lambda name: named.chains[name].spec is not None)
    owner = f"{table.family} {table.name}"
    flags = f"flags {','.join(table.flags)}; " if table.flags else ""
    comment = f"{comment_words(table.comment)}; " if table.comment else ""
    yield f"add table {owner}" + (f" {{ {flags}{comment}}}" if flags or comment else "")
    for chain in table.chains:
        yield f"add chain {owner} {chain.text.name}{_chain_block(chain.text)}"
    for known in table.objects:
        yield f"add {object_text(known, page, ONE_LINE, owner)}".rstrip()
    for one in table.sets:
        yield from _set_lines(one, owner, page)


def _chain_block(chain: ChainText) -> str:
    words = f"{comment_words(chain.comment)}; " if chain.comment else ""
    if chain.hook:
        devices = ", ".join(f'"{name}"' for name in chain_devices(chain))
        devices = f" devices = {{ {devices} }}" if devices else ""
        priority = f"priority {chain_priority(chain)}"
        words += f"type {chain.type} hook {chain.hook}{devices} {priority}; policy {policy_word(chain)}; "
    return f" {{ {words}}}" if words else ""


def _set_lines(one: ListedSet, owner: str, page: Page) -> Iterator[str]:
    bare = replace(one, text=replace(one.text, elements=None))
    yield f"add {set_text(bare, page, ONE_LINE, owner)}".rstrip()
    if one.text.elements and "dynamic" not in one.text.flags:
        elements = ", ".join(text(element, page) for element in one.text.elements)
        yield f"add element {owner} {one.text.name} {{ {elements} }}"
