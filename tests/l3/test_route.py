"""Where a packet goes: source selection as measured on the kernel, local senders, received packets."""

import pytest

from pystack.device import IFF_UP
from pystack.drop import (
    IP_INVALID_DEST,
    IP_INVALID_SOURCE,
    IP_LOCAL_SOURCE,
    IP_LOCALNET,
    IP_RPFILTER,
    NOT_A_MEMBER,
    DropReason,
)
from pystack.errors import EHOSTUNREACH, EINVAL, ENETUNREACH, ENODEV
from pystack.l3.addresses import RT_SCOPE_LINK
from pystack.l3.fib_types import (
    RTN_BLACKHOLE,
    RTN_BROADCAST,
    RTN_LOCAL,
    RTN_MULTICAST,
    RTN_PROHIBIT,
    RTN_UNICAST,
    RTN_UNREACHABLE,
    Flow,
)
from pystack.l3.route import RTCF_BROADCAST, RTCF_LOCAL, RTCF_MULTICAST, Rtable
from pystack.packet import Packet
from pystack.wire.ipv4 import address_text
from tests.box import Box
from tests.frames import OUR_MAC, OUR_MAC2, ip


class Routed(Box):
    """eth0 10.0.0.1/24 and 10.0.0.2/24 (secondary), eth1 10.0.1.1/24, a default route by eth1."""

    def __init__(self) -> None:
        super().__init__()
        self.eth0 = self.port("eth0", OUR_MAC, "10.0.0.1/24", "10.0.0.2/24")
        self.eth1 = self.port("eth1", OUR_MAC2, "10.0.1.1/24")
        self.route("0.0.0.0/0", via="10.0.1.254")

    def out(self, destination: str, source: str = "0.0.0.0", dev: str = "") -> tuple[Rtable | int, str]:
        """The decision for a local sender, and the source it would speak with."""
        oif = self.ns.devices[dev].ifindex if dev else 0
        flow = Flow(ip(destination), ip(source), oif=oif)
        return self.ns.ipv4.router.route_output(flow), address_text(flow.saddr)

    def sent(self, destination: str, source: str = "0.0.0.0", dev: str = "") -> str:  # type: ignore[override]
        """`eth0 10.0.0.1` or `eth1 10.0.1.1 via 10.0.1.254`"""
        route, chosen = self.out(destination, source, dev)
        assert isinstance(route, Rtable), route
        gateway = f" via {address_text(route.gateway)}" if route.gateway else ""
        return f"{route.dev.name} {chosen}{gateway}"

    def received(self, destination: str, source: str = "10.0.0.9", dev: str = "eth0") -> Rtable | DropReason:
        return self.ns.ipv4.router.route_input(ip(destination), ip(source), 0, 0, self.ns.devices[dev])


# -- the source, as measured on the kernel -----------------------------------------------------------------


def test_on_a_connected_network_its_primary_speaks() -> None:
    assert Routed().sent("10.0.0.9") == "eth0 10.0.0.1"


def test_by_a_gateway_the_address_of_its_network_speaks() -> None:
    assert Routed().sent("8.8.8.8") == "eth1 10.0.1.1 via 10.0.1.254"


def test_a_route_may_name_the_source_even_one_of_another_device() -> None:
    box = Routed()
    box.route("8.8.8.0/24", via="10.0.1.254", src="10.0.0.2")
    assert box.sent("8.8.8.8") == "eth1 10.0.0.2 via 10.0.1.254"


def test_a_bound_source_stays() -> None:
    assert Routed().sent("8.8.8.8", source="10.0.0.2") == "eth1 10.0.0.2 via 10.0.1.254"


def test_to_a_local_address_that_address_speaks() -> None:
    assert Routed().sent("10.0.1.1") == "lo 10.0.1.1"


def test_to_a_secondary_of_ours_its_primary_speaks() -> None:
    assert Routed().sent("10.0.0.2") == "lo 10.0.0.1"


def test_to_the_loopback_net_the_loopback_speaks() -> None:
    assert Routed().sent("127.0.0.1") == "lo 127.0.0.1"
    assert Routed().sent("127.9.9.9") == "lo 127.0.0.1"


def test_to_nowhere_is_to_oneself() -> None:
    assert Routed().sent("0.0.0.0") == "lo 127.0.0.1"
    assert Routed().sent("0.0.0.0", source="10.0.0.1") == "lo 10.0.0.1"
    assert Routed().sent("0.0.0.0", dev="eth0") == "lo 10.0.0.1"


