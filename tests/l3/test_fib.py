"""Routes as a user adds them: what is refused and in which words, and how devices take them along."""

import pytest

from pystack.errors import EINVAL, ENETDOWN, ENETUNREACH, ENODEV, ESRCH, NetError
from pystack.l3.addresses import RT_SCOPE_HOST, RT_SCOPE_LINK, RT_SCOPE_NOWHERE, RT_SCOPE_UNIVERSE
from pystack.l3.fib_table import FibMatch
from pystack.l3.fib_types import (
    RT_TABLE_LOCAL,
    RT_TABLE_MAIN,
    RTN_BLACKHOLE,
    RTN_BROADCAST,
    RTN_LOCAL,
    RTN_MULTICAST,
    RTN_THROW,
    RTN_UNICAST,
    RTN_UNREACHABLE,
    RTNH_F_DEAD,
    RTNH_F_LINKDOWN,
    RTNH_F_ONLINK,
    FibInfo,
    FibResult,
    FibRoute,
    Flow,
    Nexthop,
)
from pystack.wire.ipv4 import address_text
from tests.box import Box
from tests.frames import OUR_MAC, OUR_MAC2, ip


class Routed(Box):
    """eth0 10.0.0.1/24 and eth1 10.0.1.1/24."""

    def __init__(self) -> None:
        super().__init__()
        self.eth0 = self.port("eth0", OUR_MAC, "10.0.0.1/24")
        self.eth1 = self.port("eth1", OUR_MAC2, "10.0.1.1/24")
        self.fib = self.ns.ipv4.fib

    def refusal(self, *args: object, **kwargs: object) -> tuple[int, str | None]:
        with pytest.raises(NetError) as error:
            self.route(*args, **kwargs)  # type: ignore[arg-type]
        return error.value.number, error.value.extack

    def way(self, destination: str) -> str | int:
        """By which device and gateway."""
        found = self.fib.lookup(Flow(ip(destination)))
        if not isinstance(found, FibResult) or found.nexthop.dev is None:
            assert isinstance(found, int)
            return found
        gateway = f" via {address_text(found.nexthop.gateway)}" if found.nexthop.gateway else ""
        return f"{found.nexthop.dev.name}{gateway}"


# -- good routes -------------------------------------------------------------------------------------------


def test_a_gateway_on_a_connected_network_brings_its_device() -> None:
    box = Routed()
    route = box.route("10.5.0.0/16", via="10.0.1.254")
    assert route.info.nexthops[0].dev is box.eth1
    assert route.info.nexthops[0].scope == RT_SCOPE_LINK
    assert box.way("10.5.1.1") == "eth1 via 10.0.1.254"


def test_a_route_without_gateway_ends_on_the_link() -> None:
    box = Routed()
    route = box.route("10.5.0.0/16", box.eth0, scope=RT_SCOPE_LINK)
    assert route.info.nexthops[0].scope == RT_SCOPE_HOST
    assert box.way("10.5.1.1") == "eth0"


def test_a_gateway_behind_a_link_route_is_on_the_link() -> None:
    box = Routed()
    box.route("10.7.0.1/32", box.eth0, scope=RT_SCOPE_LINK)
    box.route("0.0.0.0/0", via="10.7.0.1")
    assert box.way("8.8.8.8") == "eth0 via 10.7.0.1"


def test_a_gateway_is_looked_for_in_the_routes_own_table_first() -> None:
    box = Routed()
    box.route("192.0.2.0/24", box.eth1, scope=RT_SCOPE_LINK, table=100)
    assert box.route("198.51.100.0/24", via="192.0.2.1", table=100).info.nexthops[0].dev is box.eth1
    invalid = (ENETUNREACH, "Nexthop has invalid gateway")
    assert box.refusal("198.51.100.0/24", via="192.0.2.1") == invalid
    box.route("203.0.113.0/24", via="10.0.0.254", table=100)  # where that fails, the rules are asked


