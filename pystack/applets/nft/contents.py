"""Named sets and objects, out of their texts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from pystack.applets.nft.blamed import Blamed
from pystack.applets.nft.cache import Cache
from pystack.applets.nft.compile.objects import compile_object
from pystack.applets.nft.compile.sets import TypedSet, object_kind
from pystack.applets.nft.compile.site import Site
from pystack.applets.nft.evaluate import kinds_of
from pystack.applets.nft.held import HeldSet, held
from pystack.applets.nft.mentions import check, of_elements
from pystack.applets.nft.place import NOWHERE
from pystack.applets.nft.tree.commands import Command, ObjectText, SetText
from pystack.applets.nft.tree.expressions import Element, Verdict
from pystack.errors import EINVAL
from pystack.netfilter.nft.ground import Ground
from pystack.netfilter.nft.journal import Journal
from pystack.netfilter.nft.set import SetRefused, Undo
from pystack.netfilter.nft.table import Named, NftTable


class Contents:
    """Makes and fills them, for one batch."""

    def __init__(self, ground: Ground, cache: Cache, journal: Journal) -> None:
        self._ground = ground
        self._cache = cache
        self._journal = journal

    def new_set(self, table: NftTable, command: Command, text: SetText) -> Named:
        """Without elements. Raises NetError."""
        key, data = kinds_of(command, text, self._cache)
        typed = TypedSet(text, key, data, Site(table, self._ground))
        return Named(text.name, HeldSet(text, typed), typed.core)

    def is_same(self, named: Named, text: SetText) -> bool:
        """Whether a set that is there is what a text says; its times and its size may be others.

        Linux: net/netfilter/nf_tables_api.c nft_set_is_same()
        """
        return _likeness(held(named).text) == _likeness(text)

    def amend(self, named: Named, text: SetText) -> None:
        """Take those times and that size over."""
        one = held(named)
        before = one.text
        one.text = replace(before, timeout=text.timeout, gc_interval=text.gc_interval, size=text.size)
        self._journal.undone_by(lambda: setattr(one, "text", before))
        self._journal.undone_by(one.elements.amend(text))

    def add(self, table: NftTable, named: Named, elements: tuple[Element, ...], *, exclusive: bool) -> None:
        """Raises Blamed."""
        text = held(named).text
        check(list(of_elements(elements, object_kind(text))), table)
        is_for_verdicts = text.data == "verdict"
        for one in elements if text.is_map else ():
            if one.data is None or (type(one.data) is Verdict and not is_for_verdicts):
                raise Blamed(EINVAL, one.at)
        self._change(elements, lambda: held(named).elements.add(elements, exclusive=exclusive))

    def delete(self, named: Named, elements: tuple[Element, ...]) -> None:
        """Raises Blamed."""
        self._change(elements, lambda: held(named).elements.delete(elements))

    def flush(self, named: Named) -> None:
        """Take all elements out."""
        self._journal.undone_by(held(named).elements.flush())

    def _change(self, elements: tuple[Element, ...], change: Callable[[], Undo]) -> None:
        try:
            self._journal.undone_by(change())
        except SetRefused as refused:
            at = NOWHERE if refused.is_end else elements[refused.at].at
            raise Blamed(refused.number, at) from None

    def new_object(self, table: NftTable, text: ObjectText) -> Named:
        """A counter, quota and the like. Raises NetError."""
        return Named(text.name, text, compile_object(text, Site(table, self._ground)))

    def update_object(self, table: NftTable, known: Named, text: ObjectText) -> None:
        """Of those that are there only quotas take over what another text says.

        Linux: net/netfilter/nf_tables_api.c nf_tables_updobj()
        """
        if text.kind != "quota":
            return
        before = known.spec, known.content
        made = self.new_object(table, text)
        known.spec, known.content = made.spec, made.content

        def undo() -> None:
            known.spec, known.content = before

        self._journal.undone_by(undo)


def _likeness(text: SetText) -> SetText:
    flags = tuple(sorted(text.flags))
    return replace(text, elements=None, timeout=None, gc_interval=None, size=None, flags=flags, comment="")
