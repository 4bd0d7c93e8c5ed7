"""Sets that rules of their own batch add to are dynamic, also where their declaration does not say so.

Maps are not. nft: src/evaluate.c stmt_evaluate_set(), stmt_evaluate_map()
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from pystack.applets.nft.tree.commands import Command, RuleText, SetText
from pystack.applets.nft.tree.statements import SetUpdate


def with_dynamic_sets(commands: Iterable[Command]) -> list[Command]:
    """The evaluated commands of a batch."""
    commands = list(commands)
    updated = {key for command in commands for key in _updated(command)}
    return [
        _dynamic(command) if _key(command, command.handle.name) in updated else command
        for command in commands
    ]


def _updated(command: Command) -> set[tuple[str, str, str]]:
    if not isinstance(command.body, RuleText):
        return set()
    updates = (one for one in command.body.statements if isinstance(one, SetUpdate))
    return {_key(command, one.name) for one in updates}


def _key(command: Command, name: str) -> tuple[str, str, str]:
    return command.handle.family, command.handle.table, name


def _dynamic(command: Command) -> Command:
    body = command.body
    if not isinstance(body, SetText) or body.is_map or "dynamic" in body.flags:
        return command
    return replace(command, body=replace(body, flags=(*body.flags, "dynamic")))
