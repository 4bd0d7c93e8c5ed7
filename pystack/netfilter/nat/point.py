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
    IP_CT_IS_REPLY,
    IP_CT_NEW,
    IP_CT_RELATED,
    IP_CT_RELATED_REPLY,
    IPS_TEMPLATE,
    direction,
)
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
from pystack.netfilter.nat.icmp_error import is_icmp, translate_error
from pystack.netfilter.nat.manip import End, translate
from pystack.netfilter.nat.ranges import manip_of
from pystack.netfilter.nat.setup import CHANGED, DONE, Nat
from pystack.netfilter.table import Point
from pystack.netfilter.verdict import NF_ACCEPT, NF_DROP
from pystack.packet import Packet

PRIORITY_DST: Final = -100
PRIORITY_SRC: Final = 100

_BEGINS: Final = frozenset({IP_CT_NEW, IP_CT_RELATED, IP_CT_RELATED_REPLY})
_PRIORITIES: Final = {
    PREROUTING: PRIORITY_DST,
    INPUT: PRIORITY_SRC,
    OUTPUT: PRIORITY_DST,
    POSTROUTING: PRIORITY_SRC,
}
_MOST_ENDS: Final = 4096


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
        self._ends: dict[bytes, End] = {}  # of flows that came by, by the key of their answers
        self._done = DONE[self._manip]
        self._changed = CHANGED[self._manip], CHANGED[1 - self._manip]  # by direction of the packet
        self._is_before_routing = hook == PREROUTING
        self._is_behind_routing = hook == POSTROUTING
        self.cross = self._cross_local if hook == OUTPUT else self._cross

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
        conn, ctinfo = pkt.ct, pkt.ctinfo
        if not isinstance(conn, Conn) or conn.status & IPS_TEMPLATE:
            return NF_ACCEPT
        if ctinfo in _BEGINS:
            if ctinfo != IP_CT_NEW and is_icmp(pkt):
                return self._translate_error(conn, pkt)
            if not conn.status & self._done:
                verdict = self._decide(conn, pkt, state)
                if verdict != NF_ACCEPT:
                    return verdict
        if self._is_behind_routing and conn.masq_index and self._nat.left_by_another(conn, pkt, state):
            return NF_DROP
        is_reply = ctinfo >= IP_CT_IS_REPLY
        if not conn.status & self._changed[is_reply]:
            return NF_ACCEPT
        return self._translate(pkt, conn.original if is_reply else conn.reply)

    def _decide(self, conn: Conn, pkt: Packet, state: HookState) -> int:
        """Ask the chains until one has said what becomes of this end."""
        for entry in self._entries:
            entry.packets += 1
            verdict = entry.fn(pkt, state)
            if verdict != NF_ACCEPT:
                return verdict
            if conn.status & self._done:
                return NF_ACCEPT
        return self._nat.null_binding(conn, self._manip)

    def _translate(self, pkt: Packet, answers: bytes) -> int:
        """Let the packet look like the inverse of the other direction. Linux: nf_nat_packet()"""
        end = self._ends.get(answers)
        if end is None:
            if len(self._ends) >= _MOST_ENDS:
                self._ends.clear()
            end = self._ends[answers] = End.of_answered(answers, self._manip)
        if self._is_before_routing and pkt.ip is not None and pkt.ip.daddr != end.address:
            pkt.route = None  # who gets another destination has no way yet
        return NF_ACCEPT if translate(pkt, end) else NF_DROP

    def _translate_error(self, conn: Conn, pkt: Packet) -> int:
        """The same of an ICMP error. Linux: nf_nat_ipv4_fn()"""
        before = 0 if pkt.ip is None else pkt.ip.daddr
        if not translate_error(pkt, conn, self._manip):
            return NF_DROP
        if self._is_before_routing and pkt.ip is not None and pkt.ip.daddr != before:
            pkt.route = None
        return NF_ACCEPT


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
