"""A listing tells of each statement what that one has counted."""

import pytest

from pystack.applets.nft.compile.live import statements_now
from pystack.applets.nft.tree.commands import RuleText
from pystack.applets.nft.tree.expressions import Element, Elements
from pystack.applets.nft.tree.statements import Counter, Match, Quota
from tests.applets.nft.compile.rules import in_ip, rule
from tests.netfilter.rules import view


def counted(text: str) -> list[tuple[int, int]]:
    """What the counters of a rule tell after it was asked about a datagram: packets and octets."""
    asked = rule(text)
    asked.matches(in_ip(view()))
    assert isinstance(asked.spec, RuleText)
    told = statements_now(asked, asked.spec.statements)
    return [(one.packets, one.octets) for one in told if isinstance(one, Counter)]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("counter", [(1, 32)]),
        ("counter packets 5 bytes 6", [(6, 38)]),
        ("udp dport 6 counter accept", [(1, 32)]),
        ("counter udp dport 7 counter", [(1, 32), (0, 0)]),
        ("continue counter", [(1, 32)]),
        ("counter continue counter", [(1, 32), (1, 32)]),
        ("udp dport != 7 udp sport != 4 counter", [(1, 32)]),  # two matches that are one comparison
        ("udp dport vmap { 6 : continue } counter accept", [(1, 32)]),
        ("udp dport vmap { 6 : accept } counter", [(0, 0)]),
        ("counter reject", [(1, 32)]),
    ],
)
def test_counters_tell_what_they_have_seen(text: str, told: list[tuple[int, int]]) -> None:
    assert counted(text) == told


def test_a_quota_tells_no_more_than_it_has() -> None:
    asked = rule("quota over 20 bytes")
    asked.matches(in_ip(view()))
    assert isinstance(asked.spec, RuleText)
    (told,) = statements_now(asked, asked.spec.statements)
    assert told == Quota(20, 20, over=True)


def test_elements_of_a_set_of_the_rules_own_tell_theirs() -> None:
    asked = rule("ip saddr { 10.0.0.1 counter, 10.0.0.9 counter }")
    asked.matches(in_ip(view()))
    assert isinstance(asked.spec, RuleText)
    (told,) = statements_now(asked, asked.spec.statements)
    assert isinstance(told, Match)
    assert isinstance(told.right, Elements)
    assert [item.statements for item in told.right.items if isinstance(item, Element)] == [
        (Counter(1, 32),),
        (Counter(0, 0),),
    ]
