"""The table of neighbours: bounded, collected, and left alone where a user said so."""

import pytest

from pystack.clock import Clock
from pystack.counters import Snmp
from pystack.drop import NEIGH_DEAD, Drop, Outcomes
from pystack.events import EventSink
from pystack.l2.neigh_parms import SYSCTL_NAMES, NeighParms
from pystack.l2.neigh_table import NeighTable
from pystack.l2.neighbour import Neighbour, NeighContext
from pystack.l2.nud import NUD_FAILED, NUD_NOARP, NUD_PERMANENT, NUD_REACHABLE, NUD_STALE
from pystack.l2.port import PortDevice
from pystack.packet import Packet
from pystack.rng import Rng
from pystack.timers import Timers
from tests.frames import ALICE_MAC, OUR_MAC, OUR_MAC2


class Table:
    """A table of neighbours that nobody answers for, and its clock."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.timers = Timers(self.clock)
        self.outcomes = Outcomes()
        self.parms = NeighParms()
        self.eth0, self.eth1 = PortDevice("eth0", OUR_MAC), PortDevice("eth1", OUR_MAC2)
        self.context = NeighContext(
            clock=self.clock,
            timers=self.timers,
            drop=Drop("", self.outcomes, Snmp(), EventSink()),
            xmit=lambda pkt: None,
            solicit=lambda neigh, waiting: None,
            error_report=lambda neigh, pkt: None,
            changed=lambda neigh: None,
        )
        self.table = NeighTable(self.context, Rng(1), self._construct, self.parms, lambda: [self.parms])

    def _construct(self, neigh: Neighbour) -> None:
        if neigh.key == 0:
            neigh.state = NUD_NOARP

    def add(self, key: int, state: int = NUD_STALE, dev: PortDevice | None = None) -> Neighbour:
        exempt = bool(state & NUD_PERMANENT)
        neigh = self.table.create(dev or self.eth0, key, self.parms, exempt=exempt)
        assert neigh is not None
        neigh.set(ALICE_MAC, state)
        return neigh

    def limits(self, thresh1: int, thresh2: int, thresh3: int) -> None:
        limits = self.table.thresholds
        limits.gc_thresh1, limits.gc_thresh2, limits.gc_thresh3 = thresh1, thresh2, thresh3

    def at(self, now: float) -> None:
        while (deadline := self.timers.next_deadline()) is not None and deadline <= now:
            self.clock.set(deadline)
            self.timers.run_expired()
        self.clock.set(now)

    def keys(self) -> list[int]:
        return sorted(neigh.key for neigh in self.table)


def test_an_address_on_a_device_has_one_entry() -> None:
    table = Table()
    first = table.add(1)
    assert table.table.create(table.eth0, 1, table.parms) is first
    assert table.table.lookup(table.eth0, 1) is first
    assert table.table.lookup(table.eth1, 1) is None
    assert table.add(1, dev=table.eth1) is not first
    assert len(table.table) == 2


def test_a_new_entry_is_made_as_its_address_wants_it() -> None:
    table = Table()
    neigh = table.table.create(table.eth0, 0, table.parms)
    assert neigh is not None
    assert neigh.state == NUD_NOARP


def test_a_removed_entry_drops_what_waits() -> None:
    table = Table()
    neigh = table.table.create(table.eth0, 1, table.parms)
    assert neigh is not None
    table.outcomes.generated += 1
    neigh.output(Packet(bytearray(60), table.eth0))
    assert table.context.queued == 1
    table.table.remove(neigh)
    table.table.remove(neigh)
    assert table.outcomes.dropped == {NEIGH_DEAD: 1}
    assert table.context.queued == len(table.table) == 0


@pytest.mark.parametrize(("keep", "left"), [(False, [4]), (True, [2, 4])])
def test_a_device_that_goes_takes_its_neighbours_along(keep: bool, left: list[int]) -> None:
    table = Table()
    table.add(1)
    table.add(2, NUD_PERMANENT)
    table.add(3, NUD_REACHABLE)
    table.add(4, dev=table.eth1)
    table.table.flush(table.eth0, keep_permanent=keep)
    assert table.keys() == left


# -- the periodic collection -------------------------------------------------------------------------------


def test_a_small_table_is_never_collected() -> None:
    table = Table()
    for key in range(1, 128):
        table.add(key, NUD_FAILED if key % 2 else NUD_STALE)
    table.at(10_000)
    assert len(table.table) == 127


def test_a_larger_table_loses_what_failed_and_what_nobody_used() -> None:
    table = Table()
    table.limits(2, 512, 1024)
    table.add(1, NUD_FAILED)
    table.add(2, NUD_STALE)
    table.add(3, NUD_PERMANENT)
    table.add(4, NUD_REACHABLE)
    table.at(16)
    assert table.keys() == [2, 3, 4]
    table.at(59)
    used = table.table.lookup(table.eth0, 2)
    assert used is not None
    used.used = 59.0
    table.at(76)
    assert table.keys() == [2, 3]
    table.at(125)
    assert table.keys() == [3]


def test_gc_stale_time_says_how_long_unused_is_long() -> None:
    table = Table()
    table.limits(0, 512, 1024)
    table.parms.gc_stale_time = 10
    table.add(1, NUD_STALE)
    table.at(16)
    assert table.keys() == []


def test_the_collection_rests_while_the_table_is_empty() -> None:
    table = Table()
    table.limits(0, 512, 1024)
    table.add(1, NUD_FAILED)
    table.at(100)
    assert len(table.timers) == 0
    table.add(2, NUD_FAILED)
    assert len(table.timers) == 1
    table.at(200)
    assert table.keys() == []


def test_the_reachable_time_is_drawn_anew_every_five_minutes() -> None:
    table = Table()
    table.add(1, NUD_PERMANENT)
    table.at(299)
    assert table.parms.reachable_time == 30.0
    table.at(330)
    assert table.parms.reachable_time != 30.0
    assert 15.0 <= table.parms.reachable_time < 45.0


# -- the bounds --------------------------------------------------------------------------------------------


def test_a_full_table_takes_no_more() -> None:
    table = Table()
    table.limits(2, 4, 6)
    for key in range(1, 7):
        table.add(key)
    assert table.table.create(table.eth0, 7, table.parms) is None
    assert table.table.overflows == 1
    assert len(table.table) == 6


def test_a_full_table_makes_room_by_dropping_what_failed() -> None:
    table = Table()
    table.limits(2, 4, 6)
    for key in range(1, 7):
        table.add(key, NUD_FAILED if key > 4 else NUD_STALE)
    assert table.table.create(table.eth0, 7, table.parms) is not None
    assert table.keys() == [1, 2, 3, 4, 7]


def test_a_full_table_makes_room_by_dropping_what_has_not_changed_for_five_seconds() -> None:
    table = Table()
    table.limits(100, 4, 6)
    for key in range(1, 7):
        table.add(key)
    table.at(5.1)
    assert table.table.create(table.eth0, 7, table.parms) is not None
    assert table.keys() == [4, 5, 6, 7]


def test_a_crowded_table_collects_before_it_grows_at_most_every_five_seconds() -> None:
    table = Table()
    table.limits(100, 3, 10)
    for key in range(1, 4):
        table.add(key, NUD_FAILED)
    table.at(4)
    table.add(4)
    assert table.keys() == [1, 2, 3, 4]
    table.at(6)
    table.add(5)
    assert table.keys() == [3, 4, 5]
    table.add(6, NUD_FAILED)
    assert table.keys() == [3, 4, 5, 6]


def test_permanent_entries_are_not_counted_and_always_fit() -> None:
    """Linux: net/core/neighbour.c neigh_update_gc_list(), exempt_from_gc"""
    table = Table()
    table.limits(2, 4, 6)
    for key in range(1, 11):
        table.add(key, NUD_PERMANENT)
    for key in range(11, 17):
        table.add(key)
    assert table.table.create(table.eth0, 17, table.parms) is None
    table.add(18, NUD_PERMANENT)
    table.at(10_000)
    assert table.keys()[:10] == list(range(1, 11))


def test_a_flood_of_addresses_leaves_no_more_than_the_bound() -> None:
    table = Table()
    for key in range(1, 3000):
        table.table.create(table.eth0, key, table.parms)
        if key % 100 == 0:
            table.at(table.clock.now + 0.1)
    assert len(table.table) == 1024
    assert table.table.overflows == 3000 - 1 - 1024


# -- parameters --------------------------------------------------------------------------------------------


def test_knobs_have_the_kernels_defaults() -> None:
    parms = NeighParms()
    assert {name: getattr(parms, name) for name in SYSCTL_NAMES} == {
        "app_solicit": 0,
        "base_reachable_time": 30,
        "base_reachable_time_ms": 30000,
        "delay_first_probe_time": 5,
        "gc_stale_time": 60,
        "locktime": 100,
        "mcast_resolicit": 0,
        "mcast_solicit": 3,
        "proxy_delay": 80,
        "proxy_qlen": 64,
        "retrans_time": 100,
        "retrans_time_ms": 1000,
        "ucast_solicit": 3,
        "unres_qlen": 101,
        "unres_qlen_bytes": 212992,
    }


def test_a_time_in_another_unit_is_the_same_time() -> None:
    parms = NeighParms()
    parms.retrans_time = 250
    parms.base_reachable_time = 7
    assert (parms.retrans_time_ms, parms.base_reachable_time_ms) == (2500, 7000)
    parms.locktime = 250
    assert parms.lock_seconds == 2.5


def test_a_devices_own_set_draws_its_own_reachable_time() -> None:
    rng = Rng(3)
    drawn = [NeighParms().copy_for(rng).reachable_time for _ in range(200)]
    assert all(15.0 <= seconds < 45.0 for seconds in drawn)
    assert len(set(drawn)) > 100
    assert NeighParms(base_reachable_time_ms=0).copy_for(rng).reachable_time == 0.0
