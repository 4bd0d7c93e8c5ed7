"""A named set or map: the core's, with the types that its elements are written in."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial

from pystack.applets.nft.compile.elements import ElementCompiler, ends_of
from pystack.applets.nft.compile.jiffies import jiffies_of
from pystack.applets.nft.compile.site import Site
from pystack.applets.nft.compile.statement import compile_statement
from pystack.applets.nft.compile.told import constant, octets_of, told
from pystack.applets.nft.evaluate.ordering import has_interval, sort_key
from pystack.applets.nft.evaluate.typed import Expected
from pystack.applets.nft.tree.commands import SetText
from pystack.applets.nft.tree.expressions import Element
from pystack.applets.nft.tree.statements import Statement
from pystack.errors import EINVAL
from pystack.netfilter.nft import set_element as core
from pystack.netfilter.nft.set import NftSet, SetRefused, Undo
from pystack.netfilter.nft.set_element import Stateful
from pystack.netfilter.rule import Chain

Tell = Callable[[], tuple[Element, ...]]


class TypedSet:
    """What commands see of it."""

    __slots__ = (
        "_compiler",
        "_data",
        "_key",
        "_maps_to_intervals",
        "_merges",
        "_site",
        "_was_emptied",
        "core",
        "replaced",
    )

    def __init__(self, spec: SetText, key: Expected, data: Expected, site: Site) -> None:
        """Raises NetError for what the kernel does not make."""
        self._key = key.parts or (key,)
        self._data = data.parts or (data,)
        self._site = site
        self._maps_to_intervals = spec.data_interval
        self._was_emptied = False
        self.replaced: list[core.Element] = []  # by the last addition to a set that merges
        self._merges = spec.auto_merge and not spec.is_map
        self._compiler = ElementCompiler(site, object_kind(spec))
        form = self._form(spec)
        form.check()
        self.core = NftSet(form, site.clock)

    def _form(self, spec: SetText) -> core.SetForm:
        hz = self._site.clock.hz
        return core.SetForm(
            fields=tuple(map(octets_of, self._key)),
            interval="interval" in spec.flags,
            timeouts="timeout" in spec.flags or spec.timeout is not None,
            dynamic="dynamic" in spec.flags,
            constant="constant" in spec.flags,
            is_map=spec.is_map,
            holds_objects=bool(object_kind(spec)),
            size=spec.size or 0,
            timeout=jiffies_of(spec.timeout, hz),
            gc_interval=jiffies_of(spec.gc_interval, hz),
            statements=tuple(self._template(statement) for statement in spec.statements),
        )

    def _template(self, statement: Statement) -> Stateful:
        match = compile_statement(statement, self._site)
        assert isinstance(match, Stateful), "evaluation lets nothing else in"
        return match

    # --- changes ------------------------------------------------------------------------------------------

    def add(self, items: Iterable[Element], *, exclusive: bool = False) -> Undo:
        """Take elements in, all or none. Raises SetRefused."""
        items = tuple(items)
        self._check_data(items)
        compiled = [self._compiler.compiled(item) for item in items]
        if not self._merges:
            return self.core.add(compiled, exclusive=exclusive)
        make_room = self.core.delete(self._covered(compiled))
        covered = self.core.touched
        add = self.core.add(compiled, exclusive=exclusive)
        self.replaced = covered

        def undo() -> None:
            add()
            make_room()

        return undo

    def told_changes(self) -> Iterator[tuple[str, Tell]]:
        """What the last change did to elements, for who monitors; whoever asks takes it."""
        form = self.core.form
        told = self._bare_told if form.interval and not form.has_fields else self._all_told
        told, self._was_emptied = self._all_told if self._was_emptied else told, False
        replaced, self.replaced = self.replaced, []
        touched, self.core.touched = self.core.touched, []
        if replaced:
            yield "delete", partial(told, replaced)
        if touched:
            yield "", partial(told, touched)

    def _all_told(self, elements: list[core.Element]) -> tuple[Element, ...]:
        return tuple(map(self._told, elements))

    def _bare_told(self, elements: list[core.Element]) -> tuple[Element, ...]:
        """nft loses the statements where an interval's end is told behind its start.

        nft: src/segtree.c interval_map_decompose()
        """
        return tuple(replace(element, statements=()) for element in self._all_told(elements))

    def _check_data(self, items: tuple[Element, ...]) -> None:
        """Where intervals are mapped to, nft sends half of what is none."""
        for at, item in enumerate(items if self._maps_to_intervals else ()):
            if item.data is not None and not has_interval(item.data):
                raise SetRefused(EINVAL, at)

    def _covered(self, new: list[core.Element]) -> list[core.Element]:
        """Intervals that evaluation has united with new ones. nft: src/intervals.c set_automerge()"""
        covered: list[core.Element] = []
        for element in new:
            low = element.key
            while low and (known := self.core.overlapping(low, element.end)) is not None:
                covered.append(known)
                low = _behind(known.end)
        return covered

    def delete(self, items: Iterable[Element]) -> Undo:
        """Take elements out, all or none. Raises SetRefused."""
        return self.core.delete([core.Element(*ends_of(item.key)) for item in items])

    def flush(self) -> Undo:
        """Take all out."""
        self._was_emptied = True
        return self.core.flush()

    def amend(self, spec: SetText) -> Undo:
        """Take over what another declaration of the same set says."""
        form = self._form(spec)
        return self.core.amend(replace(form, size=form.size or self.core.form.size))

    # --- what it holds ------------------------------------------------------------------------------------

    def elements(self) -> tuple[Element, ...]:
        """All, in the order of nft's listings."""
        found = [self._told(element) for element in self.core]
        if not self.core.form.interval:
            found.reverse()  # of those that are alike in order the newest is first
            found.sort(key=lambda element: sort_key(element.key))
        return tuple(found)

    def get(self, items: Iterable[Element]) -> Iterator[Element | None]:
        """Of each of these the element that it falls on."""
        for item in items:
            found = self.core.enclosing(*ends_of(item.key))
            yield None if found is None else self._as_got(found, item)

    def _as_got(self, element: core.Element, asked: Element) -> Element | None:
        """Of an interval nft tells the key alone then, and of a map's the first key.

        nft: src/segtree.c get_set_decompose()
        """
        form, told = self.core.form, self._told(element)
        if not form.interval or form.has_fields:
            return told
        if not form.is_map:
            return Element(told.key)
        first = constant(element.key, element.key, self._key)
        return Element(first, told.data) if asked.data is None else None

    def chains(self) -> set[Chain]:
        """Where the elements of a verdict map lead."""
        return self.core.chains()

    def _told(self, element: core.Element) -> Element:
        usual = self.core.form.timeout
        return told(element, self._key, self._data, self._compiler.names, self._site.clock, usual)


def _behind(key: bytes) -> bytes:
    """The next key; none behind the last one."""
    number = int.from_bytes(key) + 1
    return number.to_bytes(len(key)) if number >> 8 * len(key) == 0 else b""


def object_kind(spec: SetText) -> str:
    """Which named objects a map holds; "" if it holds something else."""
    return spec.data if isinstance(spec.data, str) and spec.data != "verdict" else ""
