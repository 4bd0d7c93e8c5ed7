"""Ports come and go: refusals, the bridge's address, MTU and carrier, and what the kernel's log says."""

import pytest

from pystack.errors import EBUSY, EINVAL, ELOOP, ENETDOWN, EOPNOTSUPP, ERANGE, EXFULL, NetError, NotModelled
from pystack.l2.bridge import Bridge
from pystack.l2.bridge_port import BR_STATE_DISABLED, BR_STATE_FORWARDING, MAX_PORTS
from pystack.l2.devices import Link
from pystack.l2.port import PortDevice
from pystack.wire.ethernet import ZERO
from tests.l2.switch import VM1, Switch, frame, port_address


@pytest.fixture
def switch() -> Switch:
    return Switch(0)


def new_tap(switch: Switch, number: int) -> PortDevice:
    return switch.netns.add_port(f"t{number}", port_address(number))


def refusal(switch: Switch, dev: Link, master: Link) -> NetError:
    with pytest.raises(NetError) as caught:
        switch.devices.set_master(dev, master)
    assert not isinstance(master, Bridge) or dev not in master.port_of
    return caught.value


# --- refusals --------------------------------------------------------------------------------------------


def test_a_bridge_cannot_be_a_port_of_a_bridge(switch: Switch) -> None:
    error = refusal(switch, switch.add_bridge("br1"), switch.bridge)
    assert (error.number, error.extack) == (ELOOP, "Can not enslave a bridge to a bridge")


def test_a_bridge_cannot_be_its_own_port(switch: Switch) -> None:
    assert refusal(switch, switch.bridge, switch.bridge).number == ELOOP


def test_loopback_cannot_be_a_port(switch: Switch) -> None:
    error = refusal(switch, switch.netns.loopback, switch.bridge)
    assert (error.number, error.extack) == (EINVAL, None)


def test_a_device_that_is_no_bridge_takes_no_ports(switch: Switch) -> None:
    assert refusal(switch, new_tap(switch, 1), new_tap(switch, 2)).number == EOPNOTSUPP


def test_a_port_goes_from_one_bridge_to_another_at_once(switch: Switch) -> None:
    tap, other = new_tap(switch, 1), switch.add_bridge("br1")
    switch.enslave(tap)
    switch.devices.set_master(tap, other)
    assert switch.bridge.ports == ()
    assert [port.dev for port in other.ports] == [tap]
    assert tap.master is other


def test_a_device_held_by_another_master_is_busy(switch: Switch) -> None:
    tap = new_tap(switch, 1)
    switch.enslave(tap)
    with pytest.raises(NetError) as caught:
        switch.add_bridge("br1").add_slave(tap)
    assert caught.value.number == EBUSY


def test_taking_out_what_is_no_port_is_refused(switch: Switch) -> None:
    with pytest.raises(NetError) as caught:
        switch.bridge.del_slave(new_tap(switch, 1))
    assert caught.value.number == EINVAL


def test_a_bridge_cannot_move_to_another_namespace(switch: Switch) -> None:
    other = switch.host.add_netns("b")
    with pytest.raises(NetError) as caught:
        switch.devices.move(switch.bridge, other.devices)
    assert (caught.value.number, caught.value.extack) == (EINVAL, "The interface netns is immutable")


def test_a_full_bridge_takes_no_further_port(switch: Switch) -> None:
    for number in range(1, MAX_PORTS):
        switch.devices.set_master(new_tap(switch, number), switch.bridge)
    assert refusal(switch, new_tap(switch, MAX_PORTS), switch.bridge).number == EXFULL


# --- numbers, order, promiscuity -------------------------------------------------------------------------


def test_ports_take_the_lowest_free_number(switch: Switch) -> None:
    taps = [new_tap(switch, number) for number in (1, 2, 3)]
    for tap in taps:
        switch.enslave(tap)
    switch.devices.set_master(taps[1], None)
    switch.devices.set_master(taps[1], switch.bridge)
    assert {port.dev.name: port.number for port in switch.bridge.ports} == {"t1": 1, "t2": 2, "t3": 3}
    assert switch.bridge.port_of[taps[1]].port_id == 0x8002


