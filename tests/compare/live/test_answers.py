"""Answers that only the copy gives."""

from dataclasses import replace

from pystack.compare.live.answers import OVERDUE
from pystack.compare.live.comparison import Comparison
from pystack.compare.live.judge import Verdict
from pystack.compare.records import Hop
from pystack.wire import arp
from pystack.wire.arp import ARPOP_REQUEST, Arp
from pystack.wire.ethernet import ETH_P_ARP, header
from tests.compare.live.made import ANSWER, HOST, NEIGHBOUR, PING, building, entering, leaving

ASKED = entering(PING)
SHORT = ASKED[:-2]  # as if a rule of INPUT had dropped it
LATER = 1.0 + 2 * OVERDUE


def told(comparison: Comparison, now: float) -> list[Verdict]:
    return list(comparison.settled(now))


def answered(*hops: Hop) -> list[Verdict]:
    """What is told in the end, if the kernel showed these."""
    comparison = Comparison(building())
    comparison.hear(hops, 1.0)
    return [*told(comparison, 1.5), *told(comparison, LATER)]


def test_one_that_the_kernel_does_not_give_is_told() -> None:
    asked, missing = answered(*ASKED)
    assert asked.is_same
    assert missing.words == "IP 10.0.0.1 > 10.0.0.5: ICMP echo reply, id 7, seq 1, length 16"
    (difference,) = missing.differences
    assert (difference.cls, difference.cause) == ("REPLY", "only pystack has it at ip OUTPUT -450")


def test_one_that_the_kernel_gives_is_not() -> None:
    given = replace(leaving(ANSWER)[0], packet=2)
    assert not any(verdict.kernel == [] for verdict in answered(*ASKED, given))


def test_nothing_is_told_before_its_time() -> None:
    comparison = Comparison(building())
    comparison.hear(ASKED, 1.0)
    assert [verdict.is_same for verdict in told(comparison, 1.5)] == [True]
    assert told(comparison, 1.5 + OVERDUE) == []


def test_who_was_held_up_waits_for_what_was_reported_meanwhile() -> None:
    comparison = Comparison(building())
    comparison.hear(ASKED, 1.0)
    comparison.hear([replace(leaving(ANSWER)[0], packet=2)], LATER)
    assert [verdict.is_same for verdict in told(comparison, LATER)] == [True]
    (given,) = told(comparison, LATER + 1)
    assert given.kernel


def test_what_came_to_the_copy_alone_needs_no_answer_of_the_kernels() -> None:
    (asked,) = answered(*SHORT)
    assert asked.differences


def test_where_reports_were_lost_the_answer_may_be_among_them() -> None:
    comparison = Comparison(building())
    comparison.hear(ASKED, 1.0)
    told(comparison, 1.5)
    comparison.hear([], 1.6, lost=1)
    assert told(comparison, LATER) == []


def test_who_is_asked_for_by_arp_answers() -> None:
    question = arp.build(Arp(ARPOP_REQUEST, NEIGHBOUR, 0x0A000005, bytes(6), 0x0A000001))
    frame = header(b"\xff" * 6, NEIGHBOUR, ETH_P_ARP) + question
    entered = replace(ASKED[0], data=frame)
    at_arp = [replace(entered, family="arp", hook="INPUT", priority=priority) for priority in (-100, 100)]
    asked, missing = answered(entered, *at_arp)
    assert asked.is_same
    assert missing.pystack[0].data[6:12] == HOST
    assert [difference.cls for difference in missing.differences] == ["REPLY"]
