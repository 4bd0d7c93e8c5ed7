"""Where a bridge sends a frame."""

from collections.abc import Iterator

import pytest

from pystack.l2 import bridge_options, kinds
from pystack.l2.bridge_port import BR_STATE_BLOCKING, BR_STATE_LEARNING, BR_STATE_LISTENING
from pystack.netfilter import hooks
from pystack.netfilter.hooks import HookState
from pystack.netfilter.verdict import NF_ACCEPT, NF_DROP, NF_STOLEN
from pystack.packet import PACKET_HOST, PACKET_MULTICAST, PACKET_OTHERHOST, Packet
from pystack.wire.ethernet import BROADCAST, ETH_P_8021Q, ETH_P_PAUSE, ZERO
from tests.l2.switch import GROUP, NOBODY, VM1, VM2, VM3, Switch, frame, port_address


@pytest.fixture
def switch() -> Iterator[Switch]:
    switch = Switch(4)
    yield switch
    assert switch.conserved()


def reserved(octet: int) -> bytes:
    return bytes.fromhex("0180c20000") + bytes([octet])


def heard_by_bridge(switch: Switch) -> list[int]:
    """The packet types under which the bridge device itself receives."""
    types: list[int] = []
    switch.bridge.add_tap(lambda pkt, leaving: types.append(pkt.pkt_type))
    return types


# --- unicast, group, flood -------------------------------------------------------------------------------


def test_a_frame_is_not_echoed_to_its_port(switch: Switch) -> None:
    assert "t2" not in switch.send(2, frame(destination=NOBODY))


def test_a_frame_to_nobody_known_floods_to_all_other_ports_but_not_to_the_host(switch: Switch) -> None:
    types = heard_by_bridge(switch)
    assert switch.send(1, frame(destination=NOBODY)) == ["t2", "t3", "t4"]
    assert types == []


def test_a_frame_to_a_known_station_goes_to_its_port_alone(switch: Switch) -> None:
    switch.send(3, frame(source=VM3))
    assert switch.send(1, frame(destination=VM3)) == ["t3"]


def test_a_frame_to_a_station_on_the_port_it_came_from_goes_nowhere(switch: Switch) -> None:
    switch.send(1, frame(source=VM2))
    assert switch.send(1, frame(destination=VM2)) == []
    assert switch.drops()["BR_NO_EGRESS"] == 1


@pytest.mark.parametrize("group", [BROADCAST, GROUP, bytes.fromhex("333300000001")])
def test_a_group_frame_goes_to_all_other_ports_and_to_the_host(switch: Switch, group: bytes) -> None:
    types = heard_by_bridge(switch)
    assert switch.send(2, frame(destination=group)) == ["t1", "t3", "t4"]
    assert len(types) == 1


def test_only_multicast_counts_as_multicast_of_the_bridge(switch: Switch) -> None:
    switch.send(1, frame(destination=GROUP))
    switch.send(1, frame(destination=BROADCAST))
    assert switch.bridge.stats.multicast == 1
    assert switch.tap(1).stats.multicast == 0


def test_a_flood_goes_to_the_newest_port_first_and_to_the_host_last(switch: Switch) -> None:
    seen = switch.journal([*switch.taps, switch.bridge])
    switch.send(2, frame())
    assert seen == ["t2:in", "t4:out", "t3:out", "t1:out", "br0:in"]


def test_a_port_that_was_taken_out_and_put_back_is_the_newest(switch: Switch) -> None:
    switch.devices.set_master(switch.tap(1), None)
    switch.devices.set_master(switch.tap(1), switch.bridge)
    seen = switch.journal(switch.taps)
    switch.send(2, frame())
    assert seen == ["t2:in", "t1:out", "t4:out", "t3:out"]


def test_down_and_up_again_does_not_change_the_order_of_a_flood(switch: Switch) -> None:
    switch.devices.set_down(switch.tap(1))
    switch.devices.set_up(switch.tap(1))
    seen = switch.journal(switch.taps)
    switch.send(2, frame())
    assert seen == ["t2:in", "t4:out", "t3:out", "t1:out"]


def test_every_port_gets_the_same_octets(switch: Switch) -> None:
    data = frame(payload=bytes(range(200)))
    switch.send(1, data)
    switch.netns.receive(switch.tap(1), data)
    assert {sent for _, sent in switch.drain()} == {data}