def test_a_gateway_may_be_said_to_be_on_the_link() -> None:
    box = Routed()
    box.route("0.0.0.0/0", box.eth1, "192.0.2.1", onlink=RTNH_F_ONLINK)
    assert box.way("8.8.8.8") == "eth1 via 192.0.2.1"


def test_a_route_may_forbid() -> None:
    box = Routed()
    box.route("10.5.0.0/16", type_=RTN_UNREACHABLE)
    box.route("10.6.0.0/16", type_=RTN_BLACKHOLE)
    assert [box.way("10.5.1.1"), box.way("10.6.1.1")] == [113, EINVAL]


def test_throw_goes_on_with_the_next_table() -> None:
    box = Routed()
    box.route("10.5.0.0/16", type_=RTN_THROW)
    assert box.way("10.5.1.1") == ENETUNREACH


def test_a_local_address_is_found_before_any_route_of_main() -> None:
    box = Routed()
    box.route("10.0.0.1/32", box.eth1, scope=RT_SCOPE_LINK)
    found = box.fib.lookup(Flow(ip("10.0.0.1")))
    assert isinstance(found, FibResult)
    assert (found.type, found.nexthop.dev) == (RTN_LOCAL, box.eth0)


def test_a_source_of_ones_own_is_good() -> None:
    box = Routed()
    assert box.route("10.5.0.0/16", via="10.0.0.254", src="10.0.1.1").info.prefsrc == ip("10.0.1.1")


# -- refused ones ------------------------------------------------------------------------------------------


def test_bits_behind_the_prefix_are_refused() -> None:
    assert Routed().refusal("10.5.0.1/16", via="10.0.0.254") == (
        EINVAL,
        "Invalid prefix for given prefix length",
    )


@pytest.mark.parametrize("gateway", ["10.9.0.1", "8.8.8.8"])
def test_a_gateway_that_no_route_reaches_is_refused(gateway: str) -> None:
    assert Routed().refusal("10.5.0.0/16", via=gateway) == (ENETUNREACH, "Nexthop has invalid gateway")


def test_a_gateway_behind_another_gateway_is_refused() -> None:
    box = Routed()
    box.route("10.5.0.0/16", via="10.0.0.254")
    assert box.refusal("10.6.0.0/16", via="10.5.0.1") == (ENETUNREACH, "Nexthop has invalid gateway")


def test_a_gateway_on_the_wrong_device_is_refused() -> None:
    box = Routed()
    assert box.refusal("10.5.0.0/16", box.eth1, "10.0.0.254") == (ENETUNREACH, "Nexthop has invalid gateway")


@pytest.mark.parametrize("gateway", ["10.0.0.255", "224.0.0.1"])
def test_a_gateway_that_is_no_single_station_is_refused(gateway: str) -> None:
    assert Routed().refusal("10.5.0.0/16", via=gateway)[1] == "Nexthop has invalid gateway"


def test_oneself_as_gateway_is_taken() -> None:
    """Measured on 6.18."""
    box = Routed()
    box.route("10.5.0.0/16", via="10.0.0.1")
    assert box.way("10.5.0.1") == "eth0 via 10.0.0.1"


def test_a_gateway_in_a_route_of_the_link_would_have_to_be_oneself() -> None:
    box = Routed()
    refused = box.refusal("10.5.0.0/16", box.eth0, "10.0.0.254", scope=RT_SCOPE_LINK)
    assert refused == (ENETUNREACH, "Nexthop has invalid gateway")


def test_a_gateway_in_a_route_of_the_host_is_refused() -> None:
    box = Routed()
    assert box.refusal("10.5.0.0/16", box.eth0, "10.0.0.254", scope=RT_SCOPE_HOST, type_=RTN_LOCAL) == (
        EINVAL,
        "Route with host scope can not have a gateway",
    )


