"""Named objects: what nft writes into them that was not said."""

from __future__ import annotations

import pytest

from pystack.applets.nft.errors import NftError
from tests.applets.nft.evaluate.book import Book


def listed(inside: str, family: str = "ip") -> list[str]:
    """The lines of the object in a listing."""
    book = Book()
    book.run(f"table {family} t {{\n{inside}\n}}")
    return [line.strip() for line in book.text().splitlines()[2:-2]]


def test_a_counter_begins_with_nothing() -> None:
    assert listed("counter k { }") == ["packets 0 bytes 0"]
    assert listed("counter k { packets 3 bytes 4 }") == ["packets 3 bytes 4"]


def test_a_helper_is_of_its_tables_family() -> None:
    assert listed('ct helper h { type "ftp" protocol tcp; }') == ['type "ftp" protocol tcp', "l3proto ip"]
    assert listed('ct helper h { type "ftp" protocol tcp; }', "ip6")[1] == "l3proto ip6"
    assert listed('ct helper h { type "ftp" protocol tcp; l3proto ip; }', "inet")[1] == "l3proto ip"


@pytest.mark.parametrize(
    ("policy", "shown"),
    [
        ("{ established : 100, close : 4 }", "policy = { established : 100, close : 4 }"),
        ("{ close : 4, established : 100 }", "policy = { established : 100, close : 4 }"),
        ("{ close : 10, established : 100 }", "policy = { established : 100 }"),
    ],
)
def test_a_policy_is_shown_in_the_order_of_states_and_without_what_is_usual(policy: str, shown: str) -> None:
    assert shown in listed(f"ct timeout o {{ protocol tcp; l3proto ip; policy = {policy}; }}")


def test_states_of_other_protocols_are_refused() -> None:
    with pytest.raises(NftError) as error:
        listed("ct timeout o { protocol udp; l3proto ip; policy = { established : 100 }; }")
    assert [one.message for one in error.value.complaints] == ["invalid state for this protocol"]
