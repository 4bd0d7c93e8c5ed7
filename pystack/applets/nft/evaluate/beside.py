"""Rules that are put beside others: nft looks for these itself as soon as one command of a batch does so.

nft: src/evaluate.c rule_cache_update()
"""

from __future__ import annotations

from dataclasses import replace

from pystack.applets.nft.evaluate.context import Context
from pystack.applets.nft.evaluate.missing import chain_not_found, need_table
from pystack.applets.nft.evaluate.state import fail
from pystack.applets.nft.tree.commands import Command, Handle

_REFUSED = "Could not process rule: No such file or directory"


def placed(context: Context, command: Command) -> Command:
    """A rule whose table, chain and neighbour are there, if nft looks; else it knows nothing of an index."""
    handle = command.handle
    rules = context.rules(handle.family, handle.table, handle.name)
    if rules is None:
        return command if handle.index is None else replace(command, handle=replace(handle, index=None))
    need_table(context, handle)
    if not context.has_chain(handle.family, handle.table, handle.name):
        chain_not_found(context, handle.places.get("chain", handle.at), handle.name)
    word = "index" if handle.index is not None else "handle" if handle.handle else "position"
    if (handle.index is not None or handle.handle or handle.position) and rule_index(handle, rules) is None:
        fail(handle.places.get(word, handle.at), _REFUSED)
    return command


def rule_index(handle: Handle, rules: list[int]) -> int | None:
    """Which one is meant, if it is there."""
    if handle.index is not None:
        return handle.index if handle.index < len(rules) else None
    number = handle.handle or handle.position
    return rules.index(number) if number and number in rules else None
