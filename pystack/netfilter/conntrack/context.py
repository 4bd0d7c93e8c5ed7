"""What all protocols of the tracker do to connections: keep them alive, end them, tell of them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntFlag

from pystack.clock import Clock
from pystack.netfilter import checksum
from pystack.netfilter.conntrack.conf import ConntrackConf, Limits
from pystack.netfilter.conntrack.conn import Conn
from pystack.netfilter.conntrack.expectation import Expectation, Refusal
from pystack.netfilter.conntrack.expectations import ExpectationEvent, Expectations, ExpectationWatcher
from pystack.netfilter.conntrack.info import IPS_CONFIRMED, IPS_DYING, IPS_FIXED_TIMEOUT, direction
from pystack.netfilter.conntrack.needs import NatHelp
from pystack.netfilter.conntrack.table import ConnTable
from pystack.netfilter.hooks import PREROUTING, HookState
from pystack.netfilter.log_text import ip_line
from pystack.netfilter.log_transport import LOG_IPOPT, LOG_TCPOPT, LOG_TCPSEQ, LOG_UID
from pystack.packet import Packet

_LOG_DEFAULT = LOG_TCPSEQ | LOG_TCPOPT | LOG_IPOPT | LOG_UID
_LOG_ALL = 255  # nf_conntrack_log_invalid: every protocol


class Event(IntFlag):
    """What became of a connection. Linux: enum ip_conntrack_events"""

    NEW = 1 << 0
    RELATED = 1 << 1
    DESTROY = 1 << 2
    REPLY = 1 << 3
    ASSURED = 1 << 4
    PROTOINFO = 1 << 5
    HELPER = 1 << 6
    MARK = 1 << 7
    SEQADJ = 1 << 8
    SECMARK = 1 << 9
    LABEL = 1 << 10


@dataclass(slots=True)
class Statistics:
    """As `conntrack -S` shows them. Linux: struct ip_conntrack_stat"""

    found: int = 0
    invalid: int = 0
    insert: int = 0
    insert_failed: int = 0
    drop: int = 0
    early_drop: int = 0
    error: int = 0
    search_restart: int = 0
    clash_resolve: int = 0
    chaintoolong: int = 0


Watcher = Callable[[Conn, Event, int], None]  # and on whose behalf, 0: nobody's

_ALL_EVENTS = 0xFFFF
_LISTED = IPS_CONFIRMED | IPS_DYING
_NEVER, _ALWAYS, _IF_WATCHED = range(3)  # nf_conntrack_events


class TrackContext:
    """One per namespace."""

    __slots__ = (
        "_expectation_watchers",
        "_printk",
        "_watchers",
        "busy",
        "clock",
        "conf",
        "elsewhere",
        "expectations",
        "limits",
        "nat",
        "on_invalid",
        "stats",
        "table",
        "warn",
    )

    def __init__(
        self, *, clock: Clock, limits: Limits, printk: Callable[[str], None], warn: Callable[[str], None]
    ) -> None:
        self.warn = warn  # writes a line to the kernel's log, but not too often
        self.limits = limits
        self.clock = clock
        self.conf = ConntrackConf()
        self.stats = Statistics()
        self.table = ConnTable()
        self.elsewhere: Callable[[bytes], Conn | None] | None = (
            None  # somebody who may know other connections
        )
        self.on_invalid: Callable[[Packet, str], None] | None = None  # somebody who wants to know why
        self.expectations = Expectations(clock, limits, warn, self._tell_expectation)
        self.nat: NatHelp | None = None  # while addresses are translated
        self.busy: dict[Conn, None] = {}  # whose tracks are unpacked, the longest first
        self._printk = printk
        self._watchers: tuple[Watcher, ...] = ()
        self._expectation_watchers: tuple[ExpectationWatcher, ...] = ()

    # --- time ---------------------------------------------------------------------------------------------

    def refresh(self, conn: Conn, pkt: Packet, seconds: int) -> None:
        """Let a connection live for so long from now, and account for the packet.

        Linux: net/netfilter/nf_conntrack_core.c __nf_ct_refresh_acct()
        """
        if not conn.status & IPS_FIXED_TIMEOUT:
            clock = self.clock
            ticks = seconds * clock.hz
            conn.expires = int(clock.now * clock.hz) + ticks if conn.status & IPS_CONFIRMED else ticks
        if conn.extension is not None:
            self.account(conn, pkt)

    def account(self, conn: Conn, pkt: Packet) -> None:
        """Linux: nf_ct_acct_update()"""
        extension = conn.extension
        if extension is not None and extension.accounted:
            way = direction(pkt.ctinfo)
            extension.packets[way] += 1
            extension.octets[way] += len(pkt.data) - pkt.network_header

    def times_of(self, conn: Conn) -> ConntrackConf:
        """How long a connection lives on: a rule may have said so. Linux: nf_ct_timeout_lookup()"""
        own = None if conn.extension is None else conn.extension.times
        return own if isinstance(own, ConntrackConf) else self.conf

    def left(self, conn: Conn) -> int:
        """For how many jiffies it lives on if nothing comes. Linux: nf_ct_expires()"""
        return max(0, conn.expires - self.clock.jiffies)

    def is_over(self, conn: Conn) -> bool:
        """Expired, only nobody took it out yet. Linux: nf_ct_is_expired()"""
        return conn.expires <= self.clock.jiffies

    def find(self, key: bytes) -> Conn | None:
        """The living connection with this tuple; one whose time is over ends here.

        Linux: ____nf_conntrack_find()
        """
        conn, clock = self.table.find(key), self.clock
        if conn is not None:
            if conn.expires > int(clock.now * clock.hz):  # clock.jiffies without a call
                return conn
            self.kill(conn)
        return None if self.elsewhere is None else self.elsewhere(key)

    def expect(self, expected: Expectation) -> Refusal | None:
        """Expect a connection, or say why not."""
        return self.expectations.expect(expected)

    def take(self, conn: Conn, events: Event, portid: int = 0) -> None:
        """A connection that a user made. Linux: nf_conntrack_hash_check_insert()"""
        self.table.insert(conn)
        if self.conf.timestamp:
            conn.extended().started = self.clock.wall
        self.tell(conn, events, portid)

    def kill(self, conn: Conn, portid: int = 0) -> bool:
        """End a connection; False if that was done before. Linux: nf_ct_delete()"""
        if conn.status & IPS_DYING:
            return False
        conn.status |= IPS_DYING
        self.busy.pop(conn, None)
        if conn.status & IPS_CONFIRMED:
            self.tell(conn, Event.DESTROY, portid)
            self.table.remove(conn)
        self.expectations.forget_all_of(conn)
        return True

    # --- telling ------------------------------------------------------------------------------------------

    def watch(self, watcher: Watcher) -> Callable[[], None]:
        """Tell somebody what becomes of connections; the returned function stops it."""
        self._watchers = (*self._watchers, watcher)

        def stop() -> None:
            self._watchers = tuple(known for known in self._watchers if known is not watcher)

        return stop

    def watch_expectations(self, watcher: ExpectationWatcher) -> Callable[[], None]:
        """Tell somebody what connections expect; the returned function stops it."""
        self._expectation_watchers = (*self._expectation_watchers, watcher)

        def stop() -> None:
            known = self._expectation_watchers
            self._expectation_watchers = tuple(one for one in known if one is not watcher)

        return stop

    @property
    def heeds_choices(self) -> bool:
        """Whether a rule that is made now can choose events. Linux: nf_ct_ecache_ext_add()"""
        return self.conf.events != _IF_WATCHED or bool(self._watchers)

    def begin_telling(self, conn: Conn, told: int = 0, told_expected: int = 0) -> None:
        """Decide once and for all which events of a connection, and of what it expects, are told: what a rule
        said, else all, but with nf_conntrack_events=2 only if somebody listens when it begins.

        Linux: net/netfilter/nf_conntrack_ecache.c nf_ct_ecache_ext_add()
        """
        chosen = bool(told or told_expected)
        if not self.heeds_choices or (self.conf.events == _NEVER and not chosen):
            return
        extension = conn.extended()
        extension.told = told if chosen else _ALL_EVENTS
        extension.told_expected = told_expected if chosen else _ALL_EVENTS

    def note(self, conn: Conn, event: Event) -> None:
        """Something happened; it is told once the packet has got through.

        Linux: include/net/netfilter/nf_conntrack_ecache.h nf_conntrack_event_cache()
        """
        if conn.extension is not None and (conn.extension.told or conn.extension.told_expected):
            conn.extension.noted |= event

    def tell_noted(self, conn: Conn) -> None:
        """Linux: net/netfilter/nf_conntrack_ecache.c nf_ct_deliver_cached_events()"""
        extension = conn.extension
        if extension is None or not extension.noted or conn.status & _LISTED != IPS_CONFIRMED:
            return
        events, extension.noted = Event(extension.noted), 0
        self.tell(conn, events)

    def tell(self, conn: Conn, event: Event, portid: int = 0) -> None:
        """Linux: nf_conntrack_eventmask_report()"""
        if conn.extension is not None and conn.extension.told & event:
            for watcher in self._watchers:
                watcher(conn, event, portid)

    def _tell_expectation(self, expected: Expectation, event: ExpectationEvent) -> None:
        """Linux: nf_ct_expect_event_report()"""
        extension = expected.master.extension
        if extension is not None and extension.told_expected & event:
            for watcher in self._expectation_watchers:
                watcher(expected, event)

    def invalid(self, pkt: Packet, state: HookState, protocol: int, text: str) -> None:
        """Say why a packet does not fit.

        Linux: net/netfilter/nf_conntrack_proto.c nf_l4proto_log_invalid()
        """
        self.invalid_unsaid(pkt, text)
        if self.conf.log_invalid in (protocol, _LOG_ALL):
            prefix = f"nf_ct_proto_{protocol}: {text} "
            self._printk(ip_line(prefix, _LOG_DEFAULT, pkt, state.indev, state.outdev))

    def invalid_unsaid(self, pkt: Packet, text: str) -> None:
        """The same where Linux writes nothing."""
        if self.on_invalid is not None:
            self.on_invalid(pkt, text)

    def log_dropped(self, pkt: Packet, prefix: str) -> None:
        """A helper drops a packet. Linux: net/netfilter/nf_conntrack_helper.c nf_ct_helper_log()"""
        self._printk(ip_line(prefix, _LOG_DEFAULT, pkt, None, None))

    def has_bad_checksum(self, pkt: Packet, state: HookState, covered: int | None = None) -> bool:
        """Only what comes from outside is checked; of UDP-Lite only what the sum covers."""
        if pkt.offload.flags & checksum.VOUCHED or state.hook != PREROUTING or not self.conf.checksum:
            return False
        if pkt.ip is None:
            return pkt.ip6 is not None and not checksum.holds_of_ipv6(pkt, pkt.ip6, covered)
        if covered is None:
            return not checksum.holds(pkt, pkt.ip)
        return not checksum.holds_up_to(pkt, pkt.ip, covered)
