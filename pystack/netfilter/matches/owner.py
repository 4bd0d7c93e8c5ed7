"""`-m owner`: who opened the socket that sends."""

from __future__ import annotations

from dataclasses import dataclass

from pystack.netfilter.matches.ports import Range
from pystack.netfilter.rule import Match
from pystack.netfilter.view import View


@dataclass(frozen=True, slots=True)
class Owner(Match):
    """What is None is not asked."""

    uids: Range | None
    gids: Range | None
    socket_exists: bool | None
    is_plain = True

    def __call__(self, view: View) -> bool:
        """What the stack sends by itself belongs to nobody. Linux: net/netfilter/xt_owner.c owner_mt()"""
        sock = view.pkt.sock
        if sock is None:
            wanted = (self.uids, self.gids)
            return not self.socket_exists and all(asked is None or asked.inverted for asked in wanted)
        if self.socket_exists is False:
            return False
        if not sock.has_owner:
            return all(asked is None or asked.inverted for asked in (self.uids, self.gids))
        if self.uids is not None and not self.uids.holds(sock.uid):
            return False
        return self.gids is None or self.gids.holds(sock.gid)
