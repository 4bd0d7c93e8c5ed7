"""Learning, moving, ageing, and the bounds of the forwarding table."""

import pytest

from pystack.errors import EEXIST, EINVAL, ENOENT, EOPNOTSUPP, EPERM, NetError
from pystack.l2 import bridge_options, fdb, fdb_user, kinds
from pystack.l2.bridge_port import BR_STATE_BLOCKING
from pystack.l2.devices import Link
from pystack.l2.fdb import AGEING_TIME, FdbEntry
from pystack.l2.fdb_user import FdbRequest, fdb_add, fdb_del, fdb_flush, fdb_state
from pystack.l2.nud import NUD_NOARP, NUD_PERMANENT, NUD_REACHABLE, NUD_STALE
from pystack.wire.ethernet import ZERO, mac_text
from tests.l2.switch import GROUP, VM1, VM2, VM3, Switch, frame, port_address


@pytest.fixture
def switch() -> Switch:
    return Switch(3)


def entry_of(switch: Switch, address: bytes) -> FdbEntry:
    entry = switch.bridge.fdb.get(address)
    assert entry is not None
    return entry


def place_of(switch: Switch, address: bytes) -> str | None:
    """The port behind which the bridge believes a station to be."""
    entry = switch.bridge.fdb.get(address)
    if entry is None:
        return None
    return "br0" if entry.port is None else entry.port.dev.name


def add(dev: Link, address: bytes, state: int, *, replace: bool = False, sticky: bool = False) -> None:
    fdb_add(dev, FdbRequest(address, state, master=True, exclusive=not replace, sticky=sticky))


# --- learning and moving ---------------------------------------------------------------------------------


def test_a_station_is_learned_where_it_speaks(switch: Switch) -> None:
    switch.send(2, frame(source=VM1))
    assert place_of(switch, VM1) == "t2"


def test_a_station_that_speaks_elsewhere_has_moved(switch: Switch) -> None:
    switch.send(1, frame(source=VM1))
    switch.send(3, frame(source=VM1))
    assert place_of(switch, VM1) == "t3"
    assert switch.send(2, frame(source=VM2, destination=VM1)) == ["t3"]


@pytest.mark.parametrize(
    ("state", "sticky", "place"),
    [
        (NUD_REACHABLE, False, "t3"),
        (NUD_NOARP, False, "t3"),
        (NUD_NOARP, True, "t1"),
        (NUD_PERMANENT, False, "t1"),
    ],
)
def test_a_frame_moves_all_but_sticky_and_local_entries(
    switch: Switch, state: int, sticky: bool, place: str
) -> None:
    add(switch.tap(1), VM1, state, sticky=sticky)
    switch.send(3, frame(source=VM1))
    assert place_of(switch, VM1) == place
    assert fdb_state(switch.bridge, entry_of(switch, VM1)) == state


def test_an_entry_learned_elsewhere_moves_and_forgets_that(switch: Switch) -> None:
    fdb_add(switch.tap(1), FdbRequest(VM1, NUD_REACHABLE, master=True, ext_learned=True))
    assert entry_of(switch, VM1).ext_learned
    switch.send(3, frame(source=VM1))
    assert place_of(switch, VM1) == "t3"
    assert not entry_of(switch, VM1).ext_learned


def test_a_frame_to_a_permanent_entry_of_a_port_goes_up(switch: Switch) -> None:
    add(switch.tap(2), VM2, NUD_PERMANENT)
    assert switch.send(1, frame(destination=VM2)) == []
    assert switch.bridge.stats.rx_packets == 1


def test_a_frame_to_a_static_entry_of_a_port_that_is_down_is_dropped(switch: Switch) -> None:
    add(switch.tap(2), VM2, NUD_NOARP)
    switch.devices.set_down(switch.tap(2))
    assert switch.send(1, frame(destination=VM2)) == []


def test_entries_list_newest_first_and_a_move_keeps_the_place(switch: Switch) -> None:
    for number, address in ((1, VM1), (2, VM2), (3, VM3)):
        switch.send(number, frame(source=address))
    switch.send(3, frame(source=VM1))
    learned = [entry.address for entry in switch.bridge.fdb if not entry.local]
    assert learned == [VM3, VM2, VM1]


# --- ageing ----------------------------------------------------------------------------------------------


def test_a_silent_station_is_forgotten_after_300_seconds(switch: Switch) -> None:
    switch.send(1, frame(source=VM1))
    switch.wait(299.9)
    assert place_of(switch, VM1) == "t1"
    switch.wait(0.2)
    assert place_of(switch, VM1) is None