def test_a_device_with_only_a_link_address_sends_to_the_world_from_none() -> None:
    """Measured on the kernel: 0.0.0.0 is really transmitted."""
    box = Box()
    dev = box.port("eth0", OUR_MAC)
    box.address(dev, "172.16.10.14/24", scope=RT_SCOPE_LINK)
    box.route("0.0.0.0/0", via="172.16.10.1")
    flow = Flow(ip("8.8.8.8"))
    route = box.ns.ipv4.router.route_output(flow)
    assert isinstance(route, Rtable)
    assert (route.dev, flow.saddr) == (dev, 0)


def test_a_route_of_the_link_speaks_with_a_link_address() -> None:
    box = Box()
    dev = box.port("eth0", OUR_MAC)
    box.address(dev, "172.16.10.14/24", scope=RT_SCOPE_LINK)
    flow = Flow(ip("172.16.10.9"))
    assert isinstance(box.ns.ipv4.router.route_output(flow), Rtable)
    assert address_text(flow.saddr) == "172.16.10.14"


def test_a_device_without_addresses_borrows_one() -> None:
    box = Routed()
    box.port("eth2", OUR_MAC2)
    box.route("10.5.0.0/16", box.ns.devices["eth2"])
    assert box.sent("10.5.0.1") == "eth2 10.0.0.1"


# -- a named device ----------------------------------------------------------------------------------------


def test_a_named_device_that_no_route_uses_takes_the_destination_to_be_on_its_link() -> None:
    """With SO_BINDTODEVICE and no route at all the packet is still sent."""
    assert Routed().sent("8.8.8.8", dev="eth0") == "eth0 10.0.0.1"


def test_a_named_device_sends_to_the_address_of_another_device_on_the_wire() -> None:
    """Measured: `ping -I eth0` to the address of eth1 leaves by eth0."""
    assert Routed().sent("10.0.1.1", dev="eth0") == "eth0 10.0.0.1"
    assert Routed().sent("10.0.0.1", dev="eth0") == "lo 10.0.0.1"


def test_a_named_device_must_be_there_and_up() -> None:
    box = Routed()
    assert box.ns.ipv4.router.route_output(Flow(ip("8.8.8.8"), oif=99)) == ENODEV
    box.ns.devices.set_down(box.eth0)
    assert not box.eth0.flags & IFF_UP
    assert box.out("10.0.0.9", dev="eth0")[0] == ENETUNREACH


# -- refusals ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("source", ["224.0.0.1", "255.255.255.255"])
def test_a_source_that_can_be_nobodys_is_refused(source: str) -> None:
    assert Routed().out("8.8.8.8", source)[0] == EINVAL


@pytest.mark.parametrize("destination", ["8.8.8.8", "224.0.0.5", "255.255.255.255"])
def test_a_source_that_is_not_ours_leads_nowhere(destination: str) -> None:
    assert Routed().out(destination, "10.9.9.9")[0] == ENETUNREACH


def test_a_source_that_is_not_ours_goes_where_that_is_asked() -> None:
    flow = Flow(ip("8.8.8.8"), ip("10.9.9.9"))
    assert isinstance(Routed().ns.ipv4.router.route_output(flow, any_source=True), Rtable)


def test_a_loopback_source_does_not_leave_the_host() -> None:
    box = Routed()
    assert box.out("8.8.8.8", "127.0.0.1")[0] == EINVAL
    box.sysctl("net.ipv4.conf.eth1.route_localnet", "1")
    assert box.sent("8.8.8.8", "127.0.0.1") == "eth1 127.0.0.1 via 10.0.1.254"


@pytest.mark.parametrize(
    ("kind", "errno"), [(RTN_BLACKHOLE, EINVAL), (RTN_UNREACHABLE, EHOSTUNREACH), (RTN_PROHIBIT, 13)]
)
def test_a_route_that_forbids_is_an_errno(kind: int, errno: int) -> None:
    box = Routed()
    box.route("10.5.0.0/16", type_=kind)
    assert box.out("10.5.0.1")[0] == errno


def test_without_any_route_the_net_is_unreachable() -> None:
    assert Box().ns.ipv4.router.route_output(Flow(ip("8.8.8.8"))) == ENETUNREACH


# -- many ----------------------------------------------------------------------------------------------------


