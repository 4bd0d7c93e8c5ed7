"""What a named set is to the commands: its declaration, and its elements in the types of that."""

from __future__ import annotations

from dataclasses import dataclass

from pystack.applets.nft.compile.sets import TypedSet
from pystack.applets.nft.tree.commands import SetText
from pystack.netfilter.nft.table import Named


@dataclass(slots=True)
class HeldSet:
    """Beside it, rules have its core."""

    text: SetText  # without elements
    elements: TypedSet


def held(named: Named) -> HeldSet:
    """Of a set or map."""
    assert isinstance(named.spec, HeldSet), "an object holds no elements"
    return named.spec
