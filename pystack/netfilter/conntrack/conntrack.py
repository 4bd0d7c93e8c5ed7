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
    NFPROTO_IPV4,
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
        printk: Callable[[str], None],
        warn: Callable[[str], None],
    ) -> None:
        self.context = TrackContext(clock=clock, limits=limits, printk=printk, warn=warn)
        self.tracker = Tracker(self.context)
        self._timers = timers
        self._defrag = defrag
        self._points = hooks.ip
        self._users = 0
        self._mine: tuple[tuple[HookPoint, HookEntry], ...] = ()
        self._sweeping: Timer | None = None
        self._left = self._seen = 0  # jiffies that connections have left, and how many were seen

    @property
    def is_on(self) -> bool:
        """Whether anything uses it."""
        return bool(self._users)

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

    def use(self) -> None:
        """Somebody needs connections. Linux: net/netfilter/nf_conntrack_proto.c nf_ct_netns_get()"""
        self._users += 1
        if self._users > 1:
            return
        self._mine = tuple(self._hang(*place) for place in self._places())
        for conn in self.context.table:
            if conn.protocol == IPPROTO_TCP:
                self.tracker.tcp.forget_windows(conn)

    def release(self) -> None:
        """Somebody needs them no more; what is in the table stays until it is over.

        Linux: nf_ct_netns_put()
        """
        self._users -= 1
        if self._users:
            return
        for point, entry in self._mine:
            point.unregister(entry)
        self._mine = ()

    def _places(self) -> tuple[tuple[int, HookFn, int, str], ...]:
        return (
            (PREROUTING, self._gather, PRIORITY_DEFRAG, "defrag"),
            (OUTPUT, self._gather, PRIORITY_DEFRAG, "defrag"),
            (PREROUTING, self._classify, PRIORITY_CONNTRACK, "conntrack"),
            (OUTPUT, self._classify_local, PRIORITY_CONNTRACK, "conntrack"),
            (POSTROUTING, self.tracker.confirm, PRIORITY_CONFIRM, "confirm"),
            (INPUT, self.tracker.confirm, PRIORITY_CONFIRM, "confirm"),
        )

    def _hang(self, hook: int, function: HookFn, priority: int, name: str) -> tuple[HookPoint, HookEntry]:
        point = self._points[hook]
        assert point.family == NFPROTO_IPV4, "there is nothing else to track yet"
        return point, point.register(function, priority, name)

    # --- the hooks ----------------------------------------------------------------------------------------

    def _gather(self, pkt: Packet, state: HookState) -> int:
        """Linux: net/ipv4/netfilter/nf_defrag_ipv4.c ipv4_conntrack_defrag()"""
        header = pkt.ip
        if header is None or not header.frag_off & _FRAGMENT or pkt.ctinfo == IP_CT_UNTRACKED:
            return NF_ACCEPT
        user = _DEFRAG_OUT
        if pkt.physin is not None and state.hook == PREROUTING:
            user = _DEFRAG_BRIDGE_IN
        elif state.hook == PREROUTING:
            user = _DEFRAG_IN
        return NF_STOLEN if self._defrag.ip_defrag(pkt, header, user) is None else NF_ACCEPT

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
