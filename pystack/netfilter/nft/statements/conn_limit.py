"""`ct count over 20`.

Linux: net/netfilter/nft_connlimit.c
"""

from __future__ import annotations

from pystack.netfilter.conntrack.conn import tracked
from pystack.netfilter.conntrack.context import TrackContext
from pystack.netfilter.conntrack.count import Counted
from pystack.netfilter.conntrack.tuples import of_whole
from pystack.netfilter.hooks import NFPROTO_IPV4, NFPROTO_IPV6
from pystack.netfilter.rule import Match
from pystack.netfilter.view import View


class ConnLimit(Match):
    """Holds while so many connections have come by here; `over`: when there are more."""

    __slots__ = ("_counted", "context", "count", "over")

    uses_connections = True

    def __init__(self, context: TrackContext, count: int, *, over: bool = False) -> None:
        self.context = context
        self.count = count
        self.over = over
        self._counted = Counted()

    def __call__(self, view: View) -> bool:
        """Linux: nft_connlimit_do_eval()"""
        conn = tracked(view.pkt)
        key = _key_of(view) if conn is None else conn.original
        if key is None:
            view.hotdrop = True
            return False
        self._counted.add(key, conn, self.context)
        return (len(self._counted.keys) > self.count) == self.over

    @property
    def is_idle(self) -> bool:
        """Whether all that it counted are over. Linux: nft_connlimit_gc()"""
        return self._counted.are_gone(self.context)

    def clone(self) -> ConnLimit:
        """Linux: nft_connlimit_clone()"""
        return ConnLimit(self.context, self.count, over=self.over)


def _key_of(view: View) -> bytes | None:
    """The key of a packet without a connection. Linux: nf_ct_get_tuplepr()"""
    if view.family not in (NFPROTO_IPV4, NFPROTO_IPV6):
        return None
    return of_whole(view.pkt.data, view.start, is_ipv6=view.family == NFPROTO_IPV6)