def test_a_broadcast_of_ours_goes_out_and_is_heard_by_ourselves() -> None:
    box = Routed()
    route, source = box.out("10.0.0.255")
    assert isinstance(route, Rtable)
    assert (route.type, route.dev, source) == (RTN_BROADCAST, box.eth0, "10.0.0.1")
    assert route.flags & RTCF_BROADCAST
    assert route.flags & RTCF_LOCAL
    assert route.output == box.ns.ipv4.output.ip_mc_output


def test_the_limited_broadcast_goes_by_the_named_device_or_that_of_the_source() -> None:
    box = Routed()
    assert box.sent("255.255.255.255", dev="eth0") == "eth0 10.0.0.1"
    assert box.sent("255.255.255.255", source="10.0.0.2") == "eth0 10.0.0.2"
    route, _ = box.out("255.255.255.255")
    assert isinstance(route, Rtable)
    assert (route.dev, route.gateway, route.type) == (box.eth1, 0, RTN_BROADCAST)


def test_a_group_we_are_in_is_heard_by_ourselves() -> None:
    box = Routed()
    route, source = box.out("224.0.0.1", dev="eth0")
    assert isinstance(route, Rtable)
    assert (route.type, source) == (RTN_MULTICAST, "10.0.0.1")
    assert route.flags == RTCF_MULTICAST | RTCF_LOCAL
    other, _ = box.out("224.0.0.9", dev="eth0")
    assert isinstance(other, Rtable)
    assert other.flags == RTCF_MULTICAST
    assert other.output == box.ns.ipv4.output.ip_output


# -- received ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("dev", ["eth0", "eth1"])
def test_an_address_of_ours_is_ours_on_any_device(dev: str) -> None:
    """The weak host model."""
    route = Routed().received("10.0.0.1", "10.7.0.9", dev)
    assert isinstance(route, Rtable)
    assert (route.type, route.flags, route.is_input) == (RTN_LOCAL, RTCF_LOCAL, True)


def test_a_host_that_does_not_forward_reaches_nobody_else() -> None:
    route = Routed().received("8.8.8.8")
    assert isinstance(route, Rtable)
    assert (route.type, route.error) == (RTN_UNREACHABLE, EHOSTUNREACH)


def test_a_router_forwards_by_the_table() -> None:
    box = Routed()
    box.forward()
    route = box.received("8.8.8.8")
    assert isinstance(route, Rtable)
    assert (route.dev, route.gateway, route.iif) == (box.eth1, ip("10.0.1.254"), box.eth0.ifindex)
    assert route.type == RTN_UNICAST


def test_a_router_without_a_way_says_what_the_table_says() -> None:
    box = Box()
    dev = box.port("eth0", OUR_MAC, "10.0.0.1/24")
    box.forward()
    box.route("10.5.0.0/16", type_=RTN_PROHIBIT)
    for destination, errno in (("8.8.8.8", ENETUNREACH), ("10.5.0.1", 13)):
        route = box.ns.ipv4.router.route_input(ip(destination), ip("10.0.0.9"), 0, 0, dev)
        assert isinstance(route, Rtable)
        assert route.error == errno


@pytest.mark.parametrize("source", ["224.0.0.1", "239.1.1.1", "255.255.255.255", "127.0.0.1", "0.0.0.0"])
def test_a_martian_source_is_refused(source: str) -> None:
    box = Routed()
    box.forward()
    reason = IP_LOCALNET if source == "127.0.0.1" else IP_INVALID_SOURCE
    assert box.received("10.0.0.1", source) is reason
    assert box.received("8.8.8.8", source) is reason


def test_our_own_source_coming_back_is_refused_unless_that_is_allowed() -> None:
    box = Routed()
    assert box.received("10.0.0.1", "10.0.1.1") is IP_LOCAL_SOURCE
    box.sysctl("net.ipv4.conf.eth0.accept_local", "1")
    assert isinstance(box.received("10.0.0.1", "10.0.1.1"), Rtable)


def test_the_loopback_net_is_refused_on_a_wire_unless_that_is_allowed() -> None:
    box = Routed()
    assert box.received("127.0.0.1") is IP_LOCALNET
    box.sysctl("net.ipv4.conf.eth0.route_localnet", "1")
    assert isinstance(box.received("127.0.0.1"), Rtable)


def test_a_router_refuses_a_destination_that_can_be_nobodys() -> None:
    box = Routed()
    box.forward()
    assert box.received("0.0.0.0") is IP_INVALID_DEST


