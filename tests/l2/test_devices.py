"""What may be done to a device, who is told, and in which order."""

import pytest

from pystack.device import IFF_ALLMULTI, IFF_PROMISC
from pystack.errors import EADDRNOTAVAIL, EBUSY, EEXIST, EINVAL, NetError
from pystack.events import Event, Printk
from pystack.host import Host
from pystack.l2 import kinds
from pystack.l2.devices import is_valid_name
from pystack.l2.port import PortDevice
from tests.l2.switch import GROUP, VM1, VM2, Switch, frame


@pytest.fixture
def host() -> Host:
    return Host()


@pytest.fixture
def tap(host: Host) -> PortDevice:
    return host.init.add_port("t1", VM1)


def told(host: Host) -> list[str]:
    heard: list[str] = []
    host.init.devices.listen(lambda event, dev: heard.append(f"{dev.name}:{event.name}"))
    return heard


@pytest.mark.parametrize(
    ("name", "valid"),
    [
        *((name, True) for name in ("a", "eth0.5", "x" * 15, "\udcff")),
        *((name, False) for name in ("x" * 16, "", ".", "..", "a b", "a/b", "a:b", "ä" * 8)),
    ],
)
def test_names_are_those_that_the_kernel_takes(name: str, valid: bool) -> None:
    assert is_valid_name(name) == valid


def test_a_device_goes_down_in_three_steps(host: Host, tap: PortDevice) -> None:
    heard = told(host)
    for change in (host.init.devices.set_up, host.init.devices.set_down):
        change(tap)
        change(tap)
    assert heard == ["t1:UP", "t1:GOING_DOWN", "t1:DOWN"]


def test_a_device_leaves_down_and_without_master(host: Host, tap: PortDevice) -> None:
    devices = host.init.devices
    bridge = kinds.create(devices, "bridge", "br0")
    devices.set_master(tap, bridge)
    devices.set_up(tap)
    heard = told(host)
    devices.unregister(tap)
    assert [line for line in heard if line.startswith("t1")] == [
        "t1:GOING_DOWN",
        "t1:DOWN",
        "t1:CHANGEUPPER",
        "t1:UNREGISTER",
    ]
    assert (tap.ifindex, tap.master) == (0, None)


def test_listeners_are_told_in_their_order_until_they_stop(host: Host, tap: PortDevice) -> None:
    heard: list[str] = []
    stop = host.init.devices.listen(lambda event, dev: heard.append("first"))
    host.init.devices.listen(lambda event, dev: heard.append("second"))
    host.init.devices.set_up(tap)
    stop()
    host.init.devices.set_down(tap)
    assert heard == ["first", "second", "second", "second"]


def test_carrier_is_told_only_of_devices_that_are_up(host: Host, tap: PortDevice) -> None:
    heard = told(host)
    host.init.devices.set_carrier(tap, False)
    host.init.devices.set_up(tap)
    host.init.devices.set_carrier(tap, True)
    host.init.devices.set_carrier(tap, True)
    assert heard == ["t1:UP", "t1:CHANGE"]
    assert tap.carrier_changes == 2


def test_state_is_unknown_until_a_carrier_was_seen_to_change(host: Host, tap: PortDevice) -> None:
    devices = host.init.devices
    devices.set_up(tap)
    states = [tap.operstate]
    for carrier in (False, True):
        devices.set_carrier(tap, carrier)
        states.append(tap.operstate)
    assert states == ["UNKNOWN", "DOWN", "UP"]


def test_a_name_in_use_is_refused(host: Host, tap: PortDevice) -> None:
    with pytest.raises(NetError) as renamed:
        host.init.devices.rename(tap, "lo")
    with pytest.raises(NetError) as added:
        host.init.add_port("t1")
    assert (renamed.value.number, added.value.number) == (EEXIST, EEXIST)


def test_a_number_in_use_is_refused(host: Host) -> None:
    with pytest.raises(NetError) as caught:
        host.init.devices.register(PortDevice("t2", VM2), ifindex=1)
    assert caught.value.number == EBUSY


def test_a_device_keeps_its_number_in_another_namespace_where_it_is_free(host: Host) -> None:
    other = host.add_netns("b")
    first, second = (host.init.add_port(name) for name in ("t1", "t2"))
    other.add_port("x")
    host.init.devices.move(second, other.devices)
    host.init.devices.move(first, other.devices)
    assert [(dev.ifindex, dev.name) for dev in other.devices] == [(1, "lo"), (2, "x"), (3, "t2"), (4, "t1")]


