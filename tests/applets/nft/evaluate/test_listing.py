"""Which matches of a rule a packet is held against, and which of them a listing shows."""

from __future__ import annotations

import pytest

from pystack.applets.nft.evaluate import evaluate
from pystack.applets.nft.printer.expressions import text
from pystack.applets.nft.printer.page import Page
from pystack.applets.nft.tree.commands import RuleText
from pystack.applets.nft.tree.statements import Match
from tests.applets.nft.evaluate.book import Book
from tests.applets.nft.reading import command


def held_against(family: str, rule: str) -> list[str]:
    """What a packet is held against, in order."""
    book = Book()
    book.run(f"table {family} t {{ }}")
    made = evaluate(command(f"add rule {family} t c {rule}"), book).body
    assert isinstance(made, RuleText)
    page = Page(family=family, around=book.surroundings)
    return [text(one, page) for one in made.statements if not isinstance(one, Match) or not one.idle]


@pytest.mark.parametrize(
    ("family", "rule", "statements"),
    [
        ("ip", "tcp dport 22", ["meta l4proto tcp", "tcp dport 22"]),
        ("inet", "ip saddr 1.1.1.1", ["meta nfproto ipv4", "ip saddr 1.1.1.1"]),
        ("bridge", "ip saddr 1.1.1.1", ["meta protocol ip", "ip saddr 1.1.1.1"]),
        ("ip", "ether saddr 1:2:3:4:5:6", ["meta iiftype ether", "ether saddr 01:02:03:04:05:06"]),
        ("ip", "ip protocol tcp tcp dport 22", ["ip protocol tcp", "tcp dport 22"]),
        ("ip", "log reject with tcp reset", ["meta l4proto tcp", "log", "reject with tcp reset"]),
        ("ip", "icmp mtu 5", ["meta l4proto icmp", "icmp type destination-unreachable", "icmp mtu 5"]),
    ],
)
def test_a_match_makes_sure_of_the_header_that_it_looks_at(
    family: str, rule: str, statements: list[str]
) -> None:
    assert held_against(family, rule) == statements


def test_neighbours_that_must_differ_are_compared_at_once() -> None:
    assert held_against("ip", "tcp sport != 1 tcp dport != 2") == ["meta l4proto tcp", "@th,0,32 != 0x10002"]


def test_a_range_of_two_fields_is_only_listed() -> None:
    assert held_against("ip", "tcp dport >= 1000 tcp sport <= 53") == [
        "meta l4proto tcp",
        "tcp dport >= 1000",
        "tcp sport <= 53",
    ]