def test_speaking_keeps_a_station_but_being_spoken_to_does_not(switch: Switch) -> None:
    switch.send(1, frame(source=VM1))
    switch.send(2, frame(source=VM2))
    switch.wait(200)
    switch.send(1, frame(source=VM1, destination=VM2))
    switch.wait(150)
    assert place_of(switch, VM1) == "t1"
    assert place_of(switch, VM2) is None


def test_uses_and_sightings_are_told_apart(switch: Switch) -> None:
    switch.send(1, frame(source=VM1))
    switch.wait(10)
    switch.send(2, frame(source=VM2, destination=VM1))
    entry = entry_of(switch, VM1)
    assert (entry.updated, entry.used) == (0.0, 10.0)


def test_another_ageing_time_holds_for_what_is_known_already(switch: Switch) -> None:
    switch.send(1, frame(source=VM1))
    switch.wait(5)
    switch.set_bridge(ageing_time=1000)
    switch.wait(4.9)
    assert place_of(switch, VM1) == "t1"
    switch.wait(0.2)
    assert place_of(switch, VM1) is None


def test_on_a_bridge_that_is_down_entries_age_once_somebody_set_how_fast(switch: Switch) -> None:
    switch.devices.set_down(switch.bridge)
    bridge_options.set_port_options(switch.bridge, switch.port(1), {"state": BR_STATE_BLOCKING})
    switch.send(1, frame(source=VM1))
    assert place_of(switch, VM1) == "t1"
    switch.wait(AGEING_TIME + 1)
    assert place_of(switch, VM1) == "t1"
    switch.bridge.fdb.set_ageing_time(AGEING_TIME)
    switch.wait(0)
    assert place_of(switch, VM1) is None


def test_a_bridge_that_is_deleted_looks_at_its_table_no_more(switch: Switch) -> None:
    switch.devices.set_down(switch.bridge)
    switch.bridge.fdb.set_ageing_time(1.0)
    kinds.delete(switch.devices, switch.bridge)
    assert switch.host.timers.next_deadline() is None


def test_an_ageing_time_of_zero_makes_every_frame_flood(switch: Switch) -> None:
    switch.send(1, frame(source=VM1))
    switch.set_bridge(ageing_time=0)
    switch.wait(0.1)
    assert place_of(switch, VM1) is None
    switch.send(1, frame(source=VM1))
    assert switch.send(2, frame(source=VM2, destination=VM1)) == ["t1", "t3"]


@pytest.mark.parametrize("state", [NUD_NOARP, NUD_PERMANENT])
def test_static_and_permanent_entries_do_not_age(switch: Switch, state: int) -> None:
    add(switch.tap(1), VM1, state)
    switch.wait(10_000)
    assert place_of(switch, VM1) == "t1"


def test_a_dynamic_entry_of_a_user_ages(switch: Switch) -> None:
    add(switch.tap(1), VM1, NUD_REACHABLE)
    switch.wait(300.1)
    assert place_of(switch, VM1) is None


def test_an_entry_made_dynamic_starts_to_age(switch: Switch) -> None:
    add(switch.tap(1), VM1, NUD_NOARP)
    switch.wait(1000)
    add(switch.tap(1), VM1, NUD_REACHABLE, replace=True)
    switch.wait(299)
    assert place_of(switch, VM1) == "t1"
    switch.wait(2)
    assert place_of(switch, VM1) is None


def test_many_entries_that_age_one_by_one_are_collected_together(switch: Switch) -> None:
    count = 2000
    for number in range(count):
        switch.host.clock.set(number * 0.0005)
        switch.send(1, frame(source=numbered(number)))
    runs = 0
    while switch.bridge.fdb.n_learned:
        deadline = switch.host.next_deadline()
        assert deadline is not None
        switch.host.clock.set(deadline)
        switch.host.run_timers()
        runs += 1
    assert switch.host.clock.now <= count * 0.0005 + 300 + 0.03
    assert runs < 100


def test_nobody_is_woken_for_a_table_in_which_nothing_ages(switch: Switch) -> None:
    switch.wait(400)
    assert switch.host.next_deadline() is None


def test_an_entry_past_its_time_is_stale_until_it_is_collected(switch: Switch) -> None:
    switch.send(1, frame(source=VM1))
    switch.host.clock.set(400)
    assert fdb_state(switch.bridge, entry_of(switch, VM1)) == NUD_STALE


def test_a_bridge_that_is_down_ages_nothing(switch: Switch) -> None:
    add(switch.tap(1), VM1, NUD_NOARP)
    switch.devices.set_down(switch.bridge)
    assert switch.host.next_deadline() is None


