"""A long chain of nft's decides as if all of its rules were asked, and finds most of them without asking."""

import random

import pytest

from pystack.netfilter.hooks import FORWARD
from pystack.netfilter.index import RuleIndex
from pystack.netfilter.nft.statements.counters import Counter
from pystack.netfilter.rule import BaseChain, Rule
from pystack.netfilter.verdict import NF_ACCEPT
from pystack.netfilter.view import View
from pystack.netfilter.walk import walk
from pystack.wire import udp
from pystack.wire.ipv4 import Ipv4Header
from tests.applets.nft.compile.rules import in_ip, in_ip6, rule
from tests.box import Box
from tests.frames import ip
from tests.netfilter.rules import view, view6

ASKED = (
    "ip saddr 10.0.0.{n}",
    "ip saddr 10.0.{n}.0/24",
    "ip daddr != 10.0.0.{n}",
    "ip daddr {{ 10.0.0.{n}, 10.0.0.1{n} }}",
    "udp dport {n}",
    "udp dport {{ {n}, 1{n} }}",
    "tcp dport {n}",
    "meta l4proto tcp",
    'iifname "tap{n}"',
    'iifname != "tap{n}"',
    "numgen inc mod 2 0 udp dport {n}",
    "counter udp dport {n}",
    "limit rate 1/hour burst 3 packets udp dport {n}",
    "ip6 daddr ::{n}",
    "ct state invalid udp dport {n}",
)


def drawn(rng: random.Random, family: str) -> list[str]:
    asked = [text for text in ASKED if family == "inet" or "ip6" not in text]
    return [rng.choice(asked).format(n=rng.randrange(1, 6)) + " counter" for _ in range(40)]


def packets(rng: random.Random, family: str) -> list[View]:
    return [_packet(rng, family) for _ in range(60)]


def _packet(rng: random.Random, family: str) -> View:
    if family == "inet" and rng.random() < 0.3:
        return in_ip6(view6())
    source, destination = f"10.0.0.{rng.randrange(1, 6)}", f"10.0.0.{rng.randrange(1, 6)}"
    header = Ipv4Header(ip(source), ip(destination), 17, frag_off=rng.choice((0, 0, 0, 3)))
    body = udp.build(5, rng.randrange(1, 6), b"data", ip(source), ip(destination))
    return in_ip(view(source, destination, header=header, body=body[: rng.choice((12, 12, 12, 3))]))


def judged(rules: list[Rule], seen: list[View], *, indexed: bool) -> list[tuple[int, int]]:
    chain = BaseChain("c", FORWARD, 0, NF_ACCEPT)
    if indexed:
        chain.rules = rules
        for one in seen:
            walk(chain, one)
        assert isinstance(chain.index, RuleIndex)
    else:
        for one in seen:
            for each in rules:
                each.matches(one)
    counters = [test for each in rules for test in each.tests if isinstance(test, Counter)]
    return [(counter.packets, counter.octets) for counter in counters]


@pytest.mark.parametrize("seed", range(5))
@pytest.mark.parametrize("family", ["ip", "inet"])
def test_counters_stand_as_if_all_rules_were_asked(seed: int, family: str) -> None:
    texts = drawn(random.Random(seed), family)
    seen = packets(random.Random(seed), family)
    box = Box()
    found, expected = (
        judged([rule(text, family, box) for text in texts], seen, indexed=indexed)
        for indexed in (True, False)
    )
    assert found == expected


def test_rules_about_other_ports_and_hosts_are_not_asked() -> None:
    ports = [rule(f"udp dport {port} counter") for port in range(10, 60)]
    hosts = [rule(f"ip saddr 10.1.0.{host} counter") for host in range(1, 50)]
    index = RuleIndex([*ports, *hosts, rule("udp dport 6 counter"), rule("counter")])
    assert list(index.candidates(in_ip(view()))) == [99, 100]
