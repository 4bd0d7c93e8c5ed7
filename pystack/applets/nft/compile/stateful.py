"""What is told of statements that remember: how much they have seen, and what they were made for."""

from __future__ import annotations

from typing import Final

from pystack.applets.nft.tree.statements import ConnLimit, Counter, Limit, Quota, Statement
from pystack.netfilter.nft.statements import conn_limit, counters, limit
from pystack.netfilter.rule import Match

_UNITS: Final = {1: "second", 60: "minute", 3600: "hour", 86400: "day", 604800: "week"}


def statement_of(match: Match) -> Statement:
    """As it would be written now."""
    if isinstance(match, counters.Counter):
        return Counter(match.packets, match.octets)
    if isinstance(match, counters.Quota):
        return Quota(match.octets, match.told, match.over)
    if isinstance(match, limit.Limit):
        return Limit(match.rate, _UNITS[match.seconds], match.burst, match.over, match.octets)
    assert isinstance(match, conn_limit.ConnLimit), "no other statement remembers"
    return ConnLimit(match.count, match.over)
