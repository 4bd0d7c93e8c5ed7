"""Connections that the copy has not seen begin, or not seen translated, as the kernel has them.

While the kernel translates addresses, the copy learns of it here: an answer to an address that it does not
know is one that the kernel knows.
"""

from __future__ import annotations

from typing import Final

from pystack.hooks.imported.connections import add_connection
from pystack.hooks.judge.kernel import Kernel
from pystack.netfilter.conntrack.conn import Conn
from pystack.netfilter.conntrack.context import TrackContext
from pystack.netfilter.conntrack.info import IPS_DST_NAT, IPS_DST_NAT_DONE, IPS_SRC_NAT, IPS_SRC_NAT_DONE
from pystack.netfilter.conntrack.snapshot import Snapshot
from pystack.netfilter.conntrack.tuples import IPPROTO_SCTP

_TRANSLATED: Final = IPS_SRC_NAT | IPS_DST_NAT | IPS_SRC_NAT_DONE | IPS_DST_NAT_DONE


class KernelsConnections:
    """What a tracker of ours is told that asks for a connection it does not have."""

    def __init__(self, context: TrackContext, kernel: Kernel) -> None:
        self._context = context
        self._kernel = kernel

    def find(self, key: bytes) -> Conn | None:
        """From now on in the table, if the kernel has it."""
        told = self._kernel.connection(key)
        if told is None or told.original.protocol == IPPROTO_SCTP:
            return None
        self._context.elsewhere = None  # what is looked for meanwhile is only whether there is room for it
        try:
            known = self._context.find(told.original.key)
            return add_connection(self._context, told) if known is None else self._answered(known, told)
        finally:
            self._context.elsewhere = self.find

    def _answered(self, conn: Conn, told: Snapshot) -> Conn | None:
        """It was taken for one that nobody translates."""
        table, reply = self._context.table, told.reply.key
        if conn.reply == reply or table.find(reply) is not None:
            return None
        table.remove(conn)
        conn.reply = reply
        conn.status |= told.status & _TRANSLATED
        table.insert(conn)
        return conn
