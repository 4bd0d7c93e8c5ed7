"""`meter NAME { KEY STATEMENT }`: a set that comes with the rule that adds to it."""

from __future__ import annotations

from pystack.applets.nft.compile.expression import compile_expression
from pystack.applets.nft.compile.jiffies import jiffies_of
from pystack.applets.nft.compile.site import Site
from pystack.applets.nft.compile.width import width_of
from pystack.applets.nft.tree.expressions import Concatenation, Element
from pystack.applets.nft.tree.statements import Meter
from pystack.netfilter.nft.set import NftSet
from pystack.netfilter.nft.set_element import SetForm, Stateful
from pystack.netfilter.nft.set_update import SetUpdate
from pystack.netfilter.rule import Match


def compile_meter(meter: Meter, statements: tuple[Stateful, ...], site: Site) -> Match:
    """Linux differs: two rules of a table may have meters of one name."""
    element = meter.element
    assert isinstance(element, Element), "a meter has one"
    key = element.key
    form = SetForm(
        fields=tuple(map(width_of, key.parts if isinstance(key, Concatenation) else (key,))),
        timeouts=element.timeout is not None,
        dynamic=True,
        size=meter.size or 0,
    )
    return SetUpdate(
        "add" if element.timeout is None else "update",
        NftSet(form, site.clock),
        compile_expression(key, site),
        None,
        timeout=jiffies_of(element.timeout, site.clock.hz),
        statements=statements,
    )