def test_a_frame_of_fourteen_octets_is_forwarded_as_it_is(switch: Switch) -> None:
    switch.netns.receive(switch.tap(1), frame(payload=b""))
    assert [len(data) for _, data in switch.drain()] == [14, 14, 14]


def test_a_frame_to_the_zero_address_floods_as_to_anybody_unknown(switch: Switch) -> None:
    assert switch.send(1, frame(destination=ZERO)) == ["t2", "t3", "t4"]


# --- the host's own addresses ----------------------------------------------------------------------------


def test_a_frame_to_the_bridges_address_goes_up_as_its_own(switch: Switch) -> None:
    types = heard_by_bridge(switch)
    assert switch.send(3, frame(destination=switch.bridge.address)) == []
    assert types == [PACKET_HOST]


def test_a_frame_to_another_ports_address_goes_up_as_for_another_host(switch: Switch) -> None:
    types = heard_by_bridge(switch)
    assert switch.send(3, frame(destination=port_address(2))) == []
    assert types == [PACKET_OTHERHOST]


def test_the_address_of_the_receiving_port_is_its_own_host(switch: Switch) -> None:
    types = heard_by_bridge(switch)
    switch.send(3, frame(destination=port_address(3)))
    assert types == [PACKET_HOST]


def test_what_goes_up_is_received_on_the_bridge_without_the_link_header_counted(switch: Switch) -> None:
    switch.send(1, frame(destination=switch.bridge.address, payload=b"y" * 46))
    assert (switch.bridge.stats.rx_packets, switch.bridge.stats.rx_bytes) == (1, 46)
    assert (switch.tap(1).stats.rx_packets, switch.tap(1).stats.rx_bytes) == (1, 60)


def test_what_goes_up_is_counted_without_its_outer_tag(switch: Switch) -> None:
    payload = b"\0\5\x88\xb5" + b"y" * 46
    switch.send(1, frame(destination=switch.bridge.address, kind=ETH_P_8021Q, payload=payload))
    assert switch.bridge.stats.rx_bytes == 46


def test_a_type_that_nobody_handles_is_counted_on_the_bridge(switch: Switch) -> None:
    switch.send(1, frame())
    assert switch.bridge.stats.rx_dropped == 1


def test_an_802_2_frame_is_handled_though_no_service_wants_it(switch: Switch) -> None:
    switch.send(1, frame(destination=reserved(0), kind=0x0026, payload=b"\x42\x42\x03" + bytes(43)))
    assert switch.bridge.stats.rx_dropped == 0
    assert switch.drops() == {"LLC_NO_SAP": 1}


def test_a_promiscuous_bridge_hears_what_is_not_for_it(switch: Switch) -> None:
    switch.devices.set_promiscuity(switch.bridge, 1)
    switch.send(3, frame(source=VM3))
    types = heard_by_bridge(switch)
    assert switch.send(1, frame(destination=VM3)) == ["t3"]
    assert switch.send(1, frame(destination=NOBODY)) == ["t2", "t3", "t4"]
    assert types == [PACKET_OTHERHOST, PACKET_OTHERHOST]


def host_sends(switch: Switch, data: bytes) -> list[str]:
    pkt = Packet(bytearray(data), switch.bridge)
    pkt.network_header = 14
    switch.host.outcomes.generated += 1
    switch.netns.link.egress.dev_queue_xmit(pkt)
    return [name for name, _ in switch.drain()]


def test_what_the_host_sends_floods_or_finds_its_port(switch: Switch) -> None:
    switch.send(3, frame(source=VM3))
    own = switch.bridge.address
    assert host_sends(switch, frame(own, VM3)) == ["t3"]
    assert host_sends(switch, frame(own, NOBODY)) == ["t1", "t2", "t3", "t4"]
    assert host_sends(switch, frame(own, GROUP)) == ["t1", "t2", "t3", "t4"]
    assert (switch.bridge.stats.tx_packets, switch.bridge.stats.tx_bytes) == (3, 3 * 60)


def test_the_host_floods_newest_port_first(switch: Switch) -> None:
    seen = switch.journal([*switch.taps, switch.bridge])
    host_sends(switch, frame(switch.bridge.address))
    assert seen == ["br0:out", "t4:out", "t3:out", "t2:out", "t1:out"]