# --- what goes with a port -------------------------------------------------------------------------------


def test_a_port_that_goes_down_forgets_what_it_learned_alone(switch: Switch) -> None:
    switch.send(1, frame(source=VM1))
    add(switch.tap(1), VM2, NUD_NOARP)
    switch.devices.set_down(switch.tap(1))
    assert place_of(switch, VM1) is None
    assert place_of(switch, VM2) == "t1"
    assert place_of(switch, port_address(1)) == "t1"


def test_a_port_that_leaves_takes_all_its_entries_along(switch: Switch) -> None:
    switch.send(1, frame(source=VM1))
    add(switch.tap(1), VM2, NUD_NOARP)
    switch.devices.set_master(switch.tap(1), None)
    assert [place_of(switch, address) for address in (VM1, VM2, port_address(1))] == [None] * 3


def test_two_ports_with_one_address_share_its_entry(switch: Switch) -> None:
    switch.devices.set_address(switch.tap(2), port_address(1))
    assert place_of(switch, port_address(1)) == "t1"
    switch.devices.set_master(switch.tap(1), None)
    assert place_of(switch, port_address(1)) == "t2"


def test_a_station_that_becomes_a_port_is_no_longer_a_station(switch: Switch) -> None:
    switch.send(1, frame(source=port_address(9)))
    switch.listen()
    tap = switch.netns.add_port("t9", port_address(9))
    switch.enslave(tap)
    assert entry_of(switch, port_address(9)).local
    assert (
        "br0: adding interface t9 with same address as a received packet (addr:02:00:00:00:00:09, vlan:0)"
    ) in switch.log


# --- bounds ----------------------------------------------------------------------------------------------


def numbered(number: int) -> bytes:
    return b"\x02\xbb" + number.to_bytes(4, "big")


def test_a_bridge_learns_no_more_than_its_user_allows(switch: Switch) -> None:
    switch.set_bridge(fdb_max_learned=5)
    for number in range(20):
        switch.send(1, frame(source=numbered(number)))
    assert switch.bridge.fdb.n_learned == 5
    assert place_of(switch, numbered(4)) == "t1"
    assert place_of(switch, numbered(5)) is None
    add(switch.tap(1), VM1, NUD_NOARP)
    assert place_of(switch, VM1) == "t1"


def test_a_known_station_may_move_in_a_full_table(switch: Switch) -> None:
    switch.set_bridge(fdb_max_learned=1)
    switch.send(1, frame(source=VM1))
    switch.send(2, frame(source=VM1))
    assert place_of(switch, VM1) == "t2"


def test_room_comes_back_as_entries_age(switch: Switch) -> None:
    switch.set_bridge(fdb_max_learned=1)
    switch.send(1, frame(source=VM1))
    switch.wait(301)
    switch.send(1, frame(source=VM2))
    assert (place_of(switch, VM2), switch.bridge.fdb.n_learned) == ("t1", 1)


def test_a_flood_of_sources_is_bounded(switch: Switch, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fdb, "LEARNED_LIMIT", 100)
    for number in range(300):
        switch.send(1, frame(source=numbered(number)))
    assert switch.bridge.fdb.n_learned == 100
    switch.wait(301)
    assert switch.bridge.fdb.n_learned == 0
    assert switch.conserved()


def test_taking_over_a_learned_entry_makes_room(switch: Switch) -> None:
    switch.send(1, frame(source=VM1))
    add(switch.tap(1), VM1, NUD_NOARP, replace=True)
    assert switch.bridge.fdb.n_learned == 0
    switch.bridge.fdb.remove(entry_of(switch, VM1))
    assert switch.bridge.fdb.n_learned == 0


# --- what users do ---------------------------------------------------------------------------------------


def refused(dev: Link, request: FdbRequest, *, delete: bool = False) -> int:
    with pytest.raises(NetError) as caught:
        (fdb_del if delete else fdb_add)(dev, request)
    return caught.value.number


