"""Tables, and the parts of them that a listing shows.

Linux: nftables src/rule.c table_print(), chain_print(), do_command_list()
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

from pystack.applets.nft.printer.chains import chain_declaration, chain_text
from pystack.applets.nft.printer.objects import object_text
from pystack.applets.nft.printer.page import Page
from pystack.applets.nft.printer.sets import set_declaration, set_text
from pystack.applets.nft.said import comment_words
from pystack.applets.nft.tree.listed import ListedTable

TABLE_FLAGS: Final = ("dormant", "owner")


def table_text(table: ListedTable, page: Page) -> str:
    """`list table` and `list ruleset`: with a blank line between parts."""
    flags = ",".join(flag for flag in TABLE_FLAGS if flag in table.flags)
    head = f"table {table.family} {table.name} {{{page.handle(table.handle)}\n"
    head += f"\tflags {flags}\n" if flags else ""
    head += f"\t{comment_words(table.comment)}\n" if table.comment else ""
    parts = _parts(table, page)
    blank = "\n" if flags and parts else ""
    return head + blank + "\n".join(parts) + "}\n"


def parts_text(table: ListedTable, page: Page) -> str:
    """`list chain`, `list set`, `list counters`, …: what the table is said to have here, close together."""
    return _around(table, "".join(_parts(table, page)))


def declarations_text(table: ListedTable, page: Page) -> str:
    """`list chains`, `list sets`, `list maps`: without rules and elements."""
    page = replace(page, family=table.family)
    declared = [
        *(set_declaration(one, page) for one in table.sets),
        *(chain_declaration(one, page) for one in table.chains),
    ]
    return _around(table, "".join(f"{one}\t}}\n" for one in declared))


def _around(table: ListedTable, inside: str) -> str:
    return f"table {table.family} {table.name} {{\n{inside}}}\n"


def _parts(table: ListedTable, page: Page) -> list[str]:
    page = replace(page, family=table.family)
    return [
        *(object_text(one, page) for one in table.objects),
        *(set_text(one, page) for one in table.sets),
        *(chain_text(one, page) for one in table.chains),
    ]
