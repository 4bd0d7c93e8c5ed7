"""What may have been meant by a name that nothing has.

nft: src/misspell.c
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from operator import attrgetter
from typing import NamedTuple, Protocol, TypeVar

T = TypeVar("T")


class Known(Protocol):
    """The names that there are."""

    def tables(self) -> list[tuple[str, str]]:
        """(family, name) of every table."""

    def chains(self, family: str, table: str) -> list[str]:
        """The names of a table's chains."""

    def sets(self, family: str, table: str) -> list[tuple[str, bool]]:
        """The names of a table's sets and maps, and whether it is a map."""

    def objects(self, family: str, table: str) -> list[str]:
        """The names of a table's objects, of whatever kind."""


class Meant(NamedTuple):
    """A thing of a table that has nearly the name."""

    family: str
    table: str
    name: str
    kind: str

    def __str__(self) -> str:
        return f"{self.kind} ‘{self.name}’ in table {self.family} ‘{self.table}’"


def nearest_table(name: str, known: Known) -> Meant | None:
    """nft: src/rule.c table_lookup_fuzzy()"""
    return _nearest(name, (Meant(family, table, table, "table") for family, table in known.tables()))


def nearest_chain(name: str, known: Known) -> Meant | None:
    """nft: src/rule.c chain_lookup_fuzzy()"""
    tables = known.tables()
    chains = (Meant(*table, chain, "chain") for table in tables for chain in known.chains(*table))
    return _nearest(name, chains)


def nearest_set(name: str, known: Known) -> Meant | None:
    """nft: src/rule.c set_lookup_fuzzy()"""
    sets = (
        Meant(*table, found, "map" if is_map else "set")
        for table in known.tables()
        for found, is_map in known.sets(*table)
    )
    return _nearest(name, sets)


def nearest_object(name: str, known: Known) -> Meant | None:
    """nft: src/rule.c obj_lookup_fuzzy()"""
    tables = known.tables()
    return _nearest(name, (Meant(*table, obj, "obj") for table in tables for obj in known.objects(*table)))


def nearest_word(name: str, known: Iterable[str]) -> str | None:
    """nft: src/rule.c symbol_lookup_fuzzy()"""
    return _first_nearest(name, known, str)


def _nearest(name: str, candidates: Iterable[Meant]) -> Meant | None:
    return _first_nearest(name, candidates, attrgetter("name"))


def _first_nearest(name: str, candidates: Iterable[T], name_of: Callable[[T], str]) -> T | None:
    """The first of the nearest. nft: string_misspell_update()"""
    found, least = None, 1 << 30
    wanted = name.encode()
    for candidate in candidates:
        octets = name_of(candidate).encode()
        far, near = max(len(octets), len(wanted)), min(len(octets), len(wanted))
        allowed = -(-far // 3) if far - near <= 1 else -(-(far + 2) // 3)
        if far <= 1:
            continue
        steps = distance(octets, wanted)
        if steps <= allowed and steps < least:
            found, least = candidate, steps
    return found


def distance(one: bytes, other: bytes) -> int:
    """How many letters differ. nft's rows overlap by one place, and it looks one letter too far: so do we.

    nft: string_distance()
    """
    one, other = one + b"\0", other + b"\0"
    high, wide = len(one) - 1, len(other) - 1
    costs = [0] * ((high + 1) * (wide + 1))
    for row in range(high + 1):
        costs[row * wide] = row
    for column in range(wide + 1):
        costs[column] = column
    for row in range(1, high + 1):
        for column in range(1, wide + 1):
            at = row * wide + column
            changed = costs[at - wide - 1] + (one[row] != other[column])
            costs[at] = min(costs[at - wide] + 1, costs[at - 1] + 1, changed)
            if row > 1 and column > 1 and one[row] == other[column - 1] and one[row - 1] == other[column]:
                swapped = costs[at - 2 * wide - 2] + (one[row] != other[column])
                costs[at] = min(costs[at], swapped)
    return costs[high * wide + wide]
