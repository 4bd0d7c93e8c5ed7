"""What the kernel of a VM has and others may lack, VLAN and dummy devices: read, and made from its text."""

import json
from collections.abc import Iterator

import pytest

from pystack.applets.virtual import run
from pystack.compare.lab.initramfs import FULL
from pystack.compare.lab.vm import Vm
from pystack.hooks.imported.building import Building
from pystack.hooks.imported.imported import build
from pystack.hooks.imported.seen import Row, Seen
from pystack.hooks.imported.text import lines
from pystack.host import Host

pytestmark = [pytest.mark.vm, pytest.mark.slow]

SETUP = """
ip link set lo up
ip link add v0 type veth peer name v1
ip link set v0 mtu 9000
ip link add link v0 name v0.5 type vlan id 5 egress-qos-map 1:2 17:3
ip link add link v0 name own address 02:00:00:00:00:06 mtu 1400 type vlan id 6 protocol 802.1ad
ip link add link v0.5 name inner type vlan id 7 reorder_hdr off ingress-qos-map 3:5
ip link add d0 address 02:00:00:00:00:07 type dummy
ip link add d1 address 02:00:00:00:00:08 type dummy
ip link add br0 address 02:00:00:00:00:09 type bridge
ip link add link br0 name br0.8 type vlan id 8 loose_binding on
ip link set own master br0
ip link set d1 arp on multicast on mtu 1280
ip addr add 10.5.0.1/24 dev v0.5
ip addr add 10.8.0.1/24 dev d0
ip link set v1 up
ip link set v0 up
ip link set inner down
ip link set d0 up
ip link set d1 up
ip link set br0 up
ip link set br0.8 up
ip route add 10.9.0.0/16 via 10.5.0.2
ip neigh add 10.5.0.2 lladdr 02:bb:00:00:00:01 dev v0.5
"""


@pytest.fixture(scope="module")
def vm() -> Iterator[Vm]:
    with Vm(kind=FULL) as guest:
        yield guest


LISTINGS = (
    *("ip -j -d link", "ip -j -4 address", "ip -j -4 neigh", "bridge -j fdb"),
    *("ip -4 -N route show table all", "ip -4 -N rule"),
    *("ip -o link show type vlan", "ip -o link show type dummy", "ip route"),
)


def listed(vm: Vm, netns: str) -> dict[str, str]:
    """All in one go: each command in the VM costs its time."""
    told = vm.run(f"ip netns exec {netns} sh -e", stdin="; echo @@; ".join(LISTINGS)).check().out
    return dict(zip(LISTINGS, told.split("@@\n"), strict=True))


def taken_over(told: dict[str, str]) -> Building:
    def rows(listing: str) -> list[Row]:
        return [row for row in json.loads(told[listing] or "[]") if row]

    seen = Seen(
        links=rows("ip -j -d link"),
        addresses=rows("ip -j -4 address"),
        routes=told["ip -4 -N route show table all"],
        rules=told["ip -4 -N rule"],
        neighbours=rows("ip -j -4 neigh"),
        fdb=rows("bridge -j fdb"),
    )
    return build(seen, Host(seed=1))


def test_vlans_and_dummies_are_read_and_made_again(vm: Vm) -> None:
    vm.run("ip netns add first; ip netns add second").check()
    vm.run("ip netns exec first sh -e", stdin=SETUP).check()
    theirs = listed(vm, "first")
    ours = taken_over(theirs)
    assert ours.left_out == []
    vm.run("ip netns exec second sh -e", stdin="\n".join(lines(ours))).check()
    assert lines(taken_over(listed(vm, "second"))) == lines(ours)
    for listing in LISTINGS[-3:]:
        told = run(listing.split(), ours.host).out
        assert sorted(told.splitlines()) == sorted(theirs[listing].splitlines())