def test_group_frames_of_the_host_ignore_the_flood_flags_but_its_unicast_does_not(switch: Switch) -> None:
    switch.set(1, flood=0, mcast_flood=0, bcast_flood=0)
    own = switch.bridge.address
    assert "t1" in host_sends(switch, frame(own, BROADCAST))
    assert "t1" in host_sends(switch, frame(own, GROUP))
    assert "t1" not in host_sends(switch, frame(own, NOBODY))


# --- port flags ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("flag", "stopped"),
    [("flood", NOBODY), ("mcast_flood", GROUP), ("bcast_flood", BROADCAST)],
)
def test_a_flood_flag_stops_its_own_kind_of_flood_and_no_other(
    switch: Switch, flag: str, stopped: bytes
) -> None:
    switch.set(3, **{flag: 0})
    for destination in (NOBODY, GROUP, BROADCAST):
        expected = ["t2", "t4"] if destination == stopped else ["t2", "t3", "t4"]
        assert switch.send(1, frame(destination=destination)) == expected


def test_flood_flags_do_not_stop_a_frame_to_a_known_station(switch: Switch) -> None:
    switch.send(3, frame(source=VM3))
    switch.set(3, flood=0, mcast_flood=0, bcast_flood=0)
    assert switch.send(1, frame(destination=VM3)) == ["t3"]


def test_the_host_gets_its_copy_when_no_port_floods(switch: Switch) -> None:
    for number in (2, 3, 4):
        switch.set(number, bcast_flood=0)
    types = heard_by_bridge(switch)
    assert switch.send(1, frame()) == []
    assert len(types) == 1


def test_hairpin_sends_a_flood_back_in_its_place(switch: Switch) -> None:
    switch.set(2, hairpin=1)
    seen = switch.journal(switch.taps)
    switch.send(2, frame())
    assert seen == ["t2:in", "t4:out", "t3:out", "t2:out", "t1:out"]


def test_hairpin_joins_two_stations_behind_one_port(switch: Switch) -> None:
    switch.set(1, hairpin=1)
    switch.send(1, frame(source=VM2))
    assert switch.send(1, frame(destination=VM2)) == ["t1"]


def test_isolated_ports_reach_all_but_each_other(switch: Switch) -> None:
    switch.set(1, isolated=1)
    switch.set(3, isolated=1)
    types = heard_by_bridge(switch)
    assert switch.send(1, frame(source=VM1)) == ["t2", "t4"]
    assert switch.send(2, frame(source=VM2)) == ["t1", "t3", "t4"]
    assert switch.send(3, frame(source=VM3, destination=VM1)) == []
    assert switch.send(3, frame(source=VM3, destination=VM2)) == ["t2"]
    assert len(types) == 2


def test_a_port_that_does_not_learn_forwards_all_the_same(switch: Switch) -> None:
    switch.set(1, learning=0)
    assert switch.send(1, frame(source=VM1)) == ["t2", "t3", "t4"]
    assert switch.bridge.fdb.get(VM1) is None
    assert switch.send(2, frame(source=VM2, destination=VM1)) == ["t1", "t3", "t4"]


def test_a_locked_port_takes_frames_of_known_stations_only(switch: Switch) -> None:
    switch.send(1, frame(source=VM1))
    switch.set(1, locked=1)
    assert switch.send(1, frame(source=VM1)) == ["t2", "t3", "t4"]
    assert switch.send(1, frame(source=VM2)) == []
    assert switch.send(1, frame(source=port_address(1))) == []
    assert switch.drops()["BR_LOCKED"] == 2


def test_a_port_set_to_learning_learns_and_forwards_nothing(switch: Switch) -> None:
    switch.set(1, state=BR_STATE_LEARNING)
    assert switch.send(1, frame(source=VM1)) == []
    entry = switch.bridge.fdb.get(VM1)
    assert entry is not None
    assert entry.port is switch.port(1)
    assert "t1" not in switch.send(2, frame(source=VM2))


def test_a_listening_port_neither_learns_nor_forwards(switch: Switch) -> None:
    switch.set(1, state=BR_STATE_LISTENING)
    assert switch.send(1, frame(source=VM1)) == []
    assert switch.bridge.fdb.get(VM1) is None
    assert switch.drops()["BR_PORT_STATE"] == 1


