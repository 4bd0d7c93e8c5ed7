"""What the kernel refuses, in nft's words: "Could not process rule", or what may have been meant.

nft: src/cmd.c
"""

from __future__ import annotations

from typing import Final

from pystack.applets.nft.cache import OBJECT_KINDS, Cache
from pystack.applets.nft.errors import NftError
from pystack.applets.nft.misspelt import Meant, nearest_chain, nearest_object, nearest_set, nearest_table
from pystack.applets.nft.place import Place
from pystack.applets.nft.tree.commands import Command
from pystack.errors import ENOENT, MESSAGES

_FINDERS: Final = {
    "table": nearest_table,
    "chain": nearest_chain,
    "rule": nearest_chain,
    "set": nearest_set,
    **dict.fromkeys(OBJECT_KINDS, nearest_object),
}


def refusal(command: Command, number: int, at: Place | None, cache: Cache | None = None) -> NftError:
    """Of a command, which the kernel refused with an errno; `at`: the word that it blamed."""
    if cache is not None and at is not None and number == ENOENT:
        meant = _meant(command, at, cache)
        if meant is not None:
            return meant
    return NftError(command.at if at is None else at, f"Could not process rule: {MESSAGES[number]}")


def _meant(command: Command, at: Place, cache: Cache) -> NftError | None:
    """nft: nft_cmd_enoent()"""
    handle = command.handle
    if command.object == "rule":
        cache.look_again()
    name = handle.table if command.object == "table" else handle.name
    finder = _FINDERS.get(command.object)
    meant = finder(name, cache) if finder is not None and name else None
    if meant is None:
        return None
    if command.object == "table":
        return _did_you_mean(at, meant)
    is_other = (meant.table, meant.family) != (handle.table, handle.family)
    if is_other and not cache.has_table(handle.family, handle.table):
        return _did_you_mean(handle.places.get("table", at), meant._replace(name=meant.table, kind="table"))
    if command.object == "rule" and meant.name == name:
        return None
    return _did_you_mean(at, meant)


def _did_you_mean(at: Place, meant: Meant) -> NftError:
    what = f"table ‘{meant.name}’ in family {meant.family}" if meant.kind == "table" else str(meant)
    return NftError(at, f"{MESSAGES[ENOENT]}; did you mean {what}?")
