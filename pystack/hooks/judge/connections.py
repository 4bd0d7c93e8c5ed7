"""Connections that the copy has not seen begin, or not seen translated, as the kernel has them.

While the kernel translates addresses, the copy learns of it here: an answer to an address that it does not
know is one that the kernel knows.
"""

from __future__ import annotations

from typing import Final

from pystack.hooks.imported.connections import add_connection
from pystack.hooks.judge.kernel import Kernel
from pystack.netfilter.conntrack.conn import Conn, tracked
from pystack.netfilter.conntrack.context import TrackContext
from pystack.netfilter.conntrack.info import (
    IP_CT_NEW,
    IPS_DST_NAT,
    IPS_DST_NAT_DONE,
    IPS_SRC_NAT,
    IPS_SRC_NAT_DONE,
    REPLY,
    direction,
)
from pystack.netfilter.conntrack.snapshot import Snapshot
from pystack.netfilter.conntrack.tuples import IPPROTO_SCTP, inverted, of_whole
from pystack.netfilter.nat.icmp_error import is_icmp, translate_error
from pystack.netfilter.nat.manip import End, translate
from pystack.netfilter.nat.ranges import MANIP_SRC
from pystack.packet import Packet

_TRANSLATED: Final = IPS_SRC_NAT | IPS_DST_NAT | IPS_SRC_NAT_DONE | IPS_DST_NAT_DONE


def translate_back(pkt: Packet) -> None:
    """An answer that is ours to a packet whose destination the kernel has changed comes from where that was
    sent to.
    """
    conn = tracked(pkt)
    if conn is None or not conn.status & IPS_DST_NAT or direction(pkt.ctinfo) != REPLY:
        return
    if is_icmp(pkt):
        translate_error(pkt, conn, MANIP_SRC)
    else:
        translate(pkt, End.of_answered(conn.original, MANIP_SRC))


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

    def follow(self, pkt: Packet) -> None:
        """A first packet may have got another destination from the kernel, since it was seen last."""
        conn = tracked(pkt)
        if conn is None or conn.is_confirmed or pkt.ctinfo != IP_CT_NEW or conn.zone.number:
            return
        key = of_whole(pkt.data, pkt.network_header, is_ipv6=False)
        reply = None if key is None or key == conn.original else inverted(key)
        if reply is not None:
            conn.reply = reply
            conn.status |= IPS_DST_NAT | IPS_DST_NAT_DONE

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
