"""What is told of statements that remember."""

import pytest

from pystack.applets.nft.compile.stateful import statement_of
from pystack.applets.nft.tree import statements as tree
from pystack.clock import Clock
from pystack.netfilter.nft.statements.counters import Counter, Quota
from pystack.netfilter.nft.statements.limit import Limit
from pystack.netfilter.rule import Match


@pytest.mark.parametrize(
    ("match", "statement"),
    [
        (Counter(3, 180), tree.Counter(3, 180)),
        (Quota(1000, 20, over=True), tree.Quota(1000, 20, over=True)),
        (Limit(Clock(), 7, 3600, 5), tree.Limit(7, "hour", 5)),
        (Limit(Clock(), 7, 1, 0, over=True, octets=True), tree.Limit(7, "second", 0, over=True, octets=True)),
    ],
)
def test_it_is_told_as_it_would_be_written_now(match: Match, statement: tree.Statement) -> None:
    assert statement_of(match) == statement
