"""A set that stands in a rule, and has no name."""

from __future__ import annotations

from pystack.applets.nft.blamed import Blamed
from pystack.applets.nft.compile.elements import ElementCompiler, fields_of
from pystack.applets.nft.compile.site import Site
from pystack.applets.nft.evaluate.ordering import has_interval
from pystack.applets.nft.tree.expressions import Anything, Element, Elements
from pystack.errors import EINVAL
from pystack.netfilter.nft.set import NftSet, SetRefused
from pystack.netfilter.nft.set_element import SetForm


def anonymous_set(elements: Elements, site: Site, kind: str = "") -> NftSet:
    """`{ 22, 80-90 }`, also with what the keys are mapped to: of objects, those of a kind. Raises Blamed."""
    keys = [item.key for item in elements.items if not isinstance(item.key, Anything)]
    compiler = ElementCompiler(site, kind)
    is_interval = any(has_interval(key) for key in keys)
    # A listing has of two that are alike the later one first; the kernel gets, and refuses, it behind.
    written = elements.items if is_interval else elements.items[::-1]
    items = [compiler.compiled(item) for item in written]
    _check_data(elements.items)
    form = SetForm(
        fields=fields_of(keys[0]) if keys else (1,),
        interval=is_interval,
        constant=True,
        anonymous=True,
        is_map=any(item.data is not None for item in items),
        holds_objects=bool(kind),
    )
    content = NftSet(form, site.clock)
    try:
        content.add(items)
    except SetRefused as refused:
        raise Blamed(refused.number, written[refused.at].at) from None
    return content


def _check_data(items: tuple[Element, ...]) -> None:
    """Where intervals are mapped to, nft sends half of what is none."""
    data = [(item, item.data) for item in items if item.data is not None]
    if any(has_interval(one) for _, one in data):
        for item, one in data:
            if not has_interval(one):
                raise Blamed(EINVAL, item.at)
