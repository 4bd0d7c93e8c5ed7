"""Gives a connection its mapping, once for its source and once for its destination, until it is confirmed."""

from __future__ import annotations

from pystack.device import NetDevice
from pystack.netfilter.conntrack.conn import Conn
from pystack.netfilter.conntrack.context import TrackContext
from pystack.netfilter.conntrack.info import (
    IPS_DST_NAT,
    IPS_DST_NAT_DONE,
    IPS_SRC_NAT,
    IPS_SRC_NAT_DONE,
    ORIGINAL,
    direction,
)
from pystack.netfilter.conntrack.tuples import inverted, read
from pystack.netfilter.hooks import HookState
from pystack.netfilter.nat.ranges import MANIP_SRC, NatRange
from pystack.netfilter.nat.unique import Chooser
from pystack.netfilter.verdict import NF_ACCEPT
from pystack.packet import Packet
from pystack.rng import Rng

CHANGED = (IPS_SRC_NAT, IPS_DST_NAT)  # by what is changed
DONE = (IPS_SRC_NAT_DONE, IPS_DST_NAT_DONE)


class Nat:
    """One per namespace. Linux: net/netfilter/nf_nat_core.c"""

    def __init__(self, context: TrackContext, rng: Rng) -> None:
        self._context = context
        self.chooser = Chooser(context, lambda conn, manip, low: rng.u32() >> 16)

    def setup_info(self, conn: Conn, wanted: NatRange, manip: int) -> int:
        """Map one end of a connection to where a rule wants it. Linux: nf_nat_setup_info()"""
        if conn.is_confirmed:
            return NF_ACCEPT
        assert not conn.status & DONE[manip], "each end is mapped once"
        current = inverted(conn.reply)
        assert current is not None, "what is tracked can be answered"
        chosen = self.chooser.choose(conn, read(current), wanted, manip).key
        if chosen != current:
            conn.reply = inverted(chosen) or conn.reply
            conn.status |= CHANGED[manip]
        conn.status |= DONE[manip]
        return NF_ACCEPT

    def null_binding(self, conn: Conn, manip: int) -> int:
        """No rule wanted anything: it stays as it is, unless its answers could be taken for another's.

        Linux: nf_nat_alloc_null_binding()
        """
        if conn.is_confirmed:
            return NF_ACCEPT
        other = self._context.find(conn.reply)
        if other is None:
            conn.status |= DONE[manip]
            return NF_ACCEPT
        answers = read(conn.reply)
        stays = answers.daddr if manip == MANIP_SRC else answers.saddr
        return self.setup_info(conn, NatRange((stays, stays)), manip)

    def left_by_another(self, conn: Conn, pkt: Packet, state: HookState) -> bool:
        """Whether a masqueraded packet, behind its route, leaves by another device than the first one did.
        Its source would be wrong there, so the connection ends.

        Linux: include/net/netfilter/nf_nat.h nf_nat_oif_changed()
        """
        if state.outdev is None or state.outdev.ifindex == conn.masq_index:
            return False
        if not conn.masq_index or direction(pkt.ctinfo) != ORIGINAL:
            return False
        self._context.account(conn, pkt)
        self._context.kill(conn)
        return True

    def forget_masqueraded(self, dev: NetDevice, address: int | None = None) -> None:
        """A device went down, or one of its addresses went: end what was masqueraded there.

        Linux: net/netfilter/nf_nat_masquerade.c device_cmp(), inet_cmp()
        """
        for conn in list(self._context.table):
            if conn.masq_index == dev.ifindex and address in (None, read(conn.reply).daddr):
                self._context.kill(conn)
