"""Texts for tests, as from the command line."""

from __future__ import annotations

from pystack.applets.nft.errors import NftError
from pystack.applets.nft.place import COMMAND_LINE
from pystack.applets.nft.reading import parse, read
from pystack.applets.nft.source import source_of
from pystack.applets.nft.tree.commands import ChainText, Command, RuleText, SetText, TableText
from pystack.applets.nft.tree.expressions import Expression
from pystack.applets.nft.tree.statements import Match, Statement


def commands(text: str) -> list[Command]:
    """All commands of a text."""
    return parse(source_of(COMMAND_LINE, text.encode() + b"\n"))


def command(text: str) -> Command:
    """The only one."""
    (only,) = commands(text)
    return only


def statements(text: str) -> tuple[Statement, ...]:
    """Those of a rule."""
    rule = command(f"add rule t c {text}").body
    assert isinstance(rule, RuleText)
    return rule.statements


def statement(text: str) -> Statement:
    """The only one."""
    (only,) = statements(text)
    return only


def match(text: str) -> Match:
    """A rule's only match."""
    only = statement(text)
    assert isinstance(only, Match)
    return only


def left(text: str) -> Expression:
    """What stands on the left of `TEXT 1`."""
    return match(f"{text} 1").left


def table(text: str) -> TableText:
    """`table t {…}` with this inside."""
    made = command(f"table t {{\n{text}\n}}").body
    assert isinstance(made, TableText)
    return made


def chain(text: str) -> ChainText:
    """A chain with this inside."""
    return table(f"chain c {{\n{text}\n}}").chains[0]


def set_of(text: str, kind: str = "set") -> SetText:
    """A set with this inside."""
    return table(f"{kind} s {{\n{text}\n}}").sets[0]


def error(text: str) -> str:
    """What is wrong with a text: the message alone."""
    found = read(source_of(COMMAND_LINE, text.encode() + b"\n")).errors
    assert found
    return first_line(found[0]).removeprefix("Error: ")


def first_line(refused: NftError) -> str:
    """Without the text and the marks."""
    return refused.text().split("\n")[0]
