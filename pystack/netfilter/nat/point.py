"""Where the chains of `nat` hang: they are asked once for each connection and end, never again.

A connection that no rule wanted changed is noted as done all the same (a null binding), and packets that
belong to none are not asked about: without connection tracking these chains see nothing. What was decided for
the first packet is done here to all others, in both directions.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from pystack.netfilter.conntrack.conn import Conn, tracked
from pystack.netfilter.conntrack.info import (
    IP_CT_NEW,
    IP_CT_RELATED,
    IP_CT_RELATED_REPLY,
    ORIGINAL,
    direction,
)
from pystack.netfilter.conntrack.tuples import inverted, read
from pystack.netfilter.hooks import (
    INPUT,
    OUTPUT,
    POSTROUTING,
    PREROUTING,
    HookEntry,
    HookFn,
    HookPoint,
    HookState,
)
from pystack.netfilter.nat.icmp_error import translate_error
from pystack.netfilter.nat.manip import translate
from pystack.netfilter.nat.ranges import manip_of
from pystack.netfilter.nat.setup import CHANGED, DONE, Nat
from pystack.netfilter.table import Point
from pystack.netfilter.verdict import NF_ACCEPT, NF_DROP
from pystack.packet import Packet
from pystack.wire.ipv4 import IPPROTO_ICMP

PRIORITY_DST: Final = -100
PRIORITY_SRC: Final = 100

_RELATED: Final = frozenset({IP_CT_RELATED, IP_CT_RELATED_REPLY})
_BEGINS: Final = _RELATED | {IP_CT_NEW}
_PRIORITIES: Final = {
    PREROUTING: PRIORITY_DST,
    INPUT: PRIORITY_SRC,
    OUTPUT: PRIORITY_DST,
    POSTROUTING: PRIORITY_SRC,
}


class NatPoint:
    """One hook, as chains of nat see it. Linux: net/netfilter/nf_nat_core.c struct nf_nat_hooks_net"""

    def __init__(
        self,
        hook: int,
        nat: Nat,
        reroute: Callable[[Packet], bool],
        used: Callable[[], None],
        released: Callable[[], None],
    ) -> None:
        self._nat = nat
        self._manip = manip_of(hook)
        self._reroute = reroute
        self._used = used
        self._released = released
        self._entries: tuple[HookEntry, ...] = ()
        self.cross = {PREROUTING: self._cross_in, OUTPUT: self._cross_local}.get(hook, self._cross)

    def register(self, fn: HookFn, priority: int, name: str) -> HookEntry:
        """Hang a chain here. Linux: nf_nat_register_fn(), nf_hook_entries_insert_raw()"""
        self._used()
        entry = HookEntry(fn, priority, name)
        before = [known for known in self._entries if known.priority < priority]
        self._entries = (*before, entry, *self._entries[len(before) :])
        return entry

    def unregister(self, entry: HookEntry) -> None:
        """Take a chain off. Linux: nf_nat_unregister_fn()"""
        self._entries = tuple(known for known in self._entries if known is not entry)
        self._released()

    def _cross_in(self, pkt: Packet, state: HookState) -> int:
        """Who gets another destination has no way yet. Linux: nf_nat_ipv4_pre_routing()"""
        header = pkt.ip
        if header is None:
            return self._cross(pkt, state)
        before = header.daddr
        verdict = self._cross(pkt, state)
        if header.daddr != before:
            pkt.route = None
        return verdict

    def _cross_local(self, pkt: Packet, state: HookState) -> int:
        """A packet of ours with another destination has another way. Linux: nf_nat_ipv4_local_fn()"""
        verdict = self._cross(pkt, state)
        conn = tracked(pkt)
        if verdict != NF_ACCEPT or conn is None:
            return verdict
        way = direction(pkt.ctinfo)
        if conn.tuple(way).daddr != conn.tuple(1 - way).saddr and not self._reroute(pkt):
            return NF_DROP
        return NF_ACCEPT

    def _cross(self, pkt: Packet, state: HookState) -> int:
        """Linux: net/netfilter/nf_nat_proto.c nf_nat_ipv4_fn(), nf_nat_core.c nf_nat_inet_fn()"""
        conn = tracked(pkt)
        if conn is None:
            return NF_ACCEPT
        if pkt.ctinfo in _RELATED and pkt.ip is not None and pkt.ip.protocol == IPPROTO_ICMP:
            return NF_ACCEPT if translate_error(pkt, conn, self._manip) else NF_DROP
        if pkt.ctinfo in _BEGINS and not conn.status & DONE[self._manip]:
            verdict = self._decide(conn, pkt, state)
            if verdict != NF_ACCEPT:
                return verdict
        elif self._nat.left_by_another(conn, pkt, state):
            return NF_DROP
        return self._translate(conn, pkt)

    def _decide(self, conn: Conn, pkt: Packet, state: HookState) -> int:
        """Ask the chains until one has said what becomes of this end."""
        for entry in self._entries:
            entry.packets += 1
            verdict = entry.fn(pkt, state)
            if verdict != NF_ACCEPT:
                return verdict
            if conn.status & DONE[self._manip]:
                return NF_ACCEPT
        return self._nat.null_binding(conn, self._manip)

    def _translate(self, conn: Conn, pkt: Packet) -> int:
        """Let the packet look like the inverse of the other direction. Linux: nf_nat_packet()"""
        manip, way = self._manip, direction(pkt.ctinfo)
        if not conn.status & CHANGED[manip if way == ORIGINAL else 1 - manip]:
            return NF_ACCEPT
        target = inverted(conn.original if way else conn.reply)
        assert target is not None, "what is tracked can be answered"
        return NF_ACCEPT if translate(pkt, read(target), manip) else NF_DROP


class NatPoints:
    """All hooks at which nat has chains: the first chain brings the whole to every one of them.

    Linux: nf_nat_register_fn()
    """

    def __init__(self, hooks: tuple[HookPoint, ...], nat: Nat, reroute: Callable[[Packet], bool]) -> None:
        self._hooks = hooks
        self._users = 0  # chains
        self._entries: list[tuple[HookPoint, HookEntry]] = []
        self._mine = {hook: NatPoint(hook, nat, reroute, self._use, self._release) for hook in _PRIORITIES}
        self.by_hook: tuple[Point, ...] = tuple(self._mine.get(point.hook, point) for point in hooks)

    def _use(self) -> None:
        self._users += 1
        if self._users > 1:
            return
        for hook, point in self._mine.items():
            entry = self._hooks[hook].register(point.cross, _PRIORITIES[hook], "nat")
            self._entries.append((self._hooks[hook], entry))

    def _release(self) -> None:
        self._users -= 1
        if self._users:
            return
        for point, entry in self._entries:
            point.unregister(entry)
        self._entries.clear()
