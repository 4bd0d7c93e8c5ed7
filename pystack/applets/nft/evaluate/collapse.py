"""Commands that add elements to one set, one behind the other, are one: a long file has a line for each.

nft: src/cmd.c nft_cmd_collapse()
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import groupby

from pystack.applets.nft.tree.commands import Command
from pystack.applets.nft.tree.expressions import Element


def collapsed(commands: Iterable[Command]) -> Iterator[Command]:
    """In their order; the whole is where the first of them stands."""
    for key, group in groupby(commands, _key):
        if key is None:
            yield from group
            continue
        first, *others = group
        yield replace(first, body=(*_elements(first), *(one for other in others for one in _elements(other))))


def _key(command: Command) -> tuple[str, str, str, str] | None:
    """What is the same of those that belong together."""
    if command.object != "element" or command.operation not in ("add", "create"):
        return None
    if not isinstance(command.body, tuple):
        return None
    return command.operation, command.handle.family, command.handle.table, command.handle.name


def _elements(command: Command) -> tuple[Element, ...]:
    assert isinstance(command.body, tuple), "elements alone have a key"
    return command.body
