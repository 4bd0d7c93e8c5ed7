"""Tables as nft lists them: which there are, with which chains, and what their rules say."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from pystack.hooks.imported.seen import Row

Place = tuple[str, str]  # family and name

_TABLE: Final = re.compile(r"^table (?P<family>\S+) (?P<name>\S+) \{.*?^\}$", re.MULTILINE | re.DOTALL)
_CHAIN: Final = re.compile(r"^\tchain (?P<name>\S+) \{\n(?P<lines>.*?)^\t\}$", re.MULTILINE | re.DOTALL)
_COUNTER: Final = re.compile(r"\bcounter\b")


def tables_of(listing: str) -> dict[Place, str]:
    """The text of each."""
    return {(found["family"], found["name"]): f"{found[0]}\n" for found in _TABLE.finditer(listing)}


def foreign_tables(things: Iterable[Row]) -> set[Place]:
    """Those with rules that nft itself does not understand, and lists in words that need not be exact."""
    rules = (thing["rule"] for thing in things if "rule" in thing)
    return {(rule["family"], rule["table"]) for rule in rules if any("xt" in part for part in rule["expr"])}


def chains_of(table: str) -> dict[str, str]:
    """The lines of each of a table's chains."""
    return {found["name"]: found["lines"] for found in _CHAIN.finditer(table)}


def meanings_of(table: str) -> dict[str, list[list[str]]]:
    """What is said in each chain, word by word; that something is counted is nothing that it means."""
    return {
        name: [_COUNTER.sub("", line).split() for line in lines.splitlines()]
        for name, lines in chains_of(table).items()
    }
