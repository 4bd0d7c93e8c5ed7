"""A set or map of nft: what rules look keys up in, and what commands and rules add to.

What a command does is done at once, and undone if a later one of its transaction fails: no packet comes in
between.

Linux: net/netfilter/nf_tables_api.c nft_add_set_elem(), nft_del_setelem()
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import replace
from functools import partial
from typing import Protocol

from pystack.clock import Clock
from pystack.errors import EBUSY, EEXIST, EINVAL, ENFILE, ENOENT, EOPNOTSUPP, ERANGE, NetError
from pystack.netfilter.nft.set_element import (
    DEFAULT_DYNAMIC_SIZE,
    Data,
    Element,
    SetForm,
    Stateful,
    same_data,
)
from pystack.netfilter.nft.set_fields import FieldStore
from pystack.netfilter.nft.set_hash import HashStore
from pystack.netfilter.nft.set_interval import IntervalStore
from pystack.netfilter.nft.statements.conn_limit import ConnLimit
from pystack.netfilter.rule import Chain, Jump, Match

Undo = Callable[[], object]


class Store(Protocol):
    """Where elements are kept."""

    def __iter__(self) -> Iterator[Element]:
        """All, as Linux walks over them."""

    def find(self, key: bytes) -> Element | None:
        """The element that a key falls on."""

    def overlapping(self, low: bytes, high: bytes) -> Element | None:
        """One that is in the way of a new element."""

    def doomed(self, element: Element) -> Element | None:
        """The element that has to go if this one is deleted."""

    def put(self, element: Element) -> None:
        """Take one in."""

    def take(self, element: Element) -> Undo:
        """Take one out; what is given back puts it back in its place."""


class SetRefused(NetError):
    """A set does not take, or does not have, one of several elements."""

    def __init__(self, number: int, at: int = 0, *, is_end: bool = False) -> None:
        super().__init__(number)
        self.at = at  # which one, from 0
        self.is_end = is_end  # it is about the end of an interval, of which nft does not know where it stood


class NftSet:
    """Linux: struct nft_set"""

    __slots__ = (
        "_catch_all",
        "_count",
        "_is_for_rules",
        "_most_weight",
        "_store",
        "_swept",
        "clock",
        "form",
        "touched",
    )

    def __init__(self, form: SetForm, clock: Clock) -> None:
        self.form = form
        self._is_for_rules = form.takes_updates  # for good, also if its size changes
        self.clock = clock
        self._catch_all: Element | None = None
        self._store = self._new_store()
        self._count = 0  # as Linux counts: an interval has a start, and an end unless it is open
        self._most_weight = 2 if form.interval and not form.has_fields else 1
        self.touched: list[Element] = []  # by the last change, as Linux tells of it
        self._swept = clock.jiffies

    def _new_store(self) -> Store:
        if self.form.has_fields:
            return FieldStore(self.form.fields)
        return IntervalStore() if self.form.interval else HashStore()

    # --- questions ----------------------------------------------------------------------------------------

    def __iter__(self) -> Iterator[Element]:
        """All that have not expired, as Linux walks over them; of a hash in the order in which they came."""
        self._expire()
        self._collect()
        yield from self._store
        if self._catch_all is not None:
            yield self._catch_all

    def find(self, key: bytes) -> Element | None:
        """The element that a packet's key falls on. Linux: net/netfilter/nft_lookup.c nft_lookup_eval()"""
        element = self._store.find(key)
        if element is not None and element.timeout:
            element = self._alive(lambda: self._store.find(key))
        return element if element is not None else self._alive_catch_all()

    def exact(self, element: Element) -> Element | None:
        """The one that goes if this one is deleted."""
        if element.is_catch_all:
            return self._alive_catch_all()
        return self._alive(lambda: self._store.doomed(element))

    def enclosing(self, low: bytes, high: bytes) -> Element | None:
        """The one that two keys fall on. Linux: net/netfilter/nf_tables_api.c nft_get_set_elem()"""
        if not low:
            return self._alive_catch_all()
        found = self._alive(lambda: self._store.find(low))
        return found if found is None or self.form.has_fields or high <= found.end else None

    def overlapping(self, low: bytes, high: bytes) -> Element | None:
        """One that is in the way of an element with these ends."""
        return self._alive(lambda: self._store.overlapping(low, high))

    def chains(self) -> set[Chain]:
        """Where its elements lead."""
        return {element.data.chain for element in self if isinstance(element.data, Jump)}

    def objects(self) -> set[Match]:
        """What its elements name."""
        return {element.data for element in self if isinstance(element.data, Match)}

    def _alive(self, find: Callable[[], Element | None]) -> Element | None:
        """What is found. What has expired goes, so that nothing is kept that is never found again.

        Linux differs: a worker takes it out within a second, and until then a full set stays full.
        """
        while (element := find()) is not None and self._is_over(element):
            self._drop(element)
        return element

    def _alive_catch_all(self) -> Element | None:
        if self._catch_all is not None and self._is_over(self._catch_all):
            self._drop(self._catch_all)
        return self._catch_all

    def _is_over(self, element: Element) -> bool:
        return bool(element.timeout) and element.expires <= self.clock.jiffies

    # --- commands -----------------------------------------------------------------------------------------

    def add(self, elements: Iterable[Element], *, exclusive: bool = False) -> Undo:
        """Take elements in, or none; one that is there already is taken for done, unless `exclusive`."""
        undo, self.touched = list[Undo](), []
        for at, element in enumerate(elements):
            try:
                undo.append(self._add(element, exclusive=exclusive))
            except SetRefused as refused:
                _undo_all(undo)
                refused.at = at
                raise
        return partial(_undo_all, undo)

    def _add(self, element: Element, *, exclusive: bool) -> Undo:
        left = self._set_time(element)
        known = self._alive_catch_all() if element.is_catch_all else self._in_the_way(element)
        if known is not None:
            is_same = (known.key, known.end) == (element.key, element.end)
            if exclusive or not is_same or not same_data(known.data, element.data):
                raise SetRefused(EEXIST)
            return self._renew(known, element, left)
        if element.statements:
            self.form.check_statements(element.statements)
        elif self.form.statements:
            element.statements = tuple(statement.clone() for statement in self.form.statements)
        self._check_room(element)
        self._enter(element)
        self.touched.append(element)
        return partial(self._drop, element)

    def _in_the_way(self, element: Element) -> Element | None:
        found = self._store.overlapping(element.key, element.end)
        if found is None or not found.timeout:
            return found
        return self.overlapping(element.key, element.end)

    def _set_time(self, element: Element) -> int:
        """Elements come with the time that they are left, or 0; which is given back."""
        if not self.form.timeouts:
            if element.timeout or element.expires:
                raise SetRefused(EINVAL)
            return 0
        left = element.expires
        element.timeout = element.timeout or self.form.timeout
        if left > element.timeout:
            raise SetRefused(ERANGE)
        element.expires = self.clock.jiffies + (left or element.timeout)
        return left

    def _renew(self, known: Element, wanted: Element, left: int) -> Undo:
        """Kernels since 6.12 let the time of an element be changed by adding it again."""
        before = (known.timeout, known.expires)

        def undo() -> None:
            known.timeout, known.expires = before

        if left or wanted.timeout != known.timeout:
            known.timeout, known.expires = wanted.timeout, wanted.expires
            self.touched.append(known)
        return undo

    def delete(self, elements: Iterable[Element]) -> Undo:
        """Take elements out, or none."""
        undo, self.touched = list[Undo](), []
        for at, element in enumerate(elements):
            known = self.exact(element)
            if known is None:
                _undo_all(undo)
                raise SetRefused(ENOENT, at)
            undo.append(self._drop(known))
            self.touched.append(known)
        return partial(_undo_all, undo)

    def flush(self) -> Undo:
        """Take all out."""
        before = (self._store, self._catch_all, self._count)
        self.touched = list(self._store)[:: -1 if self.form.interval and not self.form.has_fields else 1]
        self.touched += [] if self._catch_all is None else [self._catch_all]

        def undo() -> None:
            self._store, self._catch_all, self._count = before

        self._store, self._catch_all, self._count = self._new_store(), None, 0
        return undo

    def take_updates(self, statements: tuple[Stateful, ...], *, timeout: bool) -> None:
        """A rule is about to add to it. Linux: net/netfilter/nft_dynset.c nft_dynset_init()"""
        form = self.form
        if form.holds_objects or not self._is_for_rules:
            raise NetError(EOPNOTSUPP)
        if form.constant:
            raise NetError(EBUSY)
        if timeout and not form.timeouts:
            raise NetError(EOPNOTSUPP)
        if statements and not form.dynamic:
            raise NetError(EINVAL)
        form.check_statements(statements)
        if not form.size:
            self.form = replace(form, size=DEFAULT_DYNAMIC_SIZE)

    def amend(self, form: SetForm) -> Undo:
        """Take other times and another size over, from a command that would make the set again."""
        before = self.form

        def undo() -> None:
            self.form = before

        self.form = form
        return undo

    # --- from rules ---------------------------------------------------------------------------------------

    def update(
        self, key: bytes, data: Data, timeout: int, statements: tuple[Stateful, ...], *, renews: bool
    ) -> Element | None:
        """The element of a key, with a new span of life if it `renews`; made if there is none, with
        statements like these, and None if there is no room.

        Linux: net/netfilter/nft_dynset.c nft_dynset_eval(), nft_dynset_new()
        """
        span = (timeout or self.form.timeout) if self.form.timeouts else 0
        element = self._alive(lambda: self._store.find(key))
        if element is not None:
            if renews and element.timeout:
                element.expires = self.clock.jiffies + span
            return element
        if self._is_full():
            return None
        element = Element(key, None, data, timeout=span, expires=self.clock.jiffies + span)
        element.statements = tuple(statement.clone() for statement in statements)
        self._enter(element)
        return element

    def remove(self, key: bytes) -> None:
        """Take out the element of a key, if there is one."""
        element = self._store.find(key)
        if element is not None:
            self._drop(element)

    # --- how many -----------------------------------------------------------------------------------------

    def _is_full(self) -> bool:
        if self._count >= self.form.size:
            self._collect()
        return self._count >= self.form.size

    def _check_room(self, element: Element) -> None:
        size = self.form.size * self._most_weight
        if not size or element.is_catch_all or self._count + self._weight(element) <= size:
            return
        self._collect()
        room = size - self._count
        if room < self._weight(element):
            raise SetRefused(ENFILE, is_end=room > 0)

    def _weight(self, element: Element) -> int:
        if element.is_catch_all:
            return 0
        is_open = element.end.count(0xFF) == len(element.end)
        return 1 if is_open else self._most_weight

    def _collect(self) -> None:
        """What a worker does now and then: a full set is not walked over for every packet."""
        interval = self.form.gc_interval or self.clock.hz
        if self.clock.jiffies - self._swept < interval:
            return
        self._swept = self.clock.jiffies
        self._expire()
        if self.form.dynamic:
            self._drop_those(_is_idle)

    def _expire(self) -> None:
        if self.form.timeouts:
            self._drop_those(self._is_over)
            self._alive_catch_all()

    def _drop_those(self, are_over: Callable[[Element], bool]) -> None:
        for element in [element for element in self._store if are_over(element)]:
            self._drop(element)

    # --- in and out ---------------------------------------------------------------------------------------

    def _enter(self, element: Element) -> None:
        if element.is_catch_all:
            self._catch_all = element
        else:
            self._store.put(element)
        self._count += self._weight(element)

    def _drop(self, element: Element) -> Undo:
        self._count -= self._weight(element)
        if element.is_catch_all:
            self._catch_all = None
            return partial(self._enter, element)
        put_back = self._store.take(element)

        def undo() -> None:
            put_back()
            self._count += self._weight(element)

        return undo


def _undo_all(undo: list[Undo]) -> None:
    while undo:
        undo.pop()()


def _is_idle(element: Element) -> bool:
    """Linux: net/netfilter/nft_set_hash.c nft_rhash_expr_needs_gc_run()"""
    return any(isinstance(statement, ConnLimit) and statement.is_idle for statement in element.statements)
