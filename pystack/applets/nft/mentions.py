"""What a rule speaks of: chains, sets and objects by name, and sets that it brings along."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from functools import cache

from pystack.applets.nft.tree.expressions import Elements, SetName, Value, Verdict
from pystack.applets.nft.tree.statements import Meter, ObjectUse, SetUpdate, Statement


class Mentions:
    """In the order in which they are met."""

    def __init__(self, statements: tuple[Statement, ...]) -> None:
        self.verdicts: list[Verdict] = []  # those that lead to chains
        self.sets: list[str] = []
        self.objects: list[tuple[str, str]] = []  # kind and name
        self.anonymous = 0
        for part in parts(statements):
            self._take(part)

    def _take(self, part: object) -> None:
        if isinstance(part, Verdict) and part.chain:
            self.verdicts.append(part)
        elif isinstance(part, SetName | SetUpdate | Meter):
            self.sets.append(part.name)
        elif isinstance(part, Elements):
            self.anonymous += 1
        elif isinstance(part, ObjectUse) and isinstance(part.name, Value):
            self.objects.append((part.kind, part.name.octets.decode()))


def parts(node: object) -> Iterator[object]:
    """A tree's nodes, each in front of what is in it."""
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
    return tuple(each.name for each in fields(kind) if each.name not in ("at", "places", "type"))