@pytest.mark.parametrize(
    ("scope", "type_"),
    [(RT_SCOPE_UNIVERSE, RTN_LOCAL), (RT_SCOPE_LINK, RTN_LOCAL), (RT_SCOPE_UNIVERSE, RTN_BROADCAST)],
)
def test_a_scope_wider_than_the_type_allows_is_refused(scope: int, type_: int) -> None:
    box = Routed()
    assert box.refusal("10.5.0.0/16", box.eth0, scope=scope, type_=type_) == (EINVAL, "Invalid scope")


def test_a_route_to_nowhere_is_refused() -> None:
    box = Routed()
    assert box.refusal("10.5.0.0/16", box.eth0, scope=RT_SCOPE_NOWHERE) == (EINVAL, "Invalid scope")


def test_a_route_without_a_way_is_refused() -> None:
    assert Routed().refusal("10.5.0.0/16")[0] == ENODEV


def test_a_forbidding_route_with_a_device_is_refused() -> None:
    """The words are those of 6.18."""
    box = Routed()
    assert box.refusal("10.5.0.0/16", box.eth0, type_=RTN_BLACKHOLE) == (
        EINVAL,
        "Gateway, device and multipath can not be specified for this route type",
    )


def test_a_source_that_is_not_ones_own_is_refused() -> None:
    box = Routed()
    assert box.refusal("10.5.0.0/16", via="10.0.0.254", src="10.0.0.77") == (
        EINVAL,
        "Invalid prefsrc address",
    )


def test_a_device_that_is_down_takes_no_routes() -> None:
    box = Routed()
    box.ns.devices.set_down(box.eth0)
    assert box.refusal("10.5.0.0/16", box.eth0, scope=RT_SCOPE_LINK) == (
        ENETDOWN,
        "Device for nexthop is not up",
    )
    assert box.refusal("0.0.0.0/0", box.eth0, "192.0.2.1", onlink=RTNH_F_ONLINK) == (
        ENETDOWN,
        "Nexthop device is not up",
    )


def test_on_the_link_needs_a_device_and_a_unicast_gateway() -> None:
    box = Routed()
    assert box.refusal("0.0.0.0/0", via="192.0.2.1", onlink=RTNH_F_ONLINK) == (
        ENODEV,
        "Nexthop device required for onlink",
    )
    for gateway in ("10.0.0.255", "10.0.0.1", "224.0.0.1"):
        refused = box.refusal("0.0.0.0/0", box.eth0, gateway, onlink=RTNH_F_ONLINK)
        assert refused == (EINVAL, "Nexthop has invalid gateway")
    refused = box.refusal("0.0.0.0/0", box.eth0, "192.0.2.1", onlink=RTNH_F_ONLINK, scope=RT_SCOPE_LINK)
    assert refused == (EINVAL, "Nexthop has invalid scope")


def test_a_refused_route_leaves_nothing_behind() -> None:
    box = Routed()
    before = (len(box.fib.table(RT_TABLE_MAIN)), box.fib.generation)
    box.refusal("10.5.0.0/16", via="10.9.0.1")
    assert (len(box.fib.table(RT_TABLE_MAIN)), box.fib.generation) == before


# -- changes -----------------------------------------------------------------------------------------------


def test_every_change_makes_cached_routes_void_and_is_told() -> None:
    box = Routed()
    told: list[tuple[str, int]] = []
    box.fib.listeners.append(lambda action, route: told.append((action, route.prefixlen)))
    before = box.fib.generation
    box.route("10.5.0.0/16", via="10.0.0.254")
    after_add = box.fib.generation
    box.fib.delete(RT_TABLE_MAIN, ip("10.5.0.0"), 16, FibMatch())
    assert before < after_add < box.fib.generation
    assert told == [("new", 16), ("del", 16)]


def test_a_table_that_nobody_made_has_nothing_to_delete() -> None:
    with pytest.raises(NetError) as error:
        Routed().fib.delete(77, 0, 0, FibMatch())
    assert (error.value.number, error.value.extack) == (ESRCH, "FIB table does not exist")


def test_a_new_table_is_asked_by_no_rule() -> None:
    box = Routed()
    box.route("10.5.0.0/16", via="10.0.0.254", table=77)
    assert len(box.fib.table(77)) == 1
    assert box.way("10.5.0.1") == ENETUNREACH


