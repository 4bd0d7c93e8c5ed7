"""Which names nft reads from the kernel before it evaluates a batch: those that its commands may speak of.

nft: src/cache.c nft_cache_evaluate()
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, NamedTuple

from pystack.applets.nft.tree.commands import Command, Handle, TableText

_ALL: Final = frozenset({"table", "chain", "set", "object"})
_TABLES: Final = frozenset({"table"})
_NONE: Final = frozenset[str]()


class Loads(NamedTuple):
    """Kinds of names."""

    kinds: frozenset[str] = _ALL
    rules: bool = False  # so nft itself looks for what positions speak of
    again: bool = False  # names are read once more when the kernel does not find what a rule names
    only: Handle | None = None  # of one table alone: that which is listed


def loads_of(commands: Iterable[Command]) -> Loads:
    """For a whole batch. One that flushes the ruleset reads nothing."""
    kinds, rules, again, is_flushed = _NONE, False, False, False
    only: Handle | None = None
    for command in commands:
        handle, is_list = command.handle, command.operation == "list"
        kinds |= _kinds_of(command)
        rules = command.operation != "replace" and (
            rules or bool(handle.position) or handle.index is not None
        )
        again |= is_list
        only = (_listed(command) or only) if is_list else None
        is_flushed |= (command.operation, command.object) == ("flush", "ruleset")
    return Loads(_NONE, rules, again=True) if is_flushed else Loads(kinds, rules, again, only)


def _listed(command: Command) -> Handle | None:
    """nft: evaluate_cache_list()"""
    handle = command.handle
    is_one = command.object in ("table", "chain", "set", "map") and bool(handle.table)
    return handle if is_one and (command.object == "table" or bool(handle.name)) else None


def _kinds_of(command: Command) -> frozenset[str]:
    """Those of tables come with all others."""
    if command.operation in ("add", "create", "insert"):
        return _kinds_added(command)
    if command.operation == "get":
        return frozenset({"table", "set"})
    if command.operation == "reset":
        return _TABLES
    if command.operation == "rename":
        return frozenset({"table", "chain"})
    if command.operation == "flush":
        return frozenset({"table", "set"}) if command.object in ("set", "map", "meter") else _NONE
    return _NONE if command.operation in ("describe", "import", "export") else _ALL


def _kinds_added(command: Command) -> frozenset[str]:
    if command.object == "table":
        return _ALL if isinstance(command.body, TableText) else _NONE
    return _ALL if command.object in ("rule", "element") else _TABLES