def test_a_port_hears_everything_for_as_long_as_it_is_one(switch: Switch) -> None:
    tap = new_tap(switch, 1)
    switch.enslave(tap)
    assert (tap.promiscuity, tap.allmulti) == (1, 1)
    switch.devices.set_master(tap, None)
    assert (tap.promiscuity, tap.allmulti) == (0, 0)


def test_the_cost_of_a_port_is_that_of_its_kind(switch: Switch) -> None:
    tap, veth = new_tap(switch, 1), switch.add_veth("v0", "v1")
    for dev in (tap, veth):
        switch.enslave(dev)
    assert [port.path_cost for port in switch.bridge.ports] == [2, 2]


# --- the address -----------------------------------------------------------------------------------------


def test_a_bridge_takes_the_lowest_address_of_its_ports(switch: Switch) -> None:
    drawn = switch.bridge.address
    assert drawn[0] & 3 == 2
    taps = {number: new_tap(switch, number) for number in (2, 1, 3)}
    addresses = []
    for number in (2, 1, 3):
        switch.enslave(taps[number])
        addresses.append(switch.bridge.address)
    switch.devices.set_master(taps[1], None)
    addresses.append(switch.bridge.address)
    assert addresses == [port_address(number) for number in (2, 1, 1, 2)]


def test_a_bridge_without_ports_loses_its_address(switch: Switch) -> None:
    tap = new_tap(switch, 1)
    switch.enslave(tap)
    switch.devices.set_master(tap, None)
    assert switch.bridge.address == ZERO


def test_a_bridge_follows_a_port_whose_address_changes(switch: Switch) -> None:
    tap = new_tap(switch, 5)
    switch.enslave(tap)
    switch.devices.set_address(tap, port_address(9))
    assert switch.bridge.address == port_address(9)
    assert switch.bridge.fdb.get(port_address(5)) is None
    entry = switch.bridge.fdb.get(port_address(9))
    assert entry is not None
    assert entry.local


def test_an_address_that_a_user_chose_stays(switch: Switch) -> None:
    switch.devices.set_address(switch.bridge, VM1)
    switch.enslave(new_tap(switch, 1))
    assert switch.bridge.address == VM1
    own, port = (switch.bridge.fdb.get(address) for address in (VM1, port_address(1)))
    assert own is not None
    assert own.port is None
    assert port is not None
    assert port.port is switch.bridge.ports[0]


def test_choosing_the_very_address_it_has_counts_as_a_choice(switch: Switch) -> None:
    tap = new_tap(switch, 5)
    switch.enslave(tap)
    switch.devices.set_address(switch.bridge, port_address(5))
    switch.enslave(new_tap(switch, 1))
    assert switch.bridge.address == port_address(5)


# --- MTU -------------------------------------------------------------------------------------------------


def test_the_mtu_is_the_lowest_of_the_ports(switch: Switch) -> None:
    tap1, tap2 = new_tap(switch, 1), new_tap(switch, 2)
    switch.devices.set_mtu(tap1, 9000)
    found = []
    switch.enslave(tap1)
    found.append(switch.bridge.mtu)
    switch.enslave(tap2)
    found.append(switch.bridge.mtu)
    switch.devices.set_mtu(tap2, 1400)
    found.append(switch.bridge.mtu)
    switch.devices.set_master(tap2, None)
    found.append(switch.bridge.mtu)
    switch.devices.set_master(tap1, None)
    found.append(switch.bridge.mtu)
    assert found == [9000, 1500, 1400, 9000, 1500]


def test_an_mtu_that_a_user_chose_stays(switch: Switch) -> None:
    tap = new_tap(switch, 1)
    switch.enslave(tap)
    switch.devices.set_mtu(switch.bridge, 1600)
    switch.devices.set_mtu(tap, 1300)
    assert switch.bridge.mtu == 1600


