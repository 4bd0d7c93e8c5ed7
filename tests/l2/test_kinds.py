"""`ip link add`: names, addresses, and what is refused."""

import pytest

from pystack.errors import EADDRNOTAVAIL, EBUSY, EEXIST, EINVAL, EOPNOTSUPP, NetError, NotModelled
from pystack.host import Host
from pystack.l2 import kinds
from pystack.l2.bridge import Bridge
from pystack.l2.kinds import PeerSpec
from pystack.l2.veth import Veth
from pystack.wire.ethernet import ZERO
from tests.l2.switch import GROUP, VM1, VM2, Switch


@pytest.fixture
def host() -> Host:
    return Host(seed=1)


def test_devices_without_a_name_get_the_next_free_one(host: Host) -> None:
    devices = host.init.devices
    veth = kinds.create(devices, "veth")
    names = [kinds.create(devices, kind).name for kind in ("bridge", "bridge", "dummy")]
    assert names == ["bridge0", "bridge1", "dummy0"]
    assert isinstance(veth, Veth)
    assert veth.peer is not None
    assert (veth.peer.name, veth.name) == ("veth0", "veth1")


def test_a_template_is_filled_in(host: Host) -> None:
    devices = host.init.devices
    assert [kinds.create(devices, "dummy", "port%d").name for _ in range(2)] == ["port0", "port1"]


def test_addresses_are_drawn_from_the_seed() -> None:
    drawn = [kinds.create(Host(seed=seed).init.devices, "bridge", "br0").address for seed in (1, 1, 2)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert drawn[0][0] & 3 == 2


def test_addresses_and_sizes_may_be_given(host: Host) -> None:
    veth = kinds.create(
        host.init.devices, "veth", "v0", address=VM1, mtu=1400, peer=PeerSpec("v1", address=VM2, mtu=1300)
    )
    assert isinstance(veth, Veth)
    assert veth.peer is not None
    assert (veth.address, veth.mtu, veth.peer.address, veth.peer.mtu) == (VM1, 1400, VM2, 1300)


def test_a_bridges_given_address_stays_but_its_given_mtu_follows_its_ports(host: Host) -> None:
    devices = host.init.devices
    bridge = kinds.create(devices, "bridge", "br0", address=VM1, mtu=1400)
    tap = host.init.add_port("t1")
    devices.set_master(tap, bridge)
    assert (bridge.address, bridge.mtu) == (VM1, 1500)


def test_a_bridge_is_made_with_its_options(host: Host) -> None:
    bridge = kinds.create(host.init.devices, "bridge", "br0", options={"ageing_time": 1000})
    assert isinstance(bridge, Bridge)
    assert bridge.fdb.ageing_time == 10.0


def test_a_bridge_with_an_option_that_is_refused_is_not_made(host: Host) -> None:
    with pytest.raises(NetError):
        kinds.create(host.init.devices, "bridge", "br0", options={"group_fwd_mask": 1})
    with pytest.raises(NotModelled):
        kinds.create(host.init.devices, "bridge", "br0", options={"stp_state": 1})
    assert "br0" not in host.init.devices


def test_the_peer_may_live_elsewhere(host: Host) -> None:
    other = host.add_netns("b")
    kinds.create(host.init.devices, "veth", "v0", peer=PeerSpec("v0", devices=other.devices))
    assert "v0" in host.init.devices
    assert "v0" in other.devices


@pytest.mark.parametrize(
    ("arguments", "number"),
    [
        ({"kind": "nonsense", "name": "x"}, EOPNOTSUPP),
        ({"kind": "bridge", "name": "lo"}, EEXIST),
        ({"kind": "bridge", "name": "a/b"}, EINVAL),
        ({"kind": "bridge", "name": "x", "ifindex": 1}, EBUSY),
        ({"kind": "bridge", "name": "x", "mtu": 67}, EINVAL),
        ({"kind": "veth", "name": "x", "mtu": 65536}, EINVAL),
        ({"kind": "veth", "name": "x", "address": GROUP}, EADDRNOTAVAIL),
        ({"kind": "dummy", "name": "x", "address": ZERO}, EADDRNOTAVAIL),
        ({"kind": "dummy", "name": "x", "address": b"\x02"}, EINVAL),
        ({"kind": "veth", "name": "x", "peer": PeerSpec("lo")}, EEXIST),
        ({"kind": "veth", "name": "lo", "peer": PeerSpec("x")}, EEXIST),
        ({"kind": "veth", "name": "x", "peer": PeerSpec("y", address=GROUP)}, EADDRNOTAVAIL),
    ],
)
def test_requests_are_refused_as_the_kernel_does(
    host: Host, arguments: dict[str, object], number: int
) -> None:
    with pytest.raises(NetError) as caught:
        kinds.create(host.init.devices, **arguments)  # type: ignore[arg-type]
    assert caught.value.number == number
    assert [dev.name for dev in host.init.devices] == ["lo"]


def test_kinds_that_only_linux_has_are_refused_by_name(host: Host) -> None:
    text = r"link type vxlan is not modelled \(known: bridge, dummy, veth, vlan\)"
    with pytest.raises(NotModelled, match=text):
        kinds.create(host.init.devices, "vxlan", "x")


def test_a_tap_is_not_deleted_by_a_user(host: Host) -> None:
    tap = host.init.add_port("t1")
    with pytest.raises(NetError) as caught:
        kinds.delete(host.init.devices, tap)
    assert caught.value.number == EOPNOTSUPP


def test_options_are_changed_by_kind() -> None:
    switch = Switch(1)
    kinds.change(switch.bridge, "bridge", {"ageing_time": 500})
    kinds.change(switch.tap(1), "bridge_slave", {"hairpin": 1})
    assert (switch.bridge.fdb.ageing_time, switch.port(1).hairpin) == (5.0, True)
    for dev, kind in ((switch.tap(1), "bridge"), (switch.bridge, "dummy")):
        with pytest.raises(NetError) as caught:
            kinds.change(dev, kind, {})
        assert caught.value.number == EOPNOTSUPP
