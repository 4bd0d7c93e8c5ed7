"""What routes share, and what becomes of it when devices and addresses come and go."""

from pystack.l2.devices import Link
from pystack.l3.fib_types import (
    RT_TABLE_MAIN,
    RTN_UNICAST,
    RTNH_F_DEAD,
    RTNH_F_LINKDOWN,
    FibInfo,
    FibResult,
    FibRoute,
    Flow,
    Nexthop,
)
from tests.box import Box
from tests.frames import OUR_MAC, OUR_MAC2, ip


class Shared(Box):
    """eth0 10.0.0.1/24 and eth1 10.0.1.1/24."""

    def __init__(self) -> None:
        super().__init__()
        self.eth0 = self.port("eth0", OUR_MAC, "10.0.0.1/24")
        self.eth1 = self.port("eth1", OUR_MAC2, "10.0.1.1/24")
        self.fib = self.ns.ipv4.fib

    def balanced(self, prefix: str = "10.9.0.0") -> FibRoute:
        hops = (Nexthop(None, ip("10.0.0.9")), Nexthop(None, ip("10.0.1.9")))
        route = FibRoute(RT_TABLE_MAIN, ip(prefix), 16, FibInfo(RTN_UNICAST, hops))
        self.fib.add(route)
        return route

    def way(self, destination: str) -> str | int:
        found = self.fib.lookup(Flow(ip(destination)))
        if not isinstance(found, FibResult):
            return found
        assert found.nexthop.dev is not None
        return found.nexthop.dev.name


def flags(route: FibRoute) -> list[int]:
    return [hop.flags for hop in route.info.nexthops]


def test_equal_routes_share_one_object() -> None:
    box = Shared()
    one, other = box.route("10.5.0.0/16", via="10.0.0.9"), box.route("10.6.0.0/16", via="10.0.0.9")
    assert one.info is other.info
    assert box.route("10.7.0.0/16", via="10.0.0.8").info is not one.info
    assert box.route("10.7.0.0/16", via="10.0.0.9", metric=1).info is not one.info
    assert box.route("10.7.0.0/16", via="10.0.0.9", table=100).info is not one.info


def test_what_no_route_uses_any_more_is_forgotten() -> None:
    box = Shared()
    before = len(box.fib.infos)
    routes = [box.route(f"10.{number}.0.0/16", via="10.0.0.9") for number in (5, 6)]
    assert len(box.fib.infos) == before + 1
    box.fib.remove(routes[0])
    assert len(box.fib.infos) == before + 1
    box.fib.remove(routes[1])
    assert len(box.fib.infos) == before
    assert routes[0].info.references == 0


def test_a_refused_route_leaves_nothing_behind() -> None:
    box = Shared()
    box.route("10.5.0.0/16", via="10.0.0.9")
    before = len(box.fib.infos)
    for gateway in ("10.0.0.8", "10.0.0.9"):
        route = FibRoute(
            RT_TABLE_MAIN, ip("10.5.0.0"), 16, FibInfo(RTN_UNICAST, (Nexthop(None, ip(gateway)),))
        )
        try:
            box.fib.add(route)
        except Exception:
            continue
    assert len(box.fib.infos) == before


def test_an_info_of_one_table_is_copied_for_another() -> None:
    box = Shared()
    route = box.route("10.5.0.0/16", via="10.0.0.9")
    twin = FibRoute(100, ip("10.5.0.0"), 16, route.info)
    box.fib.add(twin)
    assert twin.info is not route.info
    assert twin.info.nexthops[0].dev is box.eth0


def test_a_hop_over_a_device_that_goes_down_dies_and_the_route_lives_by_the_other() -> None:
    box = Shared()
    route = box.balanced()
    box.ns.devices.set_down(box.eth0)
    assert flags(route) == [RTNH_F_DEAD | RTNH_F_LINKDOWN, 0]
    assert box.way("10.9.1.1") == "eth1"
    box.ns.devices.set_up(box.eth0)
    assert flags(route) == [0, 0]


def test_a_route_without_a_living_hop_is_gone() -> None:
    box = Shared()
    route = box.balanced()
    box.ns.devices.set_down(box.eth0)
    box.ns.devices.set_down(box.eth1)
    assert route not in list(box.fib.table(RT_TABLE_MAIN))


def test_a_route_over_several_devices_goes_with_the_first_that_is_removed() -> None:
    box = Shared()
    route = box.balanced()
    box.ns.devices.unregister(box.eth0)
    assert route not in list(box.fib.table(RT_TABLE_MAIN))


def test_an_address_that_comes_back_revives_the_hops_of_its_device() -> None:
    box = Shared()
    route = box.balanced()
    held = box.ns.ipv4.addresses.of(box.eth0)[0]
    box.ns.ipv4.addresses.remove(held)
    assert flags(route)[0] & RTNH_F_DEAD
    box.address(box.eth0, "10.0.0.1/24")
    assert flags(route) == [0, 0]


def test_a_lost_carrier_is_noted_and_counts_only_where_that_is_wanted() -> None:
    box = Shared()
    route = box.balanced()
    box.sysctl("net.ipv4.conf.eth1.ignore_routes_with_linkdown", "1")
    for dev in (box.eth0, box.eth1):
        box.ns.devices.set_carrier(dev, False)
    assert flags(route) == [RTNH_F_LINKDOWN, RTNH_F_LINKDOWN]
    assert box.way("10.9.1.1") == "eth0"
    assert box.way("10.0.1.7") == 101
    box.ns.devices.set_carrier(box.eth1, True)
    assert box.way("10.0.1.7") == "eth1"


def test_the_source_over_a_hop_is_kept_until_addresses_change() -> None:
    """So a change of route_localnet, which decides who may speak, is seen only then."""
    box = Shared()
    route = box.route("10.5.0.0/16", box.eth0, scope=253)
    result = FibResult(route, route.info.nexthops[0], RT_TABLE_MAIN)
    asked: list[Link | None] = []
    select = box.fib._select_source

    def noting(dev: Link | None, gateway: int, scope: int) -> int:
        asked.append(dev)
        return select(dev, gateway, scope)

    box.fib._select_source = noting
    assert box.fib.preferred_source(result) == ip("10.0.0.1")
    assert asked == []  # it was chosen when the route was added
    box.address(box.eth1, "10.0.7.1/24")
    asked.clear()
    assert [box.fib.preferred_source(result) for _ in range(3)] == [ip("10.0.0.1")] * 3
    assert asked == [box.eth0]