# --- carrier and states ----------------------------------------------------------------------------------


def test_a_bridge_that_never_had_a_port_does_not_know_its_state(switch: Switch) -> None:
    assert (switch.bridge.carrier, switch.bridge.operstate) == (True, "UNKNOWN")


def test_a_bridge_has_a_carrier_while_a_port_forwards(switch: Switch) -> None:
    tap = new_tap(switch, 1)
    states = []
    switch.devices.set_master(tap, switch.bridge)
    states.append(switch.bridge.operstate)
    switch.devices.set_up(tap)
    states.append(switch.bridge.operstate)
    switch.devices.set_down(tap)
    states.append(switch.bridge.operstate)
    switch.devices.set_up(tap)
    switch.devices.set_master(tap, None)
    states.append(switch.bridge.operstate)
    switch.devices.set_down(switch.bridge)
    switch.devices.set_up(switch.bridge)
    states.append(switch.bridge.operstate)
    assert states == ["DOWN", "UP", "DOWN", "DOWN", "DOWN"]


def test_ports_forward_once_both_they_and_the_bridge_are_up(switch: Switch) -> None:
    tap = new_tap(switch, 1)
    switch.enslave(tap)
    port = switch.bridge.port_of[tap]
    states = [port.state]
    switch.devices.set_down(switch.bridge)
    states.append(port.state)
    switch.devices.set_up(switch.bridge)
    states.append(port.state)
    switch.devices.set_down(tap)
    states.append(port.state)
    forwarding, disabled = BR_STATE_FORWARDING, BR_STATE_DISABLED
    assert states == [forwarding, disabled, forwarding, disabled]


# --- the kernel's log, as dmesg shows it -----------------------------------------------------------------


def test_the_log_of_a_port_that_comes_and_goes(switch: Switch) -> None:
    tap = new_tap(switch, 1)
    switch.listen()
    switch.devices.set_master(tap, switch.bridge)
    switch.devices.set_up(tap)
    switch.devices.set_master(tap, None)
    assert switch.log == [
        "br0: port 1(t1) entered blocking state",
        "br0: port 1(t1) entered disabled state",
        "t1: entered allmulticast mode",
        "t1: entered promiscuous mode",
        "br0: port 1(t1) entered blocking state",
        "br0: port 1(t1) entered forwarding state",
        "t1: left allmulticast mode",
        "t1: left promiscuous mode",
        "br0: port 1(t1) entered disabled state",
    ]


def test_a_bridge_that_comes_up_enables_its_newest_port_first(switch: Switch) -> None:
    switch.devices.set_down(switch.bridge)
    for number in (1, 2):
        switch.enslave(new_tap(switch, number))
    switch.listen()
    switch.devices.set_up(switch.bridge)
    switch.devices.set_down(switch.bridge)
    assert switch.log == [
        "br0: port 2(t2) entered blocking state",
        "br0: port 2(t2) entered forwarding state",
        "br0: port 1(t1) entered blocking state",
        "br0: port 1(t1) entered forwarding state",
        "br0: port 2(t2) entered disabled state",
        "br0: port 1(t1) entered disabled state",
    ]


def test_the_log_of_a_port_that_is_deleted(switch: Switch) -> None:
    tap = new_tap(switch, 1)
    switch.enslave(tap)
    switch.listen()
    switch.devices.unregister(tap)
    assert switch.log == [
        "br0: port 1(t1) entered disabled state",
        "t1 (unregistering): left allmulticast mode",
        "t1 (unregistering): left promiscuous mode",
        "br0: port 1(t1) entered disabled state",
    ]


