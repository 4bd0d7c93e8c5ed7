"""What a listing shows: evaluated texts, with what packets have changed meanwhile, and their handles."""

from __future__ import annotations

from dataclasses import dataclass

from pystack.applets.nft.tree.commands import ChainText, ObjectText, RuleText, SetText


@dataclass(frozen=True, slots=True)
class ListedRule:
    """A rule."""

    text: RuleText
    handle: int


@dataclass(frozen=True, slots=True)
class ListedChain:
    """A chain; its text has no rules."""

    text: ChainText
    handle: int
    rules: tuple[ListedRule, ...] = ()


@dataclass(frozen=True, slots=True)
class ListedSet:
    """A set or map, with its elements where they are asked for."""

    text: SetText
    handle: int
    is_meter: bool = False  # which came with the rule that adds to it


@dataclass(frozen=True, slots=True)
class ListedObject:
    """A named counter, quota and the like."""

    text: ObjectText
    handle: int


@dataclass(frozen=True, slots=True)
class ListedTable:
    """A table, or as much of it as is asked for."""

    family: str
    name: str
    handle: int
    flags: tuple[str, ...] = ()
    comment: str = ""
    objects: tuple[ListedObject, ...] = ()
    sets: tuple[ListedSet, ...] = ()
    chains: tuple[ListedChain, ...] = ()