def test_without_spanning_tree_a_port_set_to_blocking_forwards_at_once(switch: Switch) -> None:
    switch.set(1, state=BR_STATE_BLOCKING)
    assert switch.send(1, frame()) == ["t2", "t3", "t4"]


# --- sources, sizes, states ------------------------------------------------------------------------------


@pytest.mark.parametrize("source", [GROUP, BROADCAST, ZERO])
def test_a_source_that_is_no_station_is_refused(switch: Switch, source: bytes) -> None:
    assert switch.send(1, frame(source=source)) == []
    assert switch.bridge.fdb.get(source) is None
    assert switch.drops() == {"MAC_INVALID_SOURCE": 1}


def test_a_frame_that_claims_the_hosts_address_is_forwarded_and_noted(switch: Switch) -> None:
    switch.listen()
    assert switch.send(1, frame(source=port_address(3))) == ["t2", "t3", "t4"]
    entry = switch.bridge.fdb.get(port_address(3))
    assert entry is not None
    assert entry.port is switch.port(3)
    assert switch.log == [
        "br0: received packet on t1 with own address as source address (addr:02:00:00:00:00:03, vlan:0)"
    ]


def test_the_note_about_own_addresses_is_rate_limited(switch: Switch) -> None:
    switch.listen()
    for _ in range(25):
        switch.send(1, frame(source=port_address(3)))
    assert len(switch.log) == 10
    switch.wait(5.1)
    switch.send(1, frame(source=port_address(3)))
    assert switch.log[10] == "net_ratelimit: 15 callbacks suppressed"


@pytest.mark.parametrize(("payload", "passes"), [(1504, True), (1505, False)])
def test_the_port_it_leaves_by_limits_a_frame_with_room_for_a_tag(
    switch: Switch, payload: int, passes: bool
) -> None:
    switch.send(2, frame(source=VM2))
    assert switch.send(1, frame(destination=VM2, payload=bytes(payload))) == (["t2"] if passes else [])
    assert switch.tap(2).stats.tx_dropped == 0


@pytest.mark.parametrize(("payload", "passes"), [(1504, True), (1505, False)])
def test_the_outer_tag_of_a_frame_does_not_count_against_that_limit(
    switch: Switch, payload: int, passes: bool
) -> None:
    switch.send(2, frame(source=VM2))
    tagged = frame(destination=VM2, kind=ETH_P_8021Q, payload=b"\0\5\x88\xb5" + bytes(payload))
    assert switch.send(1, tagged) == (["t2"] if passes else [])


def test_a_port_that_was_set_to_disabled_forwards_again_after_any_change_of_its_device(
    switch: Switch,
) -> None:
    bridge_options.set_port_options(switch.bridge, switch.port(2), {"state": 0})
    assert switch.send(1, frame()) == ["t3", "t4"]
    kinds.change(switch.tap(2), "bridge_slave", {"cost": 7})
    assert switch.send(1, frame()) == ["t2", "t3", "t4"]


def test_neither_the_port_of_entry_nor_the_bridge_limits_a_frame(switch: Switch) -> None:
    switch.send(2, frame(source=VM2))
    switch.devices.set_mtu(switch.tap(1), 600)
    assert switch.bridge.mtu == 600
    assert switch.send(1, frame(destination=VM2, payload=bytes(1400))) == ["t2"]


def test_a_port_that_is_down_sends_nothing(switch: Switch) -> None:
    switch.devices.set_down(switch.tap(2))
    assert switch.send(1, frame()) == ["t3", "t4"]


def test_a_bridge_that_is_down_forwards_nothing_and_learns_nothing(switch: Switch) -> None:
    switch.devices.set_down(switch.bridge)
    assert switch.send(1, frame()) == []
    assert switch.bridge.fdb.get(VM1) is None


def test_a_port_without_carrier_is_left_out_until_it_has_one(switch: Switch) -> None:
    switch.devices.set_carrier(switch.tap(2), False)
    assert switch.send(1, frame()) == ["t3", "t4"]
    switch.devices.set_carrier(switch.tap(2), True)
    assert switch.send(1, frame()) == ["t2", "t3", "t4"]


# --- reserved groups -------------------------------------------------------------------------------------


