"""Elements of sets from their texts to the core, and what listings tell of them."""

from __future__ import annotations

import pytest

from pystack.applets.nft.blamed import Blamed
from pystack.applets.nft.compile.anonymous import anonymous_set
from pystack.applets.nft.compile.elements import ElementCompiler
from pystack.applets.nft.compile.jiffies import jiffies_of, milliseconds_of
from pystack.applets.nft.compile.site import Site
from pystack.applets.nft.compile.told import told
from pystack.applets.nft.evaluate.typed import Expected
from pystack.applets.nft.place import Place, Source
from pystack.applets.nft.tree.expressions import (
    Anything,
    Concatenation,
    Element,
    Elements,
    Expression,
    Prefix,
    Range,
    Value,
    Verdict,
)
from pystack.applets.nft.tree.statements import Counter
from pystack.applets.nft.types import IFNAME, INET_SERVICE, IPV4_ADDR, MARK, STRING
from pystack.errors import EEXIST
from pystack.host import Host
from pystack.netfilter.nft.set_element import Element as CoreElement
from pystack.netfilter.nft.statements import counters
from pystack.netfilter.nft.table import Named, NftTable
from pystack.netfilter.rule import Chain, Jump

HOST = Value(b"\x0a\0\0\x05", IPV4_ADDR)
PORT = Value(b"\0\x50", INET_SERVICE)
ADDRESS, SERVICE = Expected(IPV4_ADDR, 32), Expected(INET_SERVICE, 16)


def a_site() -> Site:
    netns = Host().namespaces[""]
    table = NftTable("inet", "t", 1)
    table.chains["other"] = Chain("other")
    table.objects["counter", "seen"] = Named("seen", None, counters.Counter())
    return Site(table, netns.nft_ground)


def compiled(item: Element, kind: str = "") -> tuple[ElementCompiler, CoreElement]:
    compiler = ElementCompiler(a_site(), kind)
    return compiler, compiler.compiled(item)


@pytest.mark.parametrize(
    ("key", "kinds"),
    [
        (HOST, (ADDRESS,)),
        (Prefix(Value(b"\x0a\0\0\0", IPV4_ADDR), 8), (ADDRESS,)),
        (Range(PORT, Value(b"\0\x5b", INET_SERVICE)), (SERVICE,)),
        (Anything(), (ADDRESS,)),
        (Value(b"eth0", IFNAME), (Expected(IFNAME, 128),)),
        (Prefix(Value(b"eth", IFNAME), 24), (Expected(IFNAME, 128),)),
        (Concatenation((HOST, Range(PORT, Value(b"\0\x5b", INET_SERVICE)))), (ADDRESS, SERVICE)),
        (
            Concatenation((PORT, PORT, Prefix(Value(b"\x0a\0\0\0", IPV4_ADDR), 8))),
            (SERVICE, SERVICE, ADDRESS),
        ),
    ],
)
def test_a_key_is_told_as_it_was_written(key: Expression, kinds: tuple[Expected, ...]) -> None:
    compiler, element = compiled(Element(key, comment="why"))
    assert told(element, kinds, (), compiler.names, a_site().clock) == Element(key, comment="why")


@pytest.mark.parametrize(
    ("data", "kinds"),
    [
        (Value(b"\0\0\0\7", MARK), (Expected(MARK, 32),)),
        (Concatenation((HOST, PORT)), (ADDRESS, SERVICE)),
        (Prefix(Value(b"\x0a\0\0\0", IPV4_ADDR), 24), (ADDRESS,)),
        (Verdict("accept"), ()),
        (Verdict("goto", "other"), ()),
    ],
)
def test_what_a_key_is_mapped_to_is_told_as_it_was_written(
    data: Expression, kinds: tuple[Expected, ...]
) -> None:
    compiler, element = compiled(Element(HOST, data))
    assert told(element, (ADDRESS,), kinds, compiler.names, a_site().clock).data == data


def test_an_object_is_told_by_its_name() -> None:
    name = Value(b"seen", STRING)
    compiler, element = compiled(Element(HOST, name), "counter")
    assert isinstance(element.data, counters.Counter)
    assert told(element, (ADDRESS,), (), compiler.names, a_site().clock).data == name


def test_statements_are_told_with_what_they_have_counted() -> None:
    compiler, element = compiled(Element(HOST, statements=(Counter(3, 180),)))
    assert told(element, (ADDRESS,), (), compiler.names, a_site().clock).statements == (Counter(3, 180),)


def test_times_are_rounded_as_the_kernel_rounds_them() -> None:
    assert [jiffies_of(milliseconds, 250) for milliseconds in (None, 0, 1, 10, 60_000)] == [
        0,
        0,
        1,
        2,
        15_000,
    ]
    assert milliseconds_of(2499, 250) == 9996


def test_an_element_has_the_time_left_that_remains() -> None:
    site = a_site()
    element = ElementCompiler(site).compiled(Element(HOST, timeout=10_000))
    element.expires = site.clock.jiffies + 100
    item = told(element, (ADDRESS,), (), {}, site.clock)
    assert (item.timeout, item.expires) == (10_000, 100_000 // site.clock.hz)


def test_a_set_without_a_name_holds_what_stands_in_the_rule() -> None:
    site = a_site()
    ports = Range(PORT, Value(b"\0\x5b", INET_SERVICE))
    elements = Elements((Element(ports, Verdict("jump", "other")), Element(Anything(), Verdict("drop"))))
    content = anonymous_set(elements, site)
    found = content.find(b"\0\x55")
    assert found is not None
    assert isinstance(found.data, Jump)
    assert found.data.chain is site.chain_named("other")
    assert content.find(b"\0\x01") is not found
    assert content.form.constant


def test_a_key_that_is_mapped_to_two_things_is_refused_where_it_stands() -> None:
    second = Place(Source("x", ""), 1, 30, 36)
    twice = Elements((Element(HOST, Verdict("accept"), at=second), Element(HOST, Verdict("drop"))))
    with pytest.raises(Blamed) as refused:
        anonymous_set(twice, a_site())
    assert (refused.value.number, refused.value.at) == (EEXIST, second)
