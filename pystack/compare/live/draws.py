"""Where the kernel chose at random, the copy chooses the same: it is told of every connection that begins."""

from __future__ import annotations

from typing import Final

from pystack.compare.adopted_ports import draw_for
from pystack.netfilter.conntrack.conn import Conn
from pystack.netfilter.nat.unique import Draw

_MOST: Final = 1 << 14  # connections that have begun and may still begin here


class Draws:
    """From where ports of translated connections are looked for."""

    def __init__(self) -> None:
        self._replies: dict[bytes, bytes] = {}  # by the original tuple
        self._otherwise: Draw | None = None

    def add(self, original: bytes, reply: bytes) -> None:
        """A connection has begun in the kernel."""
        self._replies.pop(original, None)
        self._replies[original] = reply
        if len(self._replies) > _MOST:
            del self._replies[next(iter(self._replies))]

    def instead_of(self, otherwise: Draw) -> Draw:
        """For a chooser of a copy."""
        self._otherwise = otherwise
        return self._draw

    def _draw(self, conn: Conn, manip: int, low: int) -> int:
        """Linux: net/netfilter/nf_nat_core.c nf_nat_l4proto_unique_tuple(), get_random_u16()"""
        reply = self._replies.get(conn.original)
        if reply is None:
            assert self._otherwise is not None, "only the chooser that it was given to asks"
            return self._otherwise(conn, manip, low)
        return draw_for(reply, manip, low)
