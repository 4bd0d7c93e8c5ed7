"""What a connection that is only beginning gets by name: `ct helper set`, `ct timeout set`.

Linux: net/netfilter/nft_ct.c
"""

from __future__ import annotations

from pystack.netfilter.conntrack.conf import ConntrackConf
from pystack.netfilter.conntrack.conn import Conn, tracked
from pystack.netfilter.conntrack.context import TrackContext
from pystack.netfilter.conntrack.helper import Helper, give_helper, help_of
from pystack.netfilter.rule import Match
from pystack.netfilter.view import View


def _beginning(view: View) -> Conn | None:
    """The connection, if it is not in the table yet."""
    conn = tracked(view.pkt)
    return None if conn is None or conn.is_confirmed else conn


class CtHelper(Match):
    """Somebody reads along from now on."""

    __slots__ = ("families", "helper")

    uses_connections = True

    def __init__(self, helper: Helper, families: tuple[int, ...]) -> None:
        self.helper = helper
        self.families = families  # NFPROTO_* of connections that it is for

    def __call__(self, view: View) -> bool:
        """Who has a helper keeps it. Linux: nft_ct_helper_obj_eval()"""
        conn = _beginning(view)
        if conn is None or conn.protocol != self.helper.protocol or conn.family not in self.families:
            return True
        if help_of(conn) is None:
            give_helper(conn, self.helper)
        return True


class CtTimeout(Match):
    """For how long it lives on when nothing comes."""

    __slots__ = ("context", "first", "protocol", "times")

    uses_connections = True

    def __init__(self, context: TrackContext, protocol: int, times: ConntrackConf, first: int) -> None:
        """`first`: seconds until something follows"""
        self.context = context
        self.protocol = protocol
        self.times = times
        self.first = first

    def __call__(self, view: View) -> bool:
        """Who has times of its own keeps them. Linux: nft_ct_timeout_obj_eval()"""
        conn = _beginning(view)
        if conn is not None and view.protocol == self.protocol:
            extension = conn.extended()
            extension.times = extension.times or self.times
            self.context.refresh(conn, view.pkt, self.first)
        return True
