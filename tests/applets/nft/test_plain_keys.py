"""The short way for keys in digits says what the long way would, or nothing."""

import pytest

from pystack.applets.nft.evaluate.ordering import in_shortest_form, spans_of
from pystack.applets.nft.evaluate.plain import plain_key
from pystack.applets.nft.evaluate.typed import Expected
from pystack.applets.nft.surroundings import Surroundings
from pystack.applets.nft.tree.expressions import Anything, Element, Expression, Prefix, Range, Symbol, Value
from pystack.applets.nft.types import INET_SERVICE, IPV4_ADDR
from pystack.applets.nft.values import parse

ADDRESS = Expected(IPV4_ADDR, 32)


def value(text: str) -> Value:
    octets = parse(IPV4_ADDR, text, Surroundings())
    assert isinstance(octets, bytes)
    return Value(octets, IPV4_ADDR)


@pytest.mark.parametrize("text", ["0.0.0.0", "10.20.30.40", "255.255.255.255"])
def test_an_address_is_what_the_long_way_reads(text: str) -> None:
    assert plain_key(Symbol(text), ADDRESS) == value(text)


@pytest.mark.parametrize(
    "text", ["1.2.3", "010.0.0.1", "1.2.3.256", "1.2.3.4.5", "0x1.2.3.4", "host", "", "1.2.3.٤"]
)
def test_what_is_not_plain_is_left_to_the_long_way(text: str) -> None:
    assert plain_key(Symbol(text), ADDRESS) is None
    assert plain_key(Range(Symbol("1.2.3.4"), Symbol(text)), ADDRESS) is None
    assert plain_key(Prefix(Symbol(text), 8), ADDRESS) is None


def test_a_prefix_has_nothing_behind_it() -> None:
    assert plain_key(Prefix(Symbol("10.1.2.3"), 8), ADDRESS) == Prefix(value("10.0.0.0"), 8)
    assert plain_key(Prefix(Symbol("10.1.2.3"), 33), ADDRESS) is None


def test_a_range_backwards_is_left_to_the_long_way() -> None:
    between = Range(Symbol("10.0.0.1"), Symbol("10.0.0.9"))
    assert plain_key(between, ADDRESS) == Range(value("10.0.0.1"), value("10.0.0.9"))
    assert plain_key(Range(between.high, between.low), ADDRESS) is None


def test_other_types_are_left_to_the_long_way() -> None:
    assert plain_key(Symbol("10.0.0.1"), Expected(INET_SERVICE, 16)) is None


@pytest.mark.parametrize(
    ("key", "shortest"),
    [
        (value("10.0.0.1"), value("10.0.0.1")),
        (Prefix(value("10.0.0.0"), 8), Prefix(value("10.0.0.0"), 8)),
        (Prefix(value("10.0.0.1"), 32), value("10.0.0.1")),
        (Range(value("10.0.0.0"), value("10.0.0.255")), Prefix(value("10.0.0.0"), 24)),
        (Range(value("10.0.0.1"), value("10.0.0.1")), value("10.0.0.1")),
        (Range(value("10.0.0.1"), value("10.0.0.2")), Range(value("10.0.0.1"), value("10.0.0.2"))),
    ],
)
def test_what_lies_between_two_keys_is_told_in_its_shortest_form(
    key: Expression, shortest: Expression
) -> None:
    spans, catch_all = spans_of([Element(Anything()), Element(key, comment="kept")], 32)
    assert [item.key for item in catch_all] == [Anything()]
    assert in_shortest_form(spans, IPV4_ADDR, 32) == [Element(shortest, comment="kept")]
