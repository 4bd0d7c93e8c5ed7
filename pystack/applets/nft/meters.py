"""Meters: sets that came with the rule that adds to them, and that only their own commands show.

nft: src/rule.c do_list_sets()
"""

from __future__ import annotations

from collections.abc import Iterator

from pystack.applets.nft.blamed import Blamed, BlamedTwice
from pystack.applets.nft.compile.told import told
from pystack.applets.nft.evaluate.ordering import sort_key
from pystack.applets.nft.evaluate.typed import Expected
from pystack.applets.nft.kinds import shape_of
from pystack.applets.nft.mentions import Mentions
from pystack.applets.nft.tree.commands import RuleText, SetText
from pystack.applets.nft.tree.expressions import Concatenation, Element
from pystack.applets.nft.tree.listed import ListedSet
from pystack.applets.nft.tree.statements import Meter
from pystack.applets.nft.tree.statements import SetUpdate as SetUpdateText
from pystack.errors import EBUSY, EEXIST, EOPNOTSUPP
from pystack.netfilter.nft.set import NftSet
from pystack.netfilter.nft.set_update import SetUpdate
from pystack.netfilter.nft.table import NftRule, NftTable
from pystack.netfilter.rule import Rule


def listed_meters(table: NftTable, name: str = "") -> tuple[ListedSet, ...]:
    """Those of a table, or the one that is called so."""
    found = (one for chain in table.chains.values() for rule in chain.rules for one in _of_rule(rule))
    return tuple(one for one in found if name in ("", one.text.name))


def check_meters(text: RuleText, table: NftTable) -> None:
    """Raise Blamed for a meter whose name a set or another meter has.

    Linux: net/netfilter/nf_tables_api.c nf_tables_newset(), nf_tables_bind_set()
    """
    taken = {one.text.name for one in listed_meters(table)} if _meters(text) else set()
    for meter in _meters(text):
        assert isinstance(meter.element, Element), "a meter has one"
        if meter.name in table.sets:
            raise Blamed(EEXIST, meter.element.key.at)
        if meter.name in taken:
            raise BlamedTwice(Blamed(EOPNOTSUPP, meter.element.key.at), EBUSY, meter.at)
        taken.add(meter.name)


def _meters(text: RuleText) -> list[Meter]:
    return [statement for statement in text.statements if isinstance(statement, Meter)]


def _of_rule(rule: Rule) -> Iterator[ListedSet]:
    text = rule.spec
    assert isinstance(rule, NftRule), "a rule of nft's"
    if not isinstance(text, RuleText):  # iptables' have none
        return
    updates = [test for test in rule.tests if isinstance(test, SetUpdate)]
    for number, statement in enumerate(text.statements):
        if isinstance(statement, Meter):
            before = text.statements[:number]
            update = updates[sum(isinstance(one, Meter | SetUpdateText) for one in before)]
            own = rule.own_sets[len(Mentions(before).anonymous)]
            yield _listed(statement, update.changed, own.handle)


def _listed(meter: Meter, core: NftSet, handle: int) -> ListedSet:
    element = meter.element
    assert isinstance(element, Element), "a meter has one"
    parts = element.key.parts if isinstance(element.key, Concatenation) else (element.key,)
    kinds = tuple(Expected(*shape_of(part)) for part in parts)
    shown = sorted((told(one, kinds, (), {}, core.clock) for one in core), key=lambda one: sort_key(one.key))
    text = SetText(
        name=meter.name,
        key=tuple(kind.type.name for kind in kinds if kind.type is not None),
        flags=("dynamic", "timeout") if element.timeout is not None else ("dynamic",),
        size=meter.size,
        elements=tuple(shown),
    )
    return ListedSet(text, handle, is_meter=True)
