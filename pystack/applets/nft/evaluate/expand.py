"""A table or chain with a body is several commands: each is evaluated, and fails, alone.

nft: src/rule.c nft_cmd_expand()
"""

from __future__ import annotations

from dataclasses import replace

from pystack.applets.nft.tree.commands import ChainText, Command, Handle, ObjectText, SetText, TableText


def expand(command: Command) -> list[Command]:
    """The same in single commands, in the order in which nft sends them."""
    body = command.body
    if command.operation != "add":
        return [command]
    if isinstance(body, TableText):
        return _of_table(command, body)
    if isinstance(body, ChainText) and body.rules:
        bare = replace(command, body=replace(body, rules=()))
        return [bare, *_rules_of(command.handle, body)]
    return [command]


def _of_table(command: Command, table: TableText) -> list[Command]:
    handle = replace(command.handle, table=table.name or command.handle.table)
    commands = [replace(command, body=replace(table, chains=(), sets=(), objects=()))]
    commands += [_part("chain", handle, replace(chain, rules=())) for chain in table.chains]
    commands += [_part(item.kind, handle, item) for item in table.objects]
    commands += [_part("map" if item.is_map else "set", handle, item) for item in table.sets]
    for chain in table.chains:
        commands += _rules_of(handle, chain)
    return commands


def _part(word: str, table: Handle, body: ChainText | SetText | ObjectText) -> Command:
    handle = replace(table, name=body.name, at=body.at, places={**table.places, **body.places})
    return Command("add", word, handle, body, at=body.at)


def _rules_of(table: Handle, chain: ChainText) -> list[Command]:
    handle = replace(table, name=chain.name, places={**table.places, "chain": chain.at})
    return [Command("add", "rule", replace(handle, at=rule.at), rule, at=rule.at) for rule in chain.rules]
