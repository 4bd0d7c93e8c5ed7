"""Targets that change a packet's connection, or say how it is to be tracked."""

from __future__ import annotations

from typing import Final

from pystack.netfilter.conntrack.conn import Conn, Zone, tracked
from pystack.netfilter.conntrack.context import Event, TrackContext
from pystack.netfilter.conntrack.helper import Helper, give_helper
from pystack.netfilter.conntrack.info import IP_CT_NEW, IP_CT_UNTRACKED, IPS_CONFIRMED, IPS_TEMPLATE
from pystack.netfilter.rule import CONTINUE, Target
from pystack.netfilter.view import View

_MASK: Final = 0xFFFFFFFF
_NO_TUPLE: Final = bytes(14)


class NoTrack(Target):
    """`-j NOTRACK`, `-j CT --notrack`: needs nobody to track connections."""

    __slots__ = ()

    def apply(self, view: View) -> int:
        """Linux: net/netfilter/xt_CT.c notrack_tg()"""
        pkt = view.pkt
        if pkt.ct is None:
            pkt.ctinfo = IP_CT_UNTRACKED
        return CONTINUE


class Ct(Target):
    """`-j CT`: what a connection that is still to be found, or begun, shall have."""

    __slots__ = ("template",)

    uses_connections = True

    def __init__(
        self, zone: Zone, helper: Helper | None = None, told: int = 0, told_expected: int = 0
    ) -> None:
        """`told`: only these events of connections, and of what they expect; 0: all"""
        self.template = Conn(_NO_TUPLE, _NO_TUPLE)
        self.template.status = IPS_TEMPLATE | IPS_CONFIRMED
        wishes = self.template.extended()
        wishes.zone, wishes.told, wishes.told_expected = zone, told, told_expected
        if helper is not None:
            give_helper(self.template, helper)

    def apply(self, view: View) -> int:
        """Linux: net/netfilter/xt_CT.c xt_ct_target()"""
        pkt = view.pkt
        if pkt.ct is None and pkt.ctinfo != IP_CT_UNTRACKED:
            pkt.ct, pkt.ctinfo = self.template, IP_CT_NEW
        return CONTINUE


class _ConnMarkTarget(Target):
    """`-j CONNMARK`; a shift is to the left, or to the right where it is negative."""

    __slots__ = ("connection_mask", "context", "packet_mask", "shift", "value")

    uses_connections = True

    def __init__(
        self,
        context: TrackContext,
        value: int = 0,
        connection_mask: int = _MASK,
        packet_mask: int = _MASK,
        shift: int = 0,
    ) -> None:
        self.context = context
        self.value = value
        self.connection_mask = connection_mask
        self.packet_mask = packet_mask
        self.shift = shift

    def _shifted(self, mark: int) -> int:
        return mark >> -self.shift if self.shift < 0 else mark << self.shift & _MASK

    def _mark(self, conn: Conn, mark: int) -> None:
        if conn.mark != mark:
            conn.mark = mark
            self.context.note(conn, Event.MARK)


class SetConnMark(_ConnMarkTarget):
    """`--set-xmark` and its kin."""

    __slots__ = ()

    def apply(self, view: View) -> int:
        """Linux: net/netfilter/xt_connmark.c connmark_tg_shift()"""
        conn = tracked(view.pkt)
        if conn is not None:
            self._mark(conn, self._shifted(conn.mark & ~self.connection_mask & _MASK ^ self.value))
        return CONTINUE


class SaveMark(_ConnMarkTarget):
    """`--save-mark`: from the packet to its connection."""

    __slots__ = ()

    def apply(self, view: View) -> int:
        """Linux: connmark_tg_shift()"""
        conn = tracked(view.pkt)
        if conn is not None:
            saved = self._shifted(view.pkt.mark & self.packet_mask)
            self._mark(conn, conn.mark & ~self.connection_mask & _MASK ^ saved)
        return CONTINUE


class RestoreMark(_ConnMarkTarget):
    """`--restore-mark`: from the connection to the packet."""

    __slots__ = ()

    def apply(self, view: View) -> int:
        """Linux: connmark_tg_shift()"""
        pkt, conn = view.pkt, tracked(view.pkt)
        if conn is not None:
            restored = self._shifted(conn.mark & self.connection_mask)
            pkt.mark = pkt.mark & ~self.packet_mask & _MASK ^ restored
        return CONTINUE
