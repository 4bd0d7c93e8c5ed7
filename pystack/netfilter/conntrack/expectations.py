"""All connections that a namespace expects."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import IntFlag

from pystack.clock import Clock
from pystack.netfilter.conntrack.conf import Limits
from pystack.netfilter.conntrack.conn import Conn, Zone
from pystack.netfilter.conntrack.expectation import INACTIVE, PERMANENT, Expectation, Refusal
from pystack.netfilter.conntrack.helper import help_of
from pystack.netfilter.conntrack.info import IPS_CONFIRMED, IPS_DYING
from pystack.netfilter.conntrack.tuples import Tuple, read, without_zone

Place = tuple[int, int, int]  # protocol, destination, port


class ExpectationEvent(IntFlag):
    """Linux: enum ip_conntrack_expect_events"""

    NEW = 1 << 0
    DESTROY = 1 << 1


@dataclass(slots=True)
class ExpectationStatistics:
    """As `conntrack -S expect` shows them. Linux: struct ip_conntrack_stat"""

    new: int = 0
    create: int = 0
    delete: int = 0


ExpectationWatcher = Callable[[Expectation, ExpectationEvent], None]


class Expectations:
    """Linux: nf_ct_expect_hash, of one namespace"""

    __slots__ = ("_by_place", "_clock", "_limits", "_tell", "_warn", "count", "stats")

    def __init__(
        self, clock: Clock, limits: Limits, warn: Callable[[str], None], tell: ExpectationWatcher
    ) -> None:
        self.count = 0
        self.stats = ExpectationStatistics()
        self._clock = clock
        self._limits = limits
        self._warn = warn
        self._tell = tell
        self._by_place: dict[Place, list[Expectation]] = {}  # the youngest first

    def __iter__(self) -> Iterator[Expectation]:
        """Those whose time is not over."""
        for there in list(self._by_place.values()):
            yield from (expected for expected in list(there) if not self.is_over(expected))

    def is_over(self, expected: Expectation) -> bool:
        """Linux: nf_ct_exp_is_expired()"""
        return expected.expires <= self._clock.jiffies

    def left(self, expected: Expectation) -> int:
        """For how many jiffies more."""
        return max(0, expected.expires - self._clock.jiffies)

    def find(self, flow: Tuple, zone: Zone) -> Expectation | None:
        """Who covers a flow. Linux: net/netfilter/nf_conntrack_expect.c __nf_ct_expect_find()"""
        there = self._by_place.get(_place(flow), ())
        return next((known for known in there if not self.is_over(known) and known.covers(flow, zone)), None)

    def take(self, key: bytes, zone: Zone) -> Expectation | None:
        """What a new connection was expected by; it is expected no more then.

        Linux: nf_ct_find_expectation()
        """
        flow = read(without_zone(key))
        self._forget_what_is_over(_place(flow))
        there = self._by_place.get(_place(flow), ())
        fitting = (known for known in there if not known.flags & INACTIVE and known.covers(flow, zone))
        expected = next(fitting, None)
        if expected is None or expected.master.status & (IPS_CONFIRMED | IPS_DYING) != IPS_CONFIRMED:
            return None
        if not expected.flags & PERMANENT:
            self.forget(expected)
        return expected

    # --- expecting ----------------------------------------------------------------------------------------

    def expect(self, expected: Expectation) -> Refusal | None:
        """Expect a connection, as long as its helper says; or why not.

        Linux: nf_ct_expect_related_report()
        """
        refusal = self._make_room(expected)
        help_ = help_of(expected.master)
        if refusal is not None or help_ is None:
            return refusal
        expected.expires = self._clock.jiffies + help_.helper.policy.timeout * self._clock.hz
        self.insert(expected)
        self.stats.create += 1
        self._tell(expected, ExpectationEvent.NEW)
        return None

    def insert(self, expected: Expectation) -> None:
        """Linux: nf_ct_expect_insert()"""
        help_ = help_of(expected.master)
        assert help_ is not None, "only connections that are helped expect others"
        help_.expectations.insert(0, expected)
        self._by_place.setdefault(_place(expected.tuple), []).insert(0, expected)
        self.count += 1

    def _make_room(self, expected: Expectation) -> Refusal | None:
        """Linux: __nf_ct_expect_check()"""
        help_ = help_of(expected.master)
        if help_ is None:
            return Refusal.NO_HELP
        place = _place(expected.tuple)
        self._forget_what_is_over(place)
        for known in tuple(self._by_place.get(place, ())):
            if known.equals(expected):
                if known.master is not expected.master:
                    return Refusal.ALREADY
                self.forget(known)
                break
            if known.clashes_with(expected):
                return Refusal.BUSY
        most = help_.helper.policy.most
        if most and len(help_.expectations) >= most:
            self.collect(expected.master)
            if len(help_.expectations) >= most:
                self.forget(help_.expectations[-1])
        if self.count >= self._limits.expect_max:
            self._warn("nf_conntrack: nf_conntrack: expectation table full")
            return Refusal.FULL
        return None

    # --- forgetting ---------------------------------------------------------------------------------------

    def forget(self, expected: Expectation) -> None:
        """It is expected no more. Linux: nf_ct_unlink_expect_report()"""
        place = _place(expected.tuple)
        there = self._by_place[place]
        there.remove(expected)
        if not there:
            del self._by_place[place]
        self.count -= 1
        help_ = help_of(expected.master)
        assert help_ is not None, "only connections that are helped expect others"
        help_.expectations.remove(expected)
        self._tell(expected, ExpectationEvent.DESTROY)
        self.stats.delete += 1

    def forget_all_of(self, conn: Conn) -> None:
        """A connection has ended. Linux: nf_ct_remove_expectations()"""
        help_ = help_of(conn)
        for expected in () if help_ is None else tuple(help_.expectations):
            self.forget(expected)

    def collect(self, conn: Conn) -> None:
        """Forget what one connection has expected for too long. Linux: nf_ct_expectation_gc()"""
        help_ = help_of(conn)
        for expected in () if help_ is None else tuple(help_.expectations):
            if self.is_over(expected):
                self.forget(expected)

    def _forget_what_is_over(self, place: Place) -> None:
        for known in tuple(self._by_place.get(place, ())):
            if self.is_over(known):
                self.forget(known)


def _place(flow: Tuple) -> Place:
    return flow.protocol, flow.daddr, flow.dport
