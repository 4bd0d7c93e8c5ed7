"""Commands that add elements to one set, one behind the other, are one: a long file has a line for each.

nft: src/cmd.c nft_cmd_collapse()
"""

from __future__ import annotations

from bisect import bisect_right
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
        if not others:
            yield first
            continue
        body = (*_elements(first), *(one for other in others for one in _elements(other)))
        yield replace(first, body=body, collapsed=tuple(one.at for one in (first, *others)))


def uncollapsed(command: Command) -> list[Command]:
    """Each alone again, with the elements that it brought: so they are sent. nft: nft_cmd_uncollapse()"""
    begins = [(at.line, at.first) for at in command.collapsed]
    if any(at.source is not command.at.source for at in command.collapsed):
        return [replace(command, collapsed=())]
    parts: list[list[Element]] = [[] for _ in begins]
    for one in _elements(command):
        parts[max(bisect_right(begins, (one.at.line, one.at.first)) - 1, 0)].append(one)
    return [
        replace(command, body=tuple(part), at=at, collapsed=())
        for part, at in zip(parts, command.collapsed, strict=True)
        if part
    ]


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
