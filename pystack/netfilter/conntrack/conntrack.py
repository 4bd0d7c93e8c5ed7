"""Connection tracking of a namespace: at the hooks while anything uses it; clears away what is over.

Nothing is tracked until somebody asks: a rule that matches on connections, or changes them. Then fragments
are put together first (-400), packets are classified (-200), and confirmed behind everything else.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Protocol

from pystack.clock import Clock
from pystack.netfilter.conntrack.conf import Limits, bind
from pystack.netfilter.conntrack.conn import Conn, tracked
from pystack.netfilter.conntrack.context import TrackContext
from pystack.netfilter.conntrack.info import IP_CT_UNTRACKED, IPS_ASSURED, IPS_HELPER
from pystack.netfilter.conntrack.table import SHARDS
from pystack.netfilter.conntrack.tracker import Tracker
from pystack.netfilter.hooks import (
    INPUT,
    NFPROTO_INET,
    NFPROTO_IPV4,
    NFPROTO_IPV6,
    OUTPUT,
    POSTROUTING,
    PREROUTING,
    HookEntry,
    HookFn,
    HookPoint,
    Hooks,
    HookState,
)
from pystack.netfilter.verdict import NF_ACCEPT, NF_STOLEN
from pystack.packet import Packet
from pystack.sysctl import Knob, Sysctls
from pystack.timers import Timer, Timers
from pystack.wire.ipv4 import IP_MF, IP_OFFSET, IPPROTO_TCP, Ipv4Header

PRIORITY_DEFRAG: Final = -400
PRIORITY_CONNTRACK: Final = -200
PRIORITY_CONFIRM: Final = 0x7FFFFFFF

# Who puts fragments together, a range for zones each. Linux: include/net/ip.h enum ip_defrag_users
_ZONES: Final = 0x10000
_DEFRAG_IN: Final = 2
_DEFRAG_OUT: Final = _DEFRAG_IN + _ZONES
_DEFRAG_BRIDGE_IN: Final = _DEFRAG_OUT + _ZONES

_FRAGMENT: Final = IP_MF | IP_OFFSET
_SOONEST, _LATEST = 1.0, 60.0  # seconds from one walk through the whole table to the next
_AT_ONCE: Final = 1000  # connections that are looked at before packets have their turn again
_PAUSE: Final = 0.001
_CROWDED: Final = 95  # percent of nf_conntrack_max: from there on the walk gives up connections


class Defrag(Protocol):
    """Who puts fragments together."""

    def ip_defrag(self, pkt: Packet, header: Ipv4Header, user: int) -> Packet | None:
        """The same packet, whole now; None if others are still missing, or it was dropped."""


class Defrag6(Protocol):
    """The same of IPv6."""

    def gather(self, pkt: Packet, user: int) -> int:
        """The verdict about what may be a fragment: if others are missing it is kept."""


class Conntrack:
    """One per namespace. Linux: struct nf_conntrack_net"""

    def __init__(
        self,
        *,
        clock: Clock,
        limits: Limits,
        timers: Timers,
        hooks: Hooks,
        defrag: Defrag,
        defrag6: Defrag6,
        printk: Callable[[str], None],
        warn: Callable[[str], None],
    ) -> None:
        self.context = TrackContext(clock=clock, limits=limits, printk=printk, warn=warn)
        self.tracker = Tracker(self.context)
        self._timers = timers
        self._defrag = defrag
        self._defrag6 = defrag6
        self._points = {NFPROTO_IPV4: hooks.ip, NFPROTO_IPV6: hooks.ip6}
        self._users = dict.fromkeys(self._points, 0)
        self._mine: dict[int, tuple[tuple[HookPoint, HookEntry], ...]] = {}
        self._sweeping: Timer | None = None
        self._left = self._seen = 0  # jiffies that connections have left, and how many were seen

    def tracks(self, family: int) -> bool:
        """Whether anybody needs the connections of a family."""
        return bool(self._users.get(family))

    @property
    def count(self) -> int:
        """How many connections there are."""
        return self.context.table.count

    def bind(self, sysctls: Sysctls, *, of_the_host: bool) -> None:
        """Give its sysctls their names; the first namespace has those of the host too."""
        bind(sysctls, self.context.conf)
        if of_the_host:
            limits = self.context.limits
            sysctls.bind(("net", "netfilter", "nf_conntrack_max"), Knob(limits, "max", low=0))
            sysctls.bind(("net", "netfilter", "nf_conntrack_expect_max"), Knob(limits, "expect_max", low=1))
        sysctls.bind(("net", "netfilter", "nf_conntrack_count"), Knob(self, "count", writable=False))

    # --- users --------------------------------------------------------------------------------------------

    def use(self, family: int) -> None:
        """Somebody needs connections, of one family or of both (NFPROTO_INET).

        Linux: net/netfilter/nf_conntrack_proto.c nf_ct_netns_get()
        """
        for each in _families(family):
            self._users[each] += 1
            if self._users[each] == 1:
                self._switch_on(each)

    def release(self, family: int) -> None:
        """Somebody needs them no more; what is in the table stays until it is over.

        Linux: nf_ct_netns_put()
        """
        for each in _families(family):
            self._users[each] -= 1
            if not self._users[each]:
                for point, entry in self._mine.pop(each):
                    point.unregister(entry)

    def _switch_on(self, family: int) -> None:
        """Linux: nf_ct_netns_do_get()"""
        points = self._points[family]
        self._mine[family] = tuple(
            (points[hook], points[hook].register(function, priority, name))
            for hook, function, priority, name in self._places(family)
        )
        for conn in self.context.table:
            if conn.protocol == IPPROTO_TCP and conn.family == family:
                self.tracker.tcp.forget_windows(conn)

    def _places(self, family: int) -> tuple[tuple[int, HookFn, int, str], ...]:
        is_ipv6 = family == NFPROTO_IPV6
        gather = self._gather_ipv6 if is_ipv6 else self._gather
        classify_local = self._classify if is_ipv6 else self._classify_local
        return (
            (PREROUTING, gather, PRIORITY_DEFRAG, "defrag"),
            (OUTPUT, gather, PRIORITY_DEFRAG, "defrag"),
            (PREROUTING, self._classify, PRIORITY_CONNTRACK, "conntrack"),
            (OUTPUT, classify_local, PRIORITY_CONNTRACK, "conntrack"),
            (POSTROUTING, self.tracker.confirm, PRIORITY_CONFIRM, "confirm"),
            (INPUT, self.tracker.confirm, PRIORITY_CONFIRM - is_ipv6, "confirm"),
        )

    # --- the hooks ----------------------------------------------------------------------------------------

    def _gather(self, pkt: Packet, state: HookState) -> int:
        """Linux: net/ipv4/netfilter/nf_defrag_ipv4.c ipv4_conntrack_defrag()"""
        header = pkt.ip
        if header is None or not header.frag_off & _FRAGMENT or pkt.ctinfo == IP_CT_UNTRACKED:
            return NF_ACCEPT
        whole = self._defrag.ip_defrag(pkt, header, _defrag_user(pkt, state))
        return NF_STOLEN if whole is None else NF_ACCEPT

    def _gather_ipv6(self, pkt: Packet, state: HookState) -> int:
        """Linux: net/ipv6/netfilter/nf_defrag_ipv6_hooks.c ipv6_defrag()"""
        if tracked(pkt) is not None or pkt.ctinfo == IP_CT_UNTRACKED:
            return NF_ACCEPT
        return self._defrag6.gather(pkt, _defrag_user(pkt, state))

    def look_after(self) -> None:
        """See to it that what is over ends, also if nothing is tracked."""
        if self._sweeping is None and self.count:
            self._sweep_later(_SOONEST)

    def _classify(self, pkt: Packet, state: HookState) -> int:
        if self._sweeping is None:
            self._sweep_later(_SOONEST)
        return self.tracker.classify(pkt, state)

    def _classify_local(self, pkt: Packet, state: HookState) -> int:
        """Linux: net/netfilter/nf_conntrack_proto.c ipv4_conntrack_local()"""
        if pkt.ip is not None and pkt.ip.is_fragment:
            if tracked(pkt) is None:
                pkt.ct = None  # no wishes shall confuse who comes after
            return NF_ACCEPT
        return self._classify(pkt, state)

    # --- what is over -------------------------------------------------------------------------------------

    def _sweep_later(self, seconds: float) -> None:
        self._left, self._seen = 0, 0
        self._sweeping = self._timers.after(seconds, lambda: self._sweep(0))

    def _sweep(self, start: int) -> None:
        """End what is over, a part of the table at a time, so that packets never wait for it.

        Linux: net/netfilter/nf_conntrack_core.c gc_worker()
        """
        context, looked_at, number = self.context, 0, start
        while number < SHARDS and looked_at < _AT_ONCE:
            for conn in context.table.slice(number):
                looked_at += 1
                if context.is_over(conn):
                    context.kill(conn)
                    continue
                self._left += context.left(conn)
                self._seen += 1
                if conn.status & IPS_HELPER:
                    context.expectations.collect(conn)
                if self.tracker.is_short_of_room and self._may_be_given_up(conn):
                    context.kill(conn)
            number += 1
        if number < SHARDS:
            self._sweeping = self._timers.after(_PAUSE, lambda: self._sweep(number))
            return
        self._sweeping = None
        self.tracker.is_short_of_room = False
        if self._seen:
            mean = self._left / self._seen / context.clock.hz
            self._sweep_later(min(max(mean, _SOONEST), _LATEST))

    def _may_be_given_up(self, conn: Conn) -> bool:
        """While almost all the room is taken, what is not assured, or closing anyway.

        Linux: gc_worker_can_early_drop()
        """
        most = self.context.limits.max
        if self.count < most // 100 * _CROWDED:
            return False
        return not conn.status & IPS_ASSURED or self.tracker.protocol_of(conn).can_early_drop(conn)

    def close(self) -> None:
        """The namespace goes."""
        self.flush()
        if self._sweeping is not None:
            self._sweeping.cancel()
            self._sweeping = None

    def flush(self, portid: int = 0) -> None:
        """End all connections."""
        for conn in list(self.context.table):
            self.context.kill(conn, portid)


def _families(family: int) -> tuple[int, ...]:
    return (NFPROTO_IPV4, NFPROTO_IPV6) if family == NFPROTO_INET else (family,)


def _defrag_user(pkt: Packet, state: HookState) -> int:
    """Linux: nf_ct_defrag_user(), nf_ct6_defrag_user()"""
    if state.hook != PREROUTING:
        return _DEFRAG_OUT
    return _DEFRAG_IN if pkt.physin is None else _DEFRAG_BRIDGE_IN
