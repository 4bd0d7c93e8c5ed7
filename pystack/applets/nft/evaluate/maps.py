"""A key looked up in a map: `ip saddr map { … }`, `tcp dport vmap @ports`.

nft: src/evaluate.c expr_evaluate_map()
"""

from __future__ import annotations

from dataclasses import replace

from pystack.applets.nft import types
from pystack.applets.nft.evaluate.concatenations import refuse_ambiguous
from pystack.applets.nft.evaluate.elements import Shape, evaluate_items, settled, spread
from pystack.applets.nft.evaluate.keys import check_key, data_of, is_object_map
from pystack.applets.nft.evaluate.missing import need_set
from pystack.applets.nft.evaluate.state import State, fail
from pystack.applets.nft.evaluate.typed import ANYTHING, Expected, Typed
from pystack.applets.nft.tree.expressions import Concatenation, Elements, Lookup, SetName


def evaluate_lookup(state: State, lookup: Lookup, expected: Expected) -> Typed:
    """What is found has the type of the map's data, or that which is needed where it stands."""
    wanted = Expected(types.VERDICT) if lookup.is_verdict else expected
    parts = lookup.key.parts if isinstance(lookup.key, Concatenation) else (lookup.key,)
    for part in parts:
        refuse_ambiguous(part)
    key = state.evaluate(lookup.key, ANYTHING)
    if key.constant:
        fail(key.expression, "Map expression can not be constant")
    if isinstance(lookup.set, SetName):
        return _in_named(state, lookup, lookup.set, key)
    if not isinstance(lookup.set, Elements):
        fail(state.evaluate(lookup.set, key.expected()).expression, "Expression is not a map")
    keys = replace(key.expected(), maximum=0)  # nft forgets it for maps
    items = spread(evaluate_items(state, lookup.set.items, Shape(keys, wanted)), wanted)
    elements = settled(replace(lookup.set, items=tuple(items)), key.expected(), is_map=True)
    assert wanted.type is not None
    found = replace(lookup, key=key.expression, set=elements)
    return Typed(found, wanted.type, wanted.bits, constant=True)


def _in_named(state: State, lookup: Lookup, name: SetName, key: Typed) -> Typed:
    declared = need_set(state, name.name, name.at)
    if not declared.is_map or is_object_map(declared):
        fail(name, "Expression is not a map")
    check_key(state, name, key, declared)
    data = data_of(state, declared)
    assert data.type is not None
    parts = tuple(Typed(name, part.type or types.INVALID, part.bits) for part in data.parts)
    return Typed(replace(lookup, key=key.expression), data.type, data.bits, constant=True, parts=parts)
