"""Whether what a command speaks of is there: nft looks before it asks the kernel.

nft: src/evaluate.c cmd_evaluate_list(), cmd_evaluate_flush(), cmd_evaluate_rename()
"""

from __future__ import annotations

from typing import Final

from pystack.applets.nft.evaluate.context import Context
from pystack.applets.nft.evaluate.missing import (
    chain_not_found,
    need_table,
    object_not_found,
    set_not_found,
)
from pystack.applets.nft.evaluate.state import fail
from pystack.applets.nft.place import Place
from pystack.applets.nft.tree.commands import Command, Handle

_GONE: Final = "No such file or directory"
_TAKEN_AS_THEY_ARE: Final = ("tables", "chains", "meters", "maps", "ruleset")


def check_listed(context: Context, command: Command) -> None:
    """Of `list`."""
    handle, kind = command.handle, command.object
    if not handle.table or kind in _TAKEN_AS_THEY_ARE:
        return
    need_table(context, handle)
    if not handle.name:
        return
    if kind == "chain":
        if not context.has_chain(handle.family, handle.table, handle.name):
            chain_not_found(context, _place(handle, "chain"), handle.name)
    elif kind in ("set", "map", "meter"):
        _check_set(context, command)
    elif kind == "flowtable":  # no table has any
        fail(_place(handle, "obj"), _GONE)
    elif not context.has_object(handle.family, handle.table, kind, handle.name):
        object_not_found(context, _place(handle, "obj"), handle.name)


def _check_set(context: Context, command: Command) -> None:
    handle = command.handle
    if command.object != "meter" and context.set_named(handle.family, handle.table, handle.name) is None:
        set_not_found(context, _place(handle, "set"), handle.name)
    if not _is_of_kind(context, command):
        fail(_place(handle, "set"), _GONE)


def check_reset(context: Context, command: Command) -> None:
    """Of `reset counter` and its like: the kernel is asked for the rest."""
    if command.handle.table:
        need_table(context, command.handle)


def check_flushed(context: Context, command: Command) -> None:
    """Of `flush set` and its like."""
    handle = command.handle
    if command.object not in ("set", "map", "meter"):
        return
    need_table(context, handle)
    if command.object == "meter" and _is_of_kind(context, command):
        fail(command.at, "Could not process rule: Operation not supported")  # its rule alone may change it
    if context.set_named(handle.family, handle.table, handle.name) is None:
        set_not_found(context, _place(handle, "set"), handle.name)
    if not _is_of_kind(context, command):
        fail(_place(handle, "set"), _GONE)


def check_renamed(context: Context, command: Command) -> None:
    """Of `rename chain`."""
    handle = command.handle
    need_table(context, handle)
    if not context.has_chain(handle.family, handle.table, handle.name):
        chain_not_found(context, _place(handle, "chain"), handle.name)


def _is_of_kind(context: Context, command: Command) -> bool:
    handle = command.handle
    if command.object == "meter":
        return context.has_object(handle.family, handle.table, "meter", handle.name)
    declared = context.set_named(handle.family, handle.table, handle.name)
    return declared is not None and declared.is_map == (command.object == "map")


def _place(handle: Handle, word: str) -> Place:
    return handle.places.get(word, handle.at)
