"""Elements of sets, from their texts to the core."""

from __future__ import annotations

from pystack.applets.nft.compile.counting import compile_counting
from pystack.applets.nft.compile.jiffies import jiffies_of
from pystack.applets.nft.compile.site import Site
from pystack.applets.nft.compile.values import bounds_of, key_of
from pystack.applets.nft.compile.verdict import compile_verdict
from pystack.applets.nft.evaluate.ordering import has_interval
from pystack.applets.nft.tree.expressions import Anything, Concatenation, Element, Expression, Value, Verdict
from pystack.netfilter.nft import set_element as core
from pystack.netfilter.rule import Match


class ElementCompiler:
    """Of one set; `kind` says of which kind the objects are that a map names."""

    __slots__ = ("_hz", "_kind", "_site", "names")

    def __init__(self, site: Site, kind: str = "") -> None:
        self._site = site
        self._hz = site.clock.hz
        self._kind = kind
        self.names: dict[Match, Expression] = {}  # how the objects were written

    def compiled(self, item: Element) -> core.Element:
        """As a set takes it in."""
        low, high = ends_of(item.key)
        return core.Element(
            low,
            high,
            None if item.data is None else self._data(item.data),
            timeout=jiffies_of(item.timeout, self._hz),
            expires=jiffies_of(item.expires, self._hz),
            statements=tuple([compile_counting(one, self._site) for one in item.statements])
            if item.statements
            else (),
            comment=item.comment,
        )

    def _data(self, data: Expression) -> core.Data:
        if isinstance(data, Verdict):
            return compile_verdict(data, self._site)
        if self._kind:
            assert isinstance(data, Value), "an object has a name"
            found = self._site.object_named(self._kind, data.octets.decode())
            self.names[found] = data
            return found
        return b"".join(bounds_of(data)) if has_interval(data) else key_of(data)


def ends_of(key: Expression) -> tuple[bytes, bytes]:
    """The lowest and the highest key of an element; of `*` none."""
    return (b"", b"") if isinstance(key, Anything) else bounds_of(key)


def fields_of(key: Expression) -> tuple[int, ...]:
    """How many octets each part of a key has."""
    if isinstance(key, Concatenation):
        return tuple(len(bounds_of(part)[0]) for part in key.parts)
    return (len(bounds_of(key)[0]),)
