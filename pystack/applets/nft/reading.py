"""A text in nft's language, read into commands."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from pystack.applets.nft.errors import NftError
from pystack.applets.nft.grammar import commands, rules, sets
from pystack.applets.nft.grammar.parser import Abandoned, Nested, Parser
from pystack.applets.nft.grammar.variables import Variables
from pystack.applets.nft.place import Source
from pystack.applets.nft.source import DEFAULT_INCLUDE_PATH, Files, NoFiles, Reader
from pystack.applets.nft.tree.commands import Command


class Read(NamedTuple):
    """nft evaluates what it could read even if there are errors, and tells of both."""

    commands: list[Command]
    errors: list[NftError]
    counted: int = 0  # of the errors: those behind which reading went on


def read(
    source: Source,
    files: Files | None = None,
    variables: Variables | None = None,
    folders: Iterable[str] = (DEFAULT_INCLUDE_PATH,),
) -> Read:
    """All commands of a text and of what it includes, and what is wrong with it."""
    reader = Reader(source, files or NoFiles(), tuple(folders))
    p = Parser(reader, variables or Variables(), Nested(sets.braces, rules.statement))
    read_commands: list[Command] = []
    more = True

    def line() -> None:
        nonlocal more
        more = commands.line(p, read_commands)

    try:
        while more:
            p.guarded(line)
    except Abandoned:
        pass
    return Read(read_commands, p.errors, p.recoveries)


def parse(
    source: Source,
    files: Files | None = None,
    variables: Variables | None = None,
    folders: Iterable[str] = (DEFAULT_INCLUDE_PATH,),
) -> list[Command]:
    """All commands of a text that has no errors; raises NftError."""
    found, errors, _ = read(source, files, variables, folders)
    if errors:
        raise NftError.of(errors)
    return found