@pytest.mark.parametrize(
    ("address", "kind"),
    [
        ("10.0.0.1", RTN_LOCAL),
        ("127.5.5.5", RTN_LOCAL),
        ("10.0.0.255", RTN_BROADCAST),
        ("255.255.255.255", RTN_BROADCAST),
        ("0.0.0.0", RTN_BROADCAST),
        ("224.0.0.1", RTN_MULTICAST),
        ("10.0.0.2", RTN_UNICAST),
        ("10.0.0.0", RTN_UNICAST),
        ("8.8.8.8", RTN_UNICAST),
    ],
)
def test_an_address_is_ours_everybodys_a_groups_or_anothers(address: str, kind: int) -> None:
    assert Routed().fib.address_type(ip(address)) == kind


# -- devices -----------------------------------------------------------------------------------------------


def test_a_device_that_goes_down_takes_its_routes_along() -> None:
    box = Routed()
    box.route("10.5.0.0/16", via="10.0.0.254")
    box.route("10.6.0.0/16", via="10.0.1.254")
    box.ns.devices.set_down(box.eth0)
    assert box.way("10.5.0.1") == ENETUNREACH
    assert box.way("10.6.0.1") == "eth1 via 10.0.1.254"
    assert box.fib.address_type(ip("10.0.0.1")) == RTN_LOCAL


def two_ways(box: Routed) -> FibRoute:
    """A route over both devices, as `ip route add … nexthop … nexthop …` makes it."""
    info = FibInfo(RTN_UNICAST, (Nexthop(None, ip("10.0.0.254")), Nexthop(None, ip("10.0.1.254"), weight=3)))
    route = FibRoute(RT_TABLE_MAIN, ip("10.5.0.0"), 16, info)
    box.fib.add(route)
    return route


def test_of_two_ways_the_living_one_serves_until_the_other_is_back() -> None:
    box = Routed()
    route = two_ways(box)
    assert box.way("10.5.0.1") == "eth0 via 10.0.0.254"
    box.ns.devices.set_down(box.eth0)
    assert route.info.nexthops[0].flags & RTNH_F_DEAD
    assert box.way("10.5.0.1") == "eth1 via 10.0.1.254"
    box.ns.devices.set_up(box.eth0)
    assert not route.info.nexthops[0].flags & RTNH_F_DEAD
    box.ns.devices.set_down(box.eth0)
    box.ns.devices.set_down(box.eth1)
    assert box.way("10.5.0.1") == ENETUNREACH
    assert route not in list(box.fib.table(RT_TABLE_MAIN))


def test_a_lost_carrier_marks_the_hops_but_they_still_serve() -> None:
    box = Routed()
    route = box.route("10.5.0.0/16", via="10.0.0.254")
    box.ns.devices.set_carrier(box.eth0, False)
    assert route.info.nexthops[0].flags & RTNH_F_LINKDOWN
    assert box.way("10.5.0.1") == "eth0 via 10.0.0.254"
    box.ns.devices.set_carrier(box.eth0, True)
    assert not route.info.nexthops[0].flags & RTNH_F_LINKDOWN


def test_a_route_by_a_device_without_carrier_begins_marked() -> None:
    box = Routed()
    box.ns.devices.set_carrier(box.eth0, False)
    assert box.route("10.5.0.0/16", via="10.0.0.254").info.nexthops[0].flags & RTNH_F_LINKDOWN
    assert box.route("10.6.0.0/16", box.eth0, scope=RT_SCOPE_LINK).info.nexthops[0].flags & RTNH_F_LINKDOWN


def test_a_local_route_stays_while_its_device_is_down() -> None:
    box = Routed()
    box.ns.devices.set_down(box.eth0)
    routes = [route for route in box.fib.table(RT_TABLE_LOCAL) if route.prefix == ip("10.0.0.1")]
    assert [route.info.type for route in routes] == [RTN_LOCAL]