def stayed_on_port(switch: Switch, group: int) -> bool:
    """Whether the port's own protocols get a frame to this reserved group."""
    got: list[Packet] = []

    def take(pkt: Packet) -> None:
        got.append(pkt)
        switch.host.outcomes.consumed += 1

    switch.netns.link.ingress.protocols[0x88CC] = take
    sent = switch.send(1, frame(destination=reserved(group), kind=0x88CC))
    return sent == [] and [pkt.dev.name for pkt in got] == ["t1"] and got[0].pkt_type == PACKET_MULTICAST


@pytest.mark.parametrize("group", range(2, 16))
def test_a_reserved_group_stays_on_its_cable(switch: Switch, group: int) -> None:
    assert stayed_on_port(switch, group)


def test_without_spanning_tree_its_group_is_flooded(switch: Switch) -> None:
    types = heard_by_bridge(switch)
    assert switch.send(1, frame(destination=reserved(0))) == ["t2", "t3", "t4"]
    assert len(types) == 1


@pytest.mark.parametrize("kind", [ETH_P_PAUSE, 0x88CC])
def test_pause_frames_are_dropped_whatever_they_carry(switch: Switch, kind: int) -> None:
    switch.set_bridge(group_fwd_mask=0xFFF8)
    assert switch.send(1, frame(destination=reserved(1), kind=kind)) == []
    assert switch.drops() == {"BR_RESERVED": 1}


@pytest.mark.parametrize("octet", [0x10, 0x20, 0x21, 0xFF])
def test_groups_beyond_the_reserved_ones_are_ordinary(switch: Switch, octet: int) -> None:
    assert switch.send(1, frame(destination=reserved(octet))) == ["t2", "t3", "t4"]


@pytest.mark.parametrize("group", range(3, 16))
def test_the_bridges_mask_opens_a_reserved_group(switch: Switch, group: int) -> None:
    switch.set_bridge(group_fwd_mask=1 << group)
    assert switch.send(1, frame(destination=reserved(group))) == ["t2", "t3", "t4"]
    other = 3 if group != 3 else 4
    assert switch.send(1, frame(destination=reserved(other))) == []


@pytest.mark.parametrize("group", [2, 3, 14, 15])
def test_a_ports_mask_opens_a_reserved_group_for_what_enters_there(switch: Switch, group: int) -> None:
    switch.set(1, group_fwd_mask=1 << group)
    assert switch.send(1, frame(destination=reserved(group))) == ["t2", "t3", "t4"]
    assert switch.send(2, frame(destination=reserved(group))) == []


def test_a_station_is_learned_from_reserved_groups_too(switch: Switch) -> None:
    switch.send(1, frame(source=VM1, destination=reserved(3)))
    assert switch.bridge.fdb.get(VM1) is not None


def test_learning_from_reserved_groups_can_be_switched_off(switch: Switch) -> None:
    switch.set_bridge(no_linklocal_learn=1)
    switch.send(1, frame(source=VM1, destination=reserved(3)))
    assert switch.bridge.fdb.get(VM1) is None


# --- hooks -----------------------------------------------------------------------------------------------

HOOK_NAMES = ("PREROUTING", "INPUT", "FORWARD", "OUTPUT", "POSTROUTING", "BROUTING")


def watch_hooks(switch: Switch) -> list[tuple[str, str, str]]:
    """Every crossing of a bridge hook: its name, the device in, the device out."""
    seen: list[tuple[str, str, str]] = []

    def note(pkt: Packet, state: HookState) -> int:
        indev = "" if state.indev is None else state.indev.name
        outdev = "" if state.outdev is None else state.outdev.name
        seen.append((HOOK_NAMES[state.hook], indev, outdev))
        return NF_ACCEPT

    for point in switch.netns.hooks.bridge:
        point.register(note, 0, "watch")
    return seen


def test_a_forwarded_frame_crosses_its_hooks_in_order(switch: Switch) -> None:
    switch.send(2, frame(source=VM2))
    seen = watch_hooks(switch)
    assert switch.send(1, frame(destination=VM2)) == ["t2"]
    assert seen == [
        ("BROUTING", "t1", ""),
        ("PREROUTING", "t1", ""),
        ("FORWARD", "t1", "t2"),
        ("POSTROUTING", "", "t2"),
    ]


def test_a_broadcast_crosses_forward_per_port_and_then_input(switch: Switch) -> None:
    seen = watch_hooks(switch)
    switch.send(1, frame())
    assert seen[2:] == [
        ("FORWARD", "t1", "t4"),
        ("POSTROUTING", "", "t4"),
        ("FORWARD", "t1", "t3"),
        ("POSTROUTING", "", "t3"),
        ("FORWARD", "t1", "t2"),
        ("POSTROUTING", "", "t2"),
        ("INPUT", "t1", ""),
    ]


