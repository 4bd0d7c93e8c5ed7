"""Statements that remember what they have seen: in rules, under names, and with elements of sets."""

from __future__ import annotations

from typing import Final

from pystack.applets.nft.compile.site import Site
from pystack.applets.nft.tree import statements
from pystack.errors import EINVAL, EOVERFLOW, NetError
from pystack.netfilter.nft.statements.conn_limit import ConnLimit
from pystack.netfilter.nft.statements.counters import Counter, Quota
from pystack.netfilter.nft.statements.limit import DEFAULT_BURST, Limit, overflows
from pystack.netfilter.rule import Match

COUNTING: Final = (statements.Counter, statements.Quota, statements.Limit, statements.ConnLimit)
_QUOTA_MAX: Final = (1 << 63) - 1
_SECONDS: Final = {"second": 1, "minute": 60, "hour": 3600, "day": 86400, "week": 604800}


def compile_counting(statement: object, site: Site) -> Match:
    """One of its own for whoever asks. Raises NetError for a limit that the kernel does not take."""
    match statement:
        case statements.Counter():
            return Counter(statement.packets, statement.octets)
        case statements.Quota():
            if statement.octets > _QUOTA_MAX:
                raise NetError(EOVERFLOW)
            if statement.used > statement.octets:
                raise NetError(EINVAL)
            return Quota(statement.octets, statement.used, over=statement.over)
        case statements.Limit():
            return _limit(statement, site)
        case statements.ConnLimit():
            return ConnLimit(site.ground.context, statement.count, over=statement.over)
    raise AssertionError(f"{type(statement).__name__} remembers nothing")


def _limit(statement: statements.Limit, site: Site) -> Match:
    burst = statement.burst or (0 if statement.octets else DEFAULT_BURST)
    seconds = _SECONDS[statement.unit]
    if not statement.rate:
        raise NetError(EINVAL)
    if overflows(statement.rate, seconds, burst, octets=statement.octets):
        raise NetError(EOVERFLOW)
    return Limit(site.clock, statement.rate, seconds, burst, over=statement.over, octets=statement.octets)
