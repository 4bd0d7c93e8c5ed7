"""What a rule, or an element of a map, speaks of: chains, sets and objects by name, and sets of its own."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from functools import cache
from typing import NamedTuple

from pystack.applets.nft.blamed import Blamed
from pystack.applets.nft.place import Place
from pystack.applets.nft.tree.expressions import Element, Elements, Lookup, SetName, Value, Verdict
from pystack.applets.nft.tree.statements import Meter, ObjectUse, SetUpdate, Statement
from pystack.errors import ENOENT, EOPNOTSUPP
from pystack.netfilter.nft import own_names
from pystack.netfilter.nft.table import NftTable
from pystack.netfilter.rule import BaseChain


class Mention(NamedTuple):
    """Something by name, and what the kernel blames if that is wrong."""

    kind: str  # chain, set, or the kind of an object
    name: str
    at: Place


class Mentions:
    """In the order in which they are met."""

    def __init__(self, statements: tuple[Statement, ...]) -> None:
        self.all: list[Mention] = []
        self.anonymous: list[str] = []  # kinds of sets that stand in the rule
        self.filled: list[Place | None] = []  # where the elements of each of these stand; meters have none
        for part in parts(statements):
            if isinstance(part, Verdict) and part.chain:
                self.all.append(Mention("chain", part.chain, part.chain_at))
            elif isinstance(part, SetName | SetUpdate):
                self.all.append(Mention("set", part.name, part.at))
            elif isinstance(part, Elements | Meter):
                self.anonymous.append(_kind_of(part))
                self.filled.append(part.at if isinstance(part, Elements) else None)
            if isinstance(part, Elements):
                self.all += of_elements(part.items)
            if isinstance(part, ObjectUse):
                self.all += _of_use(part)


def _of_use(use: ObjectUse) -> Iterator[Mention]:
    if isinstance(use.name, Value):
        yield Mention(use.kind, use.name.octets.decode(), use.name.at)
    elif isinstance(use.name, Lookup) and isinstance(use.name.set, Elements):
        yield from of_elements(use.name.set.items, use.kind)


def of_elements(items: tuple[Element, ...], kind: str = "") -> Iterator[Mention]:
    """Where those of a verdict map lead, and what those of a map of objects of a kind name."""
    for item in items:
        if isinstance(item.data, Verdict) and item.data.chain:
            yield Mention("chain", item.data.chain, item.at)
        elif kind and isinstance(item.data, Value):
            yield Mention(kind, item.data.octets.decode(), item.at)


def blocks(statements: tuple[Statement, ...]) -> Iterator[Verdict]:
    """`jump { … }`: rules of a chain that has no name."""
    for part in parts(statements):
        if isinstance(part, Verdict) and part.rules is not None:
            yield part


def check(mentions: list[Mention], table: NftTable) -> None:
    """Raise Blamed for what is not there, or may not be led to.

    Linux: net/netfilter/nf_tables_api.c nft_verdict_init()
    """
    for kind, name, at in mentions:
        if not _is_known(kind, name, table):
            raise Blamed(ENOENT, at)
        if kind == "chain" and isinstance(table.chains[name], BaseChain):
            raise Blamed(EOPNOTSUPP, at)


def _is_known(kind: str, name: str, table: NftTable) -> bool:
    if kind == "chain":
        return name in table.chains
    return name in table.sets if kind == "set" else (kind, name) in table.objects


def parts(node: object) -> Iterator[object]:
    """A tree's nodes, each in front of what is in it.

    Without what elements are mapped to, and without the rules of blocks.
    """
    if isinstance(node, tuple):
        for item in node:
            yield from parts(item)
    elif is_dataclass(node) and not isinstance(node, type):
        yield node
        for name in _names(type(node)):
            yield from parts(getattr(node, name))


@cache
def _names(kind: type) -> tuple[str, ...]:
    """Of the fields in which there may be nodes."""
    left_out = ("at", "places", "type", "rules", *(("data",) if kind is Element else ()))
    return tuple(each.name for each in fields(kind) if each.name not in left_out)


def _kind_of(part: Elements | Meter) -> str:
    is_map = isinstance(part, Elements) and any(item.data is not None for item in part.items)
    return own_names.MAP if is_map else own_names.SET
