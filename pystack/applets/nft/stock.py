"""Tables as `list` finds them: what the kernel holds, and what the batch itself has made of them.

nft lists out of its own memory, into which evaluation has put what the batch makes: tables, chains without
their rules, sets and objects.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pystack.applets.nft.evaluate.ledger import Held, Ledger
from pystack.applets.nft.evaluate.ordering import interval, with_key
from pystack.applets.nft.held import held
from pystack.applets.nft.listing import Wanted, everything, listed_table
from pystack.applets.nft.loads import Loads
from pystack.applets.nft.meters import listed_meters
from pystack.applets.nft.place import KERNEL
from pystack.applets.nft.tree.commands import ChainText, ObjectText, SetText, TableText
from pystack.applets.nft.tree.expressions import Element, Expression, Prefix, Range, Value
from pystack.applets.nft.tree.listed import ListedChain, ListedObject, ListedSet, ListedTable
from pystack.netfilter.nft.table import NftTable


@dataclass(slots=True)
class KnownTable:
    """What nft knows of a table; `made` is what the batch makes, by its own name or by kind and name."""

    chains: list[str] = field(default_factory=list)
    sets: dict[str, SetText] = field(default_factory=dict)
    objects: list[tuple[str, str]] = field(default_factory=list)
    table: TableText | None = None
    rules: dict[str, list[int]] = field(default_factory=dict)  # by chain: their handles
    made: dict[tuple[str, str], ChainText | SetText | ObjectText] = field(default_factory=dict)

    @classmethod
    def of(cls, table: NftTable, loads: Loads) -> KnownTable:
        """One that is there: what was read of it."""
        only = loads.only.name if loads.only is not None else ""
        sets = {
            name: replace(held(named).text, at=KERNEL)
            for name, named in table.sets.items()
            if only in ("", name)
        }
        return cls(
            [name for name in table.chains if only in ("", name)] if "chain" in loads.kinds else [],
            sets if "set" in loads.kinds else {},
            list(table.objects) if "object" in loads.kinds else [],
            rules={name: [rule.handle for rule in chain.rules] for name, chain in table.chains.items()},
        )


@dataclass(frozen=True, slots=True)
class StockTable:
    """One table. `ledgers`: of sets of intervals, by name."""

    family: str
    name: str
    live: NftTable | None
    known: KnownTable | None  # None: the batch has not touched it
    ledgers: Mapping[str, Ledger]

    def has_objects(self) -> bool:
        """Of whatever kind."""
        if self.known is not None:
            return bool(self.known.objects)
        return self.live is not None and bool(self.live.objects)

    def meters(self, name: str = "") -> tuple[ListedSet, ...]:
        """Those of the kernel's rules."""
        return listed_meters(self.live, name) if self.live is not None else ()

    def listed(
        self, chains: Wanted = everything, sets: Wanted = everything, objects: Wanted = everything
    ) -> ListedTable:
        """All of it, or what is wanted."""
        known = self.known
        if known is None:
            assert self.live is not None, "there is either of them"
            return listed_table(self.live, chains, sets, objects)
        listed = self._of_kernel(known, chains, sets, objects)
        for made in known.made.values():
            if isinstance(made, ChainText) and chains(made.name):
                listed = replace(listed, chains=(*listed.chains, ListedChain(made, 0)))
            elif isinstance(made, SetText) and sets(made.name):
                listed = replace(listed, sets=(*listed.sets, ListedSet(self._with_elements(made), 0)))
            elif isinstance(made, ObjectText) and objects(made.name):
                listed = replace(listed, objects=(*listed.objects, ListedObject(made, 0)))
        return listed

    def _of_kernel(self, known: KnownTable, chains: Wanted, sets: Wanted, objects: Wanted) -> ListedTable:
        """What is there of it, but for what the batch takes away."""
        if self.live is None:
            text = known.table or TableText(self.family, self.name)
            return ListedTable(self.family, self.name, 0, text.flags, text.comment)
        names = {name for _, name in known.objects}
        return listed_table(
            self.live,
            lambda name: name in known.chains and chains(name),
            lambda name: name in known.sets and sets(name),
            lambda name: name in names and objects(name),
        )

    def _with_elements(self, text: SetText) -> SetText:
        ledger = self.ledgers.get(text.name)
        return text if ledger is None else replace(text, elements=tuple(_ends(ledger.held)))


def _ends(held: Sequence[Held]) -> Iterator[Element]:
    """As intervals are sent: each where it begins, and what lies behind it. nft: set_to_intervals()"""
    if held and held[0].low:
        yield _at(held[0], 0)
    for one in held:
        yield with_key(one.item, _at(one, one.low).key)
        bits = 8 * len(_lowest(one.item.key).octets)
        if (one.high + 1) >> bits == 0:
            yield _at(one, one.high + 1)


def _at(one: Held, number: int) -> Element:
    lowest = _lowest(one.item.key)
    return Element(interval(number, number, lowest.type, 8 * len(lowest.octets)), one.item.data)


def _lowest(key: Expression) -> Value:
    low = key.low if isinstance(key, Range) else key.value if isinstance(key, Prefix) else key
    assert isinstance(low, Value), "evaluated"
    return low