def test_requests_are_refused_as_the_kernel_does(switch: Switch) -> None:
    tap, bridge = switch.tap(1), switch.bridge
    down = switch.netns.add_port("t9", port_address(9))
    switch.devices.set_master(down, bridge)
    alone = switch.netns.add_port("t8", port_address(8))
    add(tap, VM1, NUD_NOARP)
    master = {"master": True}
    assert [
        refused(tap, FdbRequest(VM1, **master)),
        refused(down, FdbRequest(VM2, NUD_REACHABLE, **master)),
        refused(tap, FdbRequest(VM2, NUD_PERMANENT, sticky=True, **master)),
        refused(tap, FdbRequest(VM2, vid=5, **master)),
        refused(tap, FdbRequest(ZERO, **master)),
        refused(tap, FdbRequest(VM2, create=False, exclusive=False, **master)),
        refused(alone, FdbRequest(VM2, **master)),
        refused(bridge, FdbRequest(VM2, NUD_NOARP, itself=True)),
        refused(switch.netns.loopback, FdbRequest(VM2, itself=True)),
        refused(tap, FdbRequest(VM2, NUD_NOARP, itself=True)),
    ] == [EEXIST, EPERM, EINVAL, EINVAL, EINVAL, ENOENT, EOPNOTSUPP, EINVAL, EINVAL, EINVAL]


def test_deleting_what_is_not_there_or_behind_another_port_is_refused(switch: Switch) -> None:
    add(switch.tap(1), VM1, NUD_NOARP)
    assert refused(switch.tap(2), FdbRequest(VM1, master=True), delete=True) == ENOENT
    assert refused(switch.tap(1), FdbRequest(VM2, master=True), delete=True) == ENOENT
    fdb_del(switch.tap(1), FdbRequest(VM1, master=True))
    assert place_of(switch, VM1) is None


def test_replacing_moves_an_entry_to_another_port(switch: Switch) -> None:
    add(switch.tap(1), VM1, NUD_NOARP)
    add(switch.tap(2), VM1, NUD_PERMANENT, replace=True)
    assert place_of(switch, VM1) == "t2"
    assert entry_of(switch, VM1).local


def test_a_group_may_be_given_an_entry_which_group_frames_ignore(switch: Switch) -> None:
    add(switch.tap(2), GROUP, NUD_PERMANENT)
    assert switch.send(1, frame(destination=GROUP)) == ["t2", "t3"]


def test_an_address_of_the_bridge_itself_goes_up(switch: Switch) -> None:
    fdb_add(switch.bridge, FdbRequest(VM1, itself=True))
    assert place_of(switch, VM1) == "br0"
    assert switch.send(1, frame(source=VM2, destination=VM1)) == []
    assert switch.bridge.stats.rx_packets == 1


def test_use_teaches_as_a_frame_does(switch: Switch) -> None:
    fdb_add(switch.tap(1), FdbRequest(VM1, NUD_REACHABLE, master=True, use=True))
    entry = entry_of(switch, VM1)
    assert (entry.ages, entry.added_by_user, switch.bridge.fdb.n_learned) == (True, True, 0)


def test_self_changes_the_devices_own_filter(switch: Switch) -> None:
    tap = switch.tap(1)
    for address in (VM1, ZERO, GROUP):
        fdb_add(tap, FdbRequest(address, itself=True))
    assert refused(tap, FdbRequest(VM1, itself=True)) == EEXIST
    fdb_add(tap, FdbRequest(VM1, itself=True, exclusive=False))
    assert [mac_text(address) for address in tap.unicast_addresses] == [mac_text(VM1), mac_text(ZERO)]
    assert GROUP in tap.multicast_addresses
    fdb_del(tap, FdbRequest(VM1, itself=True))
    assert refused(tap, FdbRequest(VM1, itself=True), delete=True) == ENOENT


def test_a_flush_removes_even_the_ports_own_addresses(switch: Switch) -> None:
    switch.send(1, frame(source=VM1))
    fdb_flush(switch.bridge)
    assert len(switch.bridge.fdb) == 0
    assert switch.bridge.fdb.n_learned == 0


def test_a_flush_may_choose_by_port_and_by_mark(switch: Switch) -> None:
    add(switch.tap(1), VM1, NUD_NOARP)
    switch.send(1, frame(source=VM2))
    switch.send(2, frame(source=VM3))
    fdb_flush(switch.bridge, switch.tap(1), {"static": False})
    assert [place_of(switch, address) for address in (VM1, VM2, VM3)] == ["t1", None, "t2"]
    assert set(fdb_user.FLUSH_MARKS) == {"permanent", "static", "added_by_user", "extern_learn", "sticky"}


def test_the_fdb_flush_option_spares_static_entries(switch: Switch) -> None:
    add(switch.tap(1), VM1, NUD_NOARP)
    switch.send(1, frame(source=VM2))
    switch.set_bridge(fdb_flush=1)
    assert [place_of(switch, address) for address in (VM1, VM2)] == ["t1", None]
    assert place_of(switch, port_address(1)) == "t1"