def test_a_veth_between_two_ports_tells_its_own_end_first(switch: Switch) -> None:
    v0 = switch.add_veth("v0", "v1")
    v1 = v0.peer
    assert v1 is not None
    for dev in (v0, v1):
        switch.devices.set_master(dev, switch.bridge)
    switch.devices.set_up(v0)
    switch.listen()
    switch.devices.set_up(v1)
    switch.devices.set_down(v1)
    assert switch.log == [
        "br0: port 2(v1) entered blocking state",
        "br0: port 2(v1) entered forwarding state",
        "br0: port 1(v0) entered blocking state",
        "br0: port 1(v0) entered forwarding state",
        "br0: port 2(v1) entered disabled state",
        "br0: port 1(v0) entered disabled state",
    ]


def test_a_deleted_bridge_lets_its_ports_go_and_leaves_nothing(switch: Switch) -> None:
    taps = [new_tap(switch, number) for number in (1, 2)]
    for tap in taps:
        switch.enslave(tap)
    bridge = switch.bridge
    switch.listen()
    switch.devices.unregister(bridge)
    assert switch.log[2] == "br0: port 2(t2) entered disabled state"
    assert [(tap.master, tap.port, tap.rx_handler, tap.promiscuity) for tap in taps] == [
        (None,) * 3 + (0,)
    ] * 2
    assert len(bridge.fdb) == 0
    assert switch.host.next_deadline() is None
    switch.netns.receive(taps[0], frame())
    assert switch.conserved()


# --- options ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("options", "number"),
    [
        ({"group_fwd_mask": 1}, EINVAL),
        ({"group_fwd_mask": 2}, EINVAL),
        ({"group_fwd_mask": 4}, EINVAL),
        ({"hello_time": 1}, ERANGE),
        ({"hello_time": 1100}, ERANGE),
        ({"max_age": 1}, ERANGE),
    ],
)
def test_the_bridge_refuses_values_as_the_kernel_does(
    switch: Switch, options: dict[str, int], number: int
) -> None:
    with pytest.raises(NetError) as caught:
        switch.set_bridge(**options)
    assert caught.value.number == number


@pytest.mark.parametrize(
    ("options", "number"),
    [
        ({"cost": 0}, ERANGE),
        ({"cost": 65536}, ERANGE),
        ({"priority": 64}, ERANGE),
        ({"state": 5}, EINVAL),
        ({"group_fwd_mask": 2}, EINVAL),
    ],
)
def test_a_port_refuses_values_as_the_kernel_does(options: dict[str, int], number: int) -> None:
    with pytest.raises(NetError) as caught:
        Switch(1).set(1, **options)
    assert caught.value.number == number


def test_the_state_of_a_port_that_is_down_cannot_be_set() -> None:
    switch = Switch(1)
    switch.devices.set_down(switch.tap(1))
    with pytest.raises(NetError) as caught:
        switch.set(1, state=BR_STATE_FORWARDING)
    assert caught.value.number == ENETDOWN


@pytest.mark.parametrize("options", [{"stp_state": 1}, {"vlan_filtering": 1}, {"nf_call_iptables": 1}])
def test_what_the_bridge_has_no_model_of_is_refused_by_name(switch: Switch, options: dict[str, int]) -> None:
    (name,) = options
    with pytest.raises(NotModelled, match=name):
        switch.set_bridge(**options)


@pytest.mark.parametrize("options", [{"neigh_suppress": 1}, {"guard": 1}, {"backup_port": 3}])
def test_what_a_port_has_no_model_of_is_refused_by_name(options: dict[str, int]) -> None:
    (name,) = options
    with pytest.raises(NotModelled, match=name):
        Switch(1).set(1, **options)


@pytest.mark.parametrize(
    ("value", "words"), [({"guard": 1}, "guard on"), ({"mcast_router": 2}, "mcast_router 2")]
)
def test_what_is_refused_is_said_as_it_was_typed(value: dict[str, int], words: str) -> None:
    with pytest.raises(NotModelled, match=f"^bridge port option {words} is not modelled "):
        Switch(1).set(1, **value)


def test_defaults_of_what_is_not_modelled_are_accepted(switch: Switch) -> None:
    switch.set_bridge(stp_state=0, vlan_filtering=0, mcast_querier=0, mcast_snooping=0)
    assert not switch.bridge.mcast_snooping
