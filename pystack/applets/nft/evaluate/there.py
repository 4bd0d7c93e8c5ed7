"""Whether what a command speaks of is there: nft looks before it asks the kernel.

nft: src/evaluate.c cmd_evaluate_list(), cmd_evaluate_flush(), cmd_evaluate_rename()
"""

from __future__ import annotations

from pystack.applets.nft.evaluate.context import Context
from pystack.applets.nft.evaluate.missing import chain_not_found, set_not_found, table_not_found
from pystack.applets.nft.evaluate.state import fail
from pystack.applets.nft.place import Place
from pystack.applets.nft.tree.commands import Command, Handle

_GONE = "No such file or directory"


def check_listed(context: Context, command: Command) -> None:
    """Of `list`: nft has read no other names, so it has none to offer."""
    handle = command.handle
    if handle.table and not context.has_table(handle.family, handle.table):
        fail(_place(handle, "table"), _GONE)
    if not handle.name:
        return
    if command.object == "chain":
        is_there = context.has_chain(handle.family, handle.table, handle.name)
        at = _place(handle, "chain")
    elif command.object in ("set", "map", "meter"):
        is_there, at = _is_of_kind(context, command), _place(handle, "set")
    else:
        is_there = context.has_object(handle.family, handle.table, command.object, handle.name)
        at = _place(handle, "obj")
    if not is_there:
        fail(at, _GONE)


def check_flushed(context: Context, command: Command) -> None:
    """Of `flush set` and its like."""
    handle = command.handle
    if command.object not in ("set", "map", "meter"):
        return
    _need_table(context, handle)
    if command.object == "meter" and _is_of_kind(context, command):
        fail(command.at, "Could not process rule: Operation not supported")  # its rule alone may change it
    if context.set_named(handle.family, handle.table, handle.name) is None:
        set_not_found(context, _place(handle, "set"), handle.name)
    if not _is_of_kind(context, command):
        fail(_place(handle, "set"), _GONE)


def check_renamed(context: Context, command: Command) -> None:
    """Of `rename chain`."""
    handle = command.handle
    _need_table(context, handle)
    if not context.has_chain(handle.family, handle.table, handle.name):
        chain_not_found(context, _place(handle, "chain"), handle.name)


def _need_table(context: Context, handle: Handle) -> None:
    if not context.has_table(handle.family, handle.table):
        table_not_found(context, _place(handle, "table"), handle.table)


def _is_of_kind(context: Context, command: Command) -> bool:
    handle = command.handle
    if command.object == "meter":
        return context.has_object(handle.family, handle.table, "meter", handle.name)
    declared = context.set_named(handle.family, handle.table, handle.name)
    return declared is not None and declared.is_map == (command.object == "map")


def _place(handle: Handle, word: str) -> Place:
    return handle.places.get(word, handle.at)