@pytest.mark.parametrize("destination", ["10.0.0.255", "255.255.255.255"])
def test_a_broadcast_is_delivered_here_and_not_forwarded(destination: str) -> None:
    box = Routed()
    box.forward()
    route = box.received(destination)
    assert isinstance(route, Rtable)
    assert (route.type, route.flags) == (RTN_BROADCAST, RTCF_BROADCAST | RTCF_LOCAL)
    assert route.input == box.ns.ipv4.input.ip_local_deliver


def test_somebody_without_an_address_may_broadcast() -> None:
    """DHCP: 0.0.0.0 to 255.255.255.255, and even to 0.0.0.0"""
    box = Routed()
    for destination in ("255.255.255.255", "0.0.0.0"):
        route = box.received(destination, "0.0.0.0")
        assert isinstance(route, Rtable)
        assert route.type == RTN_BROADCAST


def test_a_group_is_received_by_its_members_only() -> None:
    box = Routed()
    route = box.received("224.0.0.1")
    assert isinstance(route, Rtable)
    assert (route.type, route.flags) == (RTN_MULTICAST, RTCF_MULTICAST | RTCF_LOCAL)
    assert box.received("224.0.0.9") is NOT_A_MEMBER


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ("224.0.0.1", IP_INVALID_SOURCE),
        ("255.255.255.255", IP_INVALID_SOURCE),
        ("127.0.0.1", IP_LOCALNET),
        ("10.0.1.1", IP_LOCAL_SOURCE),
    ],
)
def test_a_group_hears_no_martians(source: str, reason: DropReason) -> None:
    assert Routed().received("224.0.0.1", source) is reason


def test_a_local_group_hears_those_without_an_address() -> None:
    assert isinstance(Routed().received("224.0.0.1", "0.0.0.0"), Rtable)


# -- what a decision is worth --------------------------------------------------------------------------------


def test_a_decision_is_void_after_any_change() -> None:
    box = Routed()
    route, _ = box.out("8.8.8.8")
    assert isinstance(route, Rtable)
    assert box.ns.ipv4.router.is_current(route)
    box.route("10.5.0.0/16", via="10.0.0.254")
    assert not box.ns.ipv4.router.is_current(route)


@pytest.mark.parametrize(("mtu", "expected"), [(None, 1500), (1400, 1400)])
def test_the_mtu_is_the_routes_or_the_devices(mtu: int | None, expected: int) -> None:
    box = Routed()
    box.route("10.5.0.0/16", via="10.0.0.254", mtu=mtu)
    route, _ = box.out("10.5.0.1")
    assert isinstance(route, Rtable)
    assert route.mtu == expected


def test_the_next_hop_is_the_gateway_or_the_destination_itself() -> None:
    box = Routed()
    for destination, nexthop in (("8.8.8.8", "10.0.1.254"), ("10.0.0.9", "10.0.0.9")):
        route, _ = box.out(destination)
        assert isinstance(route, Rtable)
        assert address_text(route.nexthop(ip(destination))) == nexthop


def test_a_group_without_a_local_reach_hears_nobody_without_an_address() -> None:
    box = Routed()
    box.ns.ipv4.groups.join(box.eth0, ip("239.1.1.1"))
    assert box.received("239.1.1.1", "0.0.0.0") is IP_INVALID_SOURCE
    assert isinstance(box.received("239.1.1.1"), Rtable)


def test_a_router_takes_other_kinds_of_routes_for_martians() -> None:
    box = Routed()
    box.forward()
    box.route("10.6.0.0/16", box.eth1, type_=RTN_MULTICAST, scope=RT_SCOPE_LINK)
    assert box.received("10.6.0.1") is IP_INVALID_DEST


def test_a_router_checks_the_source_of_what_it_forwards() -> None:
    box = Routed()
    box.forward()
    box.sysctl("net.ipv4.conf.eth0.rp_filter", "1")
    assert box.received("8.8.8.8", "10.0.1.9") is IP_RPFILTER


def test_a_broadcast_must_come_from_somebody_plausible() -> None:
    assert Routed().received("255.255.255.255", "10.0.1.1") is IP_LOCAL_SOURCE


def test_a_decision_that_was_never_finished_is_a_bug() -> None:
    box = Routed()
    route = Rtable(box.eth0, RTN_UNICAST, 0, 0)
    for step in (route.input, route.output):
        with pytest.raises(AssertionError, match="eth0 has no way"):
            step(Packet(b"", box.eth0))
