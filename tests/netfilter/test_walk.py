"""The way of a packet through chains, and that a long chain decides as if all of its rules were asked."""

import random

import pytest

from pystack.netfilter.index import WORTH_IT, RuleIndex
from pystack.netfilter.matches.header import Destination, InInterface, Protocol, Source
from pystack.netfilter.matches.limit import Nth
from pystack.netfilter.matches.ports import DestinationPort, Multiport, Range, Whole
from pystack.netfilter.rule import CONTINUE, RETURN, BaseChain, Chain, Jump, Match, Target, Verdict
from pystack.netfilter.verdict import NF_ACCEPT, NF_DROP
from pystack.netfilter.view import View
from pystack.netfilter.walk import walk
from pystack.wire.ipv4 import Ipv4Header
from tests.frames import ip
from tests.netfilter.rules import base, rule, view

DROP = Verdict(NF_DROP)
ACCEPT = Verdict(NF_ACCEPT)
HOST = 0xFFFFFFFF


class Note(Target):
    """Remembers that it was asked, and lets the packet go on."""

    __slots__ = ("asked",)

    def __init__(self) -> None:
        self.asked = 0

    def apply(self, view: View) -> int:
        self.asked += 1
        return CONTINUE


def test_the_first_rule_with_a_verdict_decides() -> None:
    after = Note()
    assert walk(base(rule(target=DROP), rule(target=after)), view()) == NF_DROP
    assert after.asked == 0


def test_a_rule_without_a_target_only_counts() -> None:
    counter = rule()
    assert walk(base(counter, policy=NF_DROP), view()) == NF_DROP
    assert (counter.packets, counter.octets) == (1, 32)


def test_what_no_rule_decides_falls_to_the_policy_and_is_counted_there() -> None:
    chain = base(rule(Protocol(6), target=DROP), policy=NF_ACCEPT)
    assert walk(chain, view()) == NF_ACCEPT
    assert (chain.packets, chain.octets, chain.rules[0].packets) == (1, 32, 0)


def test_a_chain_that_ends_returns_behind_the_rule_that_jumped() -> None:
    mine, note = Chain("mine"), Note()
    chain = base(rule(target=Jump(mine)), rule(target=note))
    assert walk(chain, view()) == NF_ACCEPT
    assert note.asked == 1


def test_return_leaves_only_the_chain_it_stands_in() -> None:
    mine, skipped, note = Chain("mine"), Note(), Note()
    mine.rules += [rule(target=Verdict(RETURN)), rule(target=skipped)]
    walk(base(rule(target=Jump(mine)), rule(target=note)), view())
    assert (skipped.asked, note.asked) == (0, 1)


def test_return_in_a_base_chain_is_its_policy() -> None:
    chain = base(rule(target=Verdict(RETURN)), rule(target=ACCEPT), policy=NF_DROP)
    assert walk(chain, view()) == NF_DROP
    assert chain.packets == 1


def test_goto_does_not_come_back() -> None:
    mine, note = Chain("mine"), Note()
    assert (
        walk(base(rule(target=Jump(mine, goto=True)), rule(target=note), policy=NF_DROP), view()) == NF_DROP
    )
    assert note.asked == 0


def test_goto_from_a_chain_comes_back_to_where_that_chain_was_jumped_from() -> None:
    first, second, skipped, note = Chain("first"), Chain("second"), Note(), Note()
    first.rules += [rule(target=Jump(second, goto=True)), rule(target=skipped)]
    walk(base(rule(target=Jump(first)), rule(target=note)), view())
    assert (skipped.asked, note.asked) == (0, 1)


def test_a_packet_that_no_rule_may_judge_is_dropped() -> None:
    chain = base(rule(Protocol(17), Whole(20), target=ACCEPT), rule(target=ACCEPT))
    assert walk(chain, view(body=b"short")) == NF_DROP


def test_a_long_chain_asks_few_rules_for_a_packet() -> None:
    rules = [rule(Source(0x0A000000 + number, HOST), target=DROP) for number in range(1000)]
    assert RuleIndex(rules).candidates(view("10.0.0.77")) == [77]


def test_more_packets_than_are_remembered_find_their_rules() -> None:
    index = RuleIndex(
        [rule(Source(0x0A000000 | number << 10, 0xFFFFFC00), target=DROP) for number in range(5)]
    )
    seen = view()
    for number in (*range(5000), *range(10)):
        seen.saddr = 0x0A000000 | number
        assert index.candidates(seen) == [number >> 10]