def test_a_device_arrives_down_in_another_namespace(host: Host, tap: PortDevice) -> None:
    other = host.add_netns("b")
    host.init.devices.set_up(tap)
    host.init.devices.move(tap, other.devices)
    assert not tap.up
    assert tap.net is other.link
    assert "t1" not in host.init.devices


def test_a_device_does_not_move_where_its_name_is_taken(host: Host, tap: PortDevice) -> None:
    other = host.add_netns("b")
    other.add_port("t1")
    with pytest.raises(NetError) as caught:
        host.init.devices.move(tap, other.devices)
    assert caught.value.number == EEXIST
    assert host.init.devices["t1"] is tap


@pytest.mark.parametrize("address", [GROUP, bytes(6), b"\x02"])
def test_an_address_that_no_station_has_is_refused(host: Host, tap: PortDevice, address: bytes) -> None:
    with pytest.raises(NetError) as caught:
        host.init.devices.set_address(tap, address)
    assert (caught.value.number, tap.address) == (EADDRNOTAVAIL, VM1)


def test_an_address_set_again_is_told_again(host: Host, tap: PortDevice) -> None:
    heard = told(host)
    host.init.devices.set_address(tap, VM2)
    host.init.devices.set_address(tap, VM2)
    assert heard == ["t1:CHANGEADDR", "t1:CHANGEADDR"]


@pytest.mark.parametrize(
    ("mtu", "extack"), [(67, "mtu less than device minimum"), (65536, "mtu greater than device maximum")]
)
def test_an_mtu_out_of_bounds_is_refused_with_the_kernels_words(host: Host, mtu: int, extack: str) -> None:
    veth = kinds.create(host.init.devices, "veth", "v0")
    with pytest.raises(NetError) as caught:
        host.init.devices.set_mtu(veth, mtu)
    assert (caught.value.number, caught.value.extack) == (EINVAL, extack)


def test_reasons_to_hear_everything_are_counted(host: Host, tap: PortDevice) -> None:
    log: list[str] = []

    def hear(event: Event) -> None:
        if isinstance(event, Printk):
            log.append(event.text)

    host.events.subscribe(hear)
    heard = told(host)
    host.init.devices.set_up(tap)
    for change in (1, 1, -1, -1):
        host.init.devices.set_promiscuity(tap, change)
    host.init.devices.set_allmulti(tap, 1)
    assert tap.flags & (IFF_PROMISC | IFF_ALLMULTI) == IFF_ALLMULTI
    assert log == [
        "t1: entered promiscuous mode",
        "t1: left promiscuous mode",
        "t1: entered allmulticast mode",
    ]
    assert heard == ["t1:UP"]


def test_what_waits_for_a_device_that_moves_is_dropped() -> None:
    switch = Switch(1)
    veth = switch.add_veth("v0", "v1")
    peer = veth.peer
    assert peer is not None
    switch.devices.set_up(peer)
    switch.enslave(veth)
    switch.netns.receive(switch.tap(1), frame())
    assert switch.host.queued() == 1
    switch.devices.move(peer, switch.host.add_netns("b").devices)
    assert switch.host.queued() == 0
    assert switch.drops()["LINK_GONE"] == 1
    assert switch.conserved()


def test_a_port_that_goes_down_forgets_what_it_had_to_send() -> None:
    switch = Switch(2)
    switch.netns.receive(switch.tap(1), frame())
    assert len(switch.tap(2).tx) == 1
    switch.devices.set_down(switch.tap(2))
    assert not switch.tap(2).tx


@pytest.mark.parametrize(("mtu", "taken"), [(65521, True), (65522, False)])
def test_a_tap_leaves_room_for_the_link_header(host: Host, tap: PortDevice, mtu: int, taken: bool) -> None:
    if taken:
        host.init.devices.set_mtu(tap, mtu)
    else:
        with pytest.raises(NetError):
            host.init.devices.set_mtu(tap, mtu)
    assert (tap.mtu == mtu) == taken


def test_a_frame_into_a_port_that_is_down_counts_as_dropped(host: Host, tap: PortDevice) -> None:
    host.init.receive(tap, frame())
    assert (tap.stats.rx_dropped, tap.stats.rx_packets, tap.stats.rx_bytes) == (1, 0, 0)


def test_a_frame_shorter_than_its_header_is_counted_nowhere(host: Host, tap: PortDevice) -> None:
    host.init.devices.set_up(tap)
    host.init.receive(tap, b"x" * 13)
    assert (tap.stats.rx_packets, tap.stats.rx_errors, tap.stats.rx_dropped) == (0, 0, 0)
    assert host.outcomes.outstanding() == 0
