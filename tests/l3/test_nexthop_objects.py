"""Next hops as objects: what routes see of them, groups, and what goes with them."""

import pytest

from pystack.applets import virtual
from pystack.errors import NetError
from pystack.host import Host
from pystack.l3.fib_types import FibResult, Flow
from pystack.l3.multipath import choose_of_group
from pystack.l3.nexthop_objects import NexthopWish
from tests.frames import ip

SETUP = """
ip link set lo up
ip link add v0 type veth peer name v1; ip link set v0 up; ip link set v1 up
ip link add w0 type veth peer name w1; ip link set w0 up; ip link set w1 up
ip addr add 10.0.0.1/24 dev v0; ip addr add 10.1.0.1/24 dev w0
ip nexthop add id 1 via 10.0.0.2 dev v0
ip nexthop add id 2 via 10.1.0.2 dev w0
ip nexthop add id 3 group 1/2,3
ip route add 10.9.0.0/16 nhid 1
ip route add 10.10.0.0/16 nhid 3
"""


class Box:
    """One host with two ways out."""

    def __init__(self) -> None:
        self.host = Host(seed=1)
        assert virtual.run_setup(self.host, SETUP, "setup") == []
        self.fib = self.host.init.ipv4.fib
        self.objects = self.fib.objects

    def do(self, line: str) -> None:
        ended = virtual.run(line.split(), self.host)
        assert ended.rc == 0, ended.err

    def hops(self, address: str) -> list[tuple[str, int]] | int:
        found = self.fib.lookup(Flow(ip(address)))
        if not isinstance(found, FibResult):
            return found
        return [("" if hop.dev is None else hop.dev.name, hop.weight) for hop in found.info.nexthops]


@pytest.fixture
def box() -> Box:
    return Box()


def test_routes_lead_where_their_object_leads(box: Box) -> None:
    assert box.hops("10.9.0.1") == [("v0", 1)]
    assert box.hops("10.10.0.1") == [("v0", 1), ("w0", 3)]


def test_when_an_object_is_replaced_routes_and_groups_follow(box: Box) -> None:
    box.do("ip nexthop replace id 1 via 10.1.0.9 dev w0")
    assert box.hops("10.9.0.1") == [("w0", 1)]
    assert box.hops("10.10.0.1") == [("w0", 1), ("w0", 3)]
    box.do("ip nexthop replace id 3 group 1")
    assert box.hops("10.10.0.1") == [("w0", 1)]


def test_an_object_takes_its_routes_along_and_groups_shrink(box: Box) -> None:
    box.objects.delete(1)
    assert box.hops("10.9.0.1") == 101  # ENETUNREACH
    assert box.hops("10.10.0.1") == [("w0", 3)]
    box.objects.delete(2)
    assert box.hops("10.10.0.1") == 101
    assert list(box.objects) == []


def test_a_group_that_is_deleted_leaves_its_members(box: Box) -> None:
    box.objects.delete(3)
    box.objects.delete(1)  # which must not look for the group any more
    assert [told.number for told in box.objects] == [2]


@pytest.mark.parametrize("line", ["ip link set v0 down", "ip link set v1 down", "ip link del v0"])
def test_objects_go_with_their_device_or_its_carrier(box: Box, line: str) -> None:
    box.do(line)
    assert [told.number for told in box.objects] == [2, 3]
    assert box.hops("10.10.0.1") == [("w0", 3)]


def test_a_black_hole_stays_when_lo_goes_down_and_makes_its_routes_one(box: Box) -> None:
    box.do("ip nexthop add id 4 blackhole")
    box.do("ip nexthop add id 5 group 4")
    box.do("ip route add 10.11.0.0/16 nhid 5")
    box.do("ip link set lo down")
    assert box.hops("10.11.0.1") == 22  # EINVAL
    box.do("ip link set lo up")
    box.do("ip nexthop replace id 4 via 10.0.0.2 dev v0")
    assert box.hops("10.11.0.1") == [("v0", 1)]


def test_the_number_that_is_free_is_given_where_none_is_said(box: Box) -> None:
    dev = box.host.init.devices["v0"]
    for _ in range(2):
        box.objects.add(NexthopWish(dev=dev, has_family=True), replace=False)
    assert [told.number for told in box.objects] == [1, 2, 3, 4, 5]


def test_flows_go_to_the_share_their_hash_falls_into(box: Box) -> None:
    group = box.objects.named(3)
    first, second = group.hops
    quarter = 1 << 29
    assert [hop.upper_bound for hop in group.hops] == [quarter - 1, (1 << 31) - 1]
    chosen = [choose_of_group(group.hops, hash_, lambda _: True) for hash_ in (0, quarter - 1, quarter)]
    assert chosen == [first, first, second]


def test_a_gateway_that_is_gone_is_passed_over_unless_all_are(box: Box) -> None:
    first, second = hops = box.objects.named(3).hops
    assert choose_of_group(hops, 0, lambda hop: hop is second) is second
    assert choose_of_group(hops, (1 << 31) - 1, lambda hop: hop is first) is first
    assert choose_of_group(hops, (1 << 31) - 1, lambda _: False) is first


def test_what_a_group_may_not_become_is_refused_and_changes_nothing(box: Box) -> None:
    with pytest.raises(NetError) as refused:
        box.objects.add(NexthopWish(1, blackhole=True, has_family=True), replace=True)
    assert refused.value.extack == "Blackhole nexthop can not be a member of a group with more than one path"
    assert box.hops("10.10.0.1") == [("v0", 1), ("w0", 3)]


def test_equal_routes_by_hop_and_by_object_are_two(box: Box) -> None:
    box.do("ip route append 10.9.0.0/16 via 10.0.0.2")
    listed = virtual.run(["ip", "route", "show", "10.9.0.0/16"], box.host).out.splitlines()
    assert listed == ["10.9.0.0/16 nhid 1 via 10.0.0.2 dev v0 ", "10.9.0.0/16 via 10.0.0.2 dev v0 "]
    box.do("ip route del 10.9.0.0/16 via 10.0.0.2")
    assert box.hops("10.9.0.1") == [("v0", 1)]