class Everything:
    """In the place of an index: all rules are asked."""

    def __init__(self, chain: Chain) -> None:
        self._numbers = range(len(chain.rules))

    def candidates(self, view: View) -> range:
        return self._numbers


def random_tests(rng: random.Random) -> list[tuple[Match, ...]]:
    """In the order in which they are asked; for a header is asked only where its protocol is."""
    number, length = rng.choice(((6, 20), (17, 8)))
    single = [
        Source(0x0A000000 | rng.randrange(8) << 8, 0xFFFFFF00, rng.random() < 0.2),
        Destination(0x0A000000 | rng.randrange(4), HOST, rng.random() < 0.2),
        InInterface(rng.choice(("tap1", "tap2", "tap+")), rng.random() < 0.2),
        Protocol(number, rng.random() < 0.1),
        Nth(2, 0, inverted=False),
    ]
    port = DestinationPort(Range(low := rng.randrange(4), low + rng.randrange(2), rng.random() < 0.2))
    ports = tuple(
        Range(low := rng.randrange(6), low + (rng.random() < 0.1)) for _ in range(rng.randrange(1, 4))
    )
    several = Multiport(ports, rng.random() < 0.2, destinations=True, inverted=rng.random() < 0.2)
    return [(one,) for one in single] + [
        (Protocol(number), Whole(length)),
        (Protocol(number), Whole(length), port),
        (Protocol(number), Whole(length), several),
    ]


def random_table(seed: int) -> list[Chain]:
    """A base chain and some that it leads to; the same for the same seed."""
    rng = random.Random(seed)
    chains = [base(policy=rng.choice((NF_ACCEPT, NF_DROP))), *(Chain(f"user{number}") for number in range(3))]
    for number, chain in enumerate(chains):
        onward = [Jump(other, goto=goto) for other in chains[number + 1 :] for goto in (False, True)]
        for _ in range(rng.randrange(40)):
            tests = random_tests(rng)
            picked = sorted(rng.sample(range(len(tests)), rng.randrange(4)))
            target = rng.choice((None, None, ACCEPT, DROP, Verdict(RETURN), *onward))
            chain.rules.append(rule(*(test for at in picked for test in tests[at]), target=target))
    return chains


def random_view(rng: random.Random) -> View:
    body = bytes((0, 9, 0, rng.randrange(6))) + bytes(rng.choice((0, 4, 16, 30)))
    offset = rng.choice((0, 0, 0, 0, 1, 2))
    protocol = rng.choice((6, 17, 1))
    source, destination = ip(f"10.0.{rng.randrange(9)}.1"), ip(f"10.0.0.{rng.randrange(5)}")
    return view(body=body, header=Ipv4Header(source, destination, protocol, frag_off=offset))


@pytest.mark.parametrize("seed", range(60))
def test_a_long_chain_decides_and_counts_as_if_every_rule_were_asked(seed: int) -> None:
    rng, indexed, plain = random.Random(seed), random_table(seed), random_table(seed)
    for chain in plain:
        chain.index = Everything(chain)
    for _ in range(40):
        state = rng.getstate()
        first = walk(as_base(indexed), random_view(rng))
        rng.setstate(state)
        assert walk(as_base(plain), random_view(rng)) == first
    for ours, theirs in zip(indexed, plain, strict=True):
        assert [one.packets for one in ours.rules] == [one.packets for one in theirs.rules]


def as_base(chains: list[Chain]) -> BaseChain:
    assert isinstance(chains[0], BaseChain)
    return chains[0]


def test_a_rule_is_asked_what_it_remembers_also_where_the_port_is_another() -> None:
    limited = [
        rule(Nth(2, 0, inverted=False), DestinationPort(Range(port, port)), target=DROP) for port in (6, 7)
    ]
    chain = base(*limited, *(rule(DestinationPort(Range(port, port))) for port in range(100, 110)))
    verdicts = [walk(chain, view(body=b"\0\1\0" + bytes((port,)) + bytes(16))) for port in (7, 6, 6)]
    assert verdicts == [NF_DROP, NF_ACCEPT, NF_DROP]


def test_a_changed_chain_is_indexed_anew() -> None:
    box = base(*(rule(Source(number, HOST), target=ACCEPT) for number in range(WORTH_IT)), policy=NF_DROP)
    assert walk(box, view("10.0.0.9")) == NF_DROP
    box.rules.append(rule(Source(0x0A000009, HOST), target=ACCEPT))
    box.index = None
    assert walk(box, view("10.0.0.9")) == NF_ACCEPT
