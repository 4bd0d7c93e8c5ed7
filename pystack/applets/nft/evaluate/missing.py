"""What is named and is not there; perhaps another name was meant.

nft: src/evaluate.c table_not_found(), chain_not_found(), set_not_found(), obj_not_found()
"""

from __future__ import annotations

from typing import Final, NoReturn

from pystack.applets.nft.evaluate.context import Context
from pystack.applets.nft.evaluate.state import State, fail
from pystack.applets.nft.misspelt import Meant, nearest_chain, nearest_object, nearest_set, nearest_table
from pystack.applets.nft.place import Place
from pystack.applets.nft.tree.commands import Handle, SetText

_GONE: Final = "No such file or directory"


def need_table(context: Context, handle: Handle) -> None:
    """Refuse a command whose table is not there."""
    if context.has_table(handle.family or "ip", handle.table):
        return
    at = handle.places.get("table", handle.at)
    meant = nearest_table(handle.table, context)
    if meant is None:
        fail(at, _GONE)
    fail(at, f"{_GONE}; did you mean table ‘{meant.name}’ in family {meant.family}?")


def chain_not_found(context: Context, at: Place, name: str) -> NoReturn:
    """Of the chain in a command."""
    _not_found(at, nearest_chain(name, context))


def set_not_found(context: Context, at: Place, name: str) -> NoReturn:
    """Of a set or map in a rule or command."""
    _not_found(at, nearest_set(name, context))


def need_set(state: State, name: str, at: Place) -> SetText:
    """A set that a rule speaks of; one whose declaration says no type is none."""
    need_table(state.context, state.handle)
    declared = state.set_declared(name)
    if declared is None:
        set_not_found(state.context, at, name)
    return declared


def object_not_found(context: Context, at: Place, name: str) -> NoReturn:
    """Of a counter, quota, … in a command."""
    _not_found(at, nearest_object(name, context))


def _not_found(at: Place, meant: Meant | None) -> NoReturn:
    fail(at, f"{_GONE}; did you mean {meant}?" if meant is not None else _GONE)
