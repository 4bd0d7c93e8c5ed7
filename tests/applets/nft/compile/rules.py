"""Rules in nft's words, and packets that they judge."""

from __future__ import annotations

from pystack.applets.nft.compile.rule import compile_rule
from pystack.applets.nft.compile.site import Site
from pystack.applets.nft.evaluate.commands import evaluate
from pystack.applets.nft.evaluate.ledger import Ledger
from pystack.applets.nft.surroundings import Surroundings
from pystack.applets.nft.tree.commands import RuleText, SetText
from pystack.netfilter.nft import view as views
from pystack.netfilter.nft.table import NftTable
from pystack.netfilter.rule import CONTINUE, Chain, Jump, Rule, decided
from pystack.netfilter.view import View
from tests.applets.nft.reading import command
from tests.box import Box


class Nowhere:
    """An evaluate.Context of one table with the chains `c` and `other`, and nothing else."""

    surroundings = Surroundings(devices={"lo": 1, "tap1": 2, "wlan0": 3})

    def has_table(self, family: str, table: str) -> bool:
        return True

    def has_chain(self, family: str, table: str, chain: str) -> bool:
        return True

    def has_object(self, family: str, table: str, kind: str, name: str) -> bool:
        return True

    def set_named(self, family: str, table: str, name: str) -> SetText | None:
        return None

    def ledger(self, family: str, table: str, name: str) -> Ledger:
        return Ledger()

    def rules(self, family: str, table: str, chain: str) -> list[int] | None:
        return None

    def tables(self) -> list[tuple[str, str]]:
        return []

    def chains(self, family: str, table: str) -> list[str]:
        return []

    def sets(self, family: str, table: str) -> list[tuple[str, bool]]:
        return []

    def objects(self, family: str, table: str) -> list[str]:
        return []


def site(family: str = "ip", box: Box | None = None) -> Site:
    table = NftTable(family, "t", 1)
    table.chains = {name: Chain(name) for name in ("c", "other")}
    return Site(table, (box or Box()).ns.nft_ground)


def rule(text: str, family: str = "ip", box: Box | None = None) -> Rule:
    """`add rule FAMILY t c TEXT`"""
    body = evaluate(command(f"add rule {family} t c {text}"), Nowhere()).body
    assert isinstance(body, RuleText)
    tests, target = compile_rule(body, site(family, box))
    return Rule(tests, target, body)


def matches(text: str, seen: View, family: str = "ip") -> bool:
    """Whether a rule matches a packet."""
    return rule(text, family).matches(seen)


def verdict(judging: Rule, seen: View) -> int | str | None:
    """What a rule says of a packet: a number, the name of a chain; None if it does not match."""
    if not judging.matches(seen):
        return None
    target = decided(judging, seen)
    if isinstance(target, Jump):
        return target.chain.name
    return CONTINUE if target is None else target.apply(seen)


def in_ip(seen: View) -> View:
    """A packet as a chain of ip sees it."""
    return views.of_ipv4(seen.pkt, seen.state)


def in_ip6(seen: View) -> View:
    return views.of_ipv6(seen.pkt, seen.state)
