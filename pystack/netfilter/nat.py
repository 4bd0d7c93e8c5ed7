"""Where the chains of `nat` hang: they are asked once for each connection and kind of change, never again.

A connection that no rule wanted changed is noted as done all the same (a null binding), and packets that
belong to none are not asked about: without connection tracking these chains see nothing.
"""

from __future__ import annotations

from typing import Final

from pystack.netfilter.conntrack.conn import tracked
from pystack.netfilter.conntrack.info import (
    IP_CT_NEW,
    IP_CT_RELATED,
    IP_CT_RELATED_REPLY,
    IPS_DST_NAT_DONE,
    IPS_SRC_NAT_DONE,
)
from pystack.netfilter.hooks import (
    FORWARD,
    INPUT,
    OUTPUT,
    POSTROUTING,
    PREROUTING,
    HookEntry,
    HookFn,
    HookPoint,
    Hooks,
    HookState,
)
from pystack.netfilter.verdict import NF_ACCEPT
from pystack.packet import Packet
from pystack.wire.ipv4 import IPPROTO_ICMP

PRIORITY_DST: Final = -100
PRIORITY_SRC: Final = 100

_BEGINS: Final = frozenset({IP_CT_NEW, IP_CT_RELATED, IP_CT_RELATED_REPLY})
_PLACES: Final = {
    PREROUTING: (PRIORITY_DST, IPS_DST_NAT_DONE),
    INPUT: (PRIORITY_SRC, IPS_SRC_NAT_DONE),
    OUTPUT: (PRIORITY_DST, IPS_DST_NAT_DONE),
    POSTROUTING: (PRIORITY_SRC, IPS_SRC_NAT_DONE),
}


class NatPoint:
    """One hook, as chains of nat see it. Linux: net/netfilter/nf_nat_core.c struct nf_nat_hooks_net"""

    def __init__(self, point: HookPoint, priority: int, done: int) -> None:
        self._point = point
        self._priority = priority
        self._done = done
        self._entries: tuple[HookEntry, ...] = ()

    def register(self, fn: HookFn, priority: int, name: str) -> HookEntry:
        """Hang a chain here; the first one brings the whole to the hook.

        Linux: nf_nat_register_fn(), nf_hook_entries_insert_raw()
        """
        if not self._entries:
            self._point.register(self._cross, self._priority, "nat")
        entry = HookEntry(fn, priority, name)
        before = [known for known in self._entries if known.priority < priority]
        self._entries = (*before, entry, *self._entries[len(before) :])
        return entry

    def _cross(self, pkt: Packet, state: HookState) -> int:
        """Linux: net/netfilter/nf_nat_proto.c nf_nat_ipv4_fn(), nf_nat_core.c nf_nat_inet_fn()"""
        conn = tracked(pkt)
        if conn is None or pkt.ctinfo not in _BEGINS or conn.status & self._done:
            return NF_ACCEPT
        if pkt.ctinfo != IP_CT_NEW and pkt.ip is not None and pkt.ip.protocol == IPPROTO_ICMP:
            return NF_ACCEPT  # an error goes the way of what it complains of
        for entry in self._entries:
            entry.packets += 1
            verdict = entry.fn(pkt, state)
            if verdict != NF_ACCEPT:
                return verdict
        if not conn.is_confirmed:
            conn.status |= self._done
        return NF_ACCEPT


def nat_points(hooks: Hooks) -> tuple[NatPoint, ...]:
    """One for each hook, by its number; none of nat's chains stands at FORWARD."""
    assert FORWARD not in _PLACES
    return tuple(NatPoint(point, *_PLACES.get(point.hook, (0, 0))) for point in hooks.ip)
