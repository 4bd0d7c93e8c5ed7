"""The way of a packet through chains, and that a long chain decides as if all of its rules were asked."""

import random

from pystack.netfilter.index import WORTH_IT, RuleIndex
from pystack.netfilter.matches.header import Destination, Protocol, Source
from pystack.netfilter.matches.ports import DestinationPort, Range, Whole
from pystack.netfilter.rule import CONTINUE, RETURN, Chain, Jump, Rule, Target, Verdict
from pystack.netfilter.verdict import NF_ACCEPT, NF_DROP
from pystack.netfilter.view import View
from pystack.netfilter.walk import walk
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


def random_rule(rng: random.Random) -> Rule:
    tests = [
        Source(0x0A000000 | rng.randrange(8) << 8, 0xFFFFFF00, rng.random() < 0.2),
        Destination(0x0A000000 | rng.randrange(4), HOST, rng.random() < 0.2),
        Protocol(rng.choice((6, 17))),
        DestinationPort(Range(low := rng.randrange(4), low + rng.randrange(2), rng.random() < 0.2)),
    ]
    target = rng.choice((None, None, ACCEPT, DROP))
    return rule(*rng.sample(tests, rng.randrange(len(tests))), target=target)


def test_a_long_chain_decides_and_counts_as_if_every_rule_were_asked() -> None:
    rng = random.Random(6)
    for _ in range(30):
        rules = [random_rule(rng) for _ in range(WORTH_IT + rng.randrange(40))]
        twins = [rule(*one.tests, target=one.target) for one in rules]
        indexed = base(*rules)
        for _ in range(40):
            body = bytes((0, 9, 0, rng.randrange(6))) + bytes(16)
            saddr, daddr = f"10.0.{rng.randrange(9)}.1", f"10.0.0.{rng.randrange(5)}"
            packet = view(saddr, daddr, protocol=rng.choice((6, 17)), body=body)
            expected = NF_ACCEPT
            for one in twins:
                if one.matches(packet):
                    one.packets += 1
                    if one.target is not None:
                        expected = one.target.apply(packet)
                        break
            assert walk(indexed, packet) == expected
        assert [one.packets for one in rules] == [one.packets for one in twins]


def test_a_changed_chain_is_indexed_anew() -> None:
    box = base(*(rule(Source(number, HOST), target=ACCEPT) for number in range(WORTH_IT)), policy=NF_DROP)
    assert walk(box, view("10.0.0.9")) == NF_DROP
    box.rules.append(rule(Source(0x0A000009, HOST), target=ACCEPT))
    box.index = None
    assert walk(box, view("10.0.0.9")) == NF_ACCEPT