def test_what_the_host_sends_crosses_output_and_postrouting(switch: Switch) -> None:
    switch.send(2, frame(source=VM2))
    seen = watch_hooks(switch)
    host_sends(switch, frame(switch.bridge.address, VM2))
    assert seen == [("OUTPUT", "", "t2"), ("POSTROUTING", "", "t2")]


@pytest.mark.parametrize(("group", "expected"), [(3, [("INPUT", "t1", "")]), (14, [])])
def test_reserved_groups_cross_input_save_lldp(
    switch: Switch, group: int, expected: list[tuple[str, str, str]]
) -> None:
    seen = watch_hooks(switch)
    assert stayed_on_port(switch, group)
    assert seen == expected


def test_a_frame_dropped_before_learning_teaches_nothing(switch: Switch) -> None:
    switch.netns.hooks.bridge[hooks.PREROUTING].register(lambda pkt, state: NF_DROP, 0, "drop")
    assert switch.send(1, frame(source=VM1)) == []
    assert switch.bridge.fdb.get(VM1) is None


def test_a_hook_may_change_where_a_frame_goes(switch: Switch) -> None:
    switch.send(3, frame(source=VM3))

    def dnat(pkt: Packet, state: HookState) -> int:
        pkt.writable()[pkt.mac_header : pkt.mac_header + 6] = VM3
        return NF_ACCEPT

    switch.netns.hooks.bridge[hooks.PREROUTING].register(dnat, -300, "dnat")
    assert switch.send(1, frame(destination=NOBODY)) == ["t3"]


def test_a_change_for_one_port_of_a_flood_is_not_seen_by_the_others(switch: Switch) -> None:
    def stamp(pkt: Packet, state: HookState) -> int:
        assert state.outdev is not None
        pkt.writable()[14] = ord(state.outdev.name[1])
        return NF_ACCEPT

    switch.netns.hooks.bridge[hooks.POSTROUTING].register(stamp, 0, "stamp")
    switch.netns.receive(switch.tap(1), frame())
    assert [(name, data[14:15]) for name, data in switch.drain()] == [
        ("t2", b"2"),
        ("t3", b"3"),
        ("t4", b"4"),
    ]


def test_a_stolen_frame_may_be_let_go_later(switch: Switch) -> None:
    held: list[tuple[Packet, HookState]] = []

    def steal(pkt: Packet, state: HookState) -> int:
        held.append((pkt, state))
        return NF_STOLEN

    point = switch.netns.hooks.bridge[hooks.PREROUTING]
    point.register(steal, 0, "steal")
    assert switch.send(1, frame(destination=NOBODY)) == []
    (pkt, state), *_ = held
    point.resume(pkt, state, 1)
    assert [name for name, _ in switch.drain()] == ["t2", "t3", "t4"]


def test_a_port_taken_out_while_its_frame_was_held_drops_it(switch: Switch) -> None:
    held: list[tuple[Packet, HookState]] = []

    def steal(pkt: Packet, state: HookState) -> int:
        held.append((pkt, state))
        return NF_STOLEN

    point = switch.netns.hooks.bridge[hooks.PREROUTING]
    point.register(steal, 0, "steal")
    switch.send(1, frame())
    switch.devices.set_master(switch.tap(1), None)
    point.resume(*held[0], 1)
    assert switch.drops() == {"LINK_GONE": 1}


def test_a_brouted_frame_is_received_by_the_port_itself(switch: Switch) -> None:
    def route(pkt: Packet, state: HookState) -> int:
        switch.bridge.input.broute(pkt)
        return NF_STOLEN

    switch.netns.hooks.bridge[hooks.BROUTING].register(route, 0, "broute")
    got: list[tuple[str, int]] = []

    def take(pkt: Packet) -> None:
        got.append((pkt.dev.name, pkt.pkt_type))
        switch.host.outcomes.consumed += 1

    switch.netns.link.ingress.protocols[0x88CC] = take
    assert switch.send(2, frame(destination=switch.bridge.address, kind=0x88CC)) == []
    assert got == [("t2", PACKET_OTHERHOST)]
