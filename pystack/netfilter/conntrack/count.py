"""How many connections somebody has, counted by packets that ask.

Linux: net/netfilter/nf_conncount.c
"""

from __future__ import annotations

from typing import Final

from pystack.netfilter.conntrack.conn import Conn
from pystack.netfilter.conntrack.context import TrackContext
from pystack.netfilter.conntrack.info import IPS_ASSURED
from pystack.netfilter.conntrack.tcp_states import State
from pystack.netfilter.conntrack.tcp_track import state_of
from pystack.wire.ipv4 import IPPROTO_TCP

_MOST_AT_ONCE: Final = 8  # connections that are forgotten for one packet


class Counted:
    """The connections of one. Linux: struct nf_conncount_list"""

    __slots__ = ("_at_last_look", "_looked_at", "keys")

    def __init__(self) -> None:
        self.keys: list[bytes] = []
        self._looked_at = -1  # in jiffies
        self._at_last_look = 0  # how many there were then

    def add(self, key: bytes, conn: Conn | None, context: TrackContext) -> None:
        """Count a packet's connection, by its key in the original direction, if it is not counted yet. One
        that is known, and in use, is not looked for; others look at the list at most once a tick.

        Linux: __nf_conncount_add()
        """
        now = context.clock.jiffies
        if conn is not None and conn.is_confirmed:
            if conn.status & IPS_ASSURED:
                if self._looked_at != now:
                    self._sweep(None, context)
                return
        elif self._looked_at == now and len(self.keys) - self._at_last_look < _MOST_AT_ONCE:
            self.keys.append(key)
            return
        if not self._sweep(key, context):
            self.keys.append(key)

    def are_gone(self, context: TrackContext) -> bool:
        """Whether there is none any more. Linux: nf_conncount_gc_list()"""
        self._sweep(None, context)
        return not self.keys

    def _sweep(self, key: bytes | None, context: TrackContext) -> bool:
        """Forget who has gone, up to the one asked for; whether that one is there.

        Linux: nf_conncount_gc_list()
        """
        gone = 0
        for known in list(self.keys):
            if gone > _MOST_AT_ONCE:
                break
            conn = context.find(known)
            if conn is not None and known == key:
                return True
            if conn is None or _is_closed(conn):
                self.keys.remove(known)
                gone += 1
        self._looked_at, self._at_last_look = context.clock.jiffies, len(self.keys)
        return False


def _is_closed(conn: Conn) -> bool:
    """Linux: already_closed()"""
    if conn.protocol != IPPROTO_TCP or not isinstance(conn.proto, bytes):
        return False
    return state_of(conn.proto) in (State.TIME_WAIT, State.CLOSE)
