"""The routes that addresses bring with them, as `ip route show table all` has them on the kernel."""

import pytest

from pystack.l3.addresses import IFA_F_NOPREFIXROUTE, RT_SCOPE_HOST, RT_SCOPE_LINK, Address
from pystack.l3.fib_types import (
    RT_TABLE_LOCAL,
    RT_TABLE_MAIN,
    RTN_UNREACHABLE,
    RTPROT_KERNEL,
    TYPE_NAMES,
    FibInfo,
    FibRoute,
)
from pystack.wire.ipv4 import address_text
from tests.box import Box
from tests.frames import OUR_MAC, ip


class Routed(Box):
    def __init__(self) -> None:
        super().__init__()
        self.dev = self.port("eth0", OUR_MAC)

    def shown(self, table: int, device: str = "eth0") -> list[str]:
        """`local 10.0.0.1/32 src 10.0.0.1` and so on, of one device."""
        return [
            self._text(route)
            for route in self.ns.ipv4.fib.table(table)
            if getattr(route.info.nexthops[0].dev, "name", "") == device
        ]

    @staticmethod
    def _text(route: FibRoute) -> str:
        assert route.info.protocol == RTPROT_KERNEL
        kind = TYPE_NAMES[route.info.type]
        metric = f" metric {route.info.priority}" if route.info.priority else ""
        source = address_text(route.info.prefsrc)
        return f"{kind} {address_text(route.prefix)}/{route.prefixlen} src {source}{metric}"

    def local(self) -> list[str]:
        return self.shown(RT_TABLE_LOCAL)

    def main(self) -> list[str]:
        return self.shown(RT_TABLE_MAIN)


def test_an_address_brings_itself_its_network_and_the_networks_broadcast() -> None:
    box = Routed()
    box.address(box.dev, "10.0.0.1/24")
    assert box.local() == ["local 10.0.0.1/32 src 10.0.0.1", "broadcast 10.0.0.255/32 src 10.0.0.1"]
    assert box.main() == ["unicast 10.0.0.0/24 src 10.0.0.1"]


def test_scopes_are_host_for_local_and_link_for_the_rest() -> None:
    box = Routed()
    box.address(box.dev, "10.0.0.1/24")
    fib, host, link = box.ns.ipv4.fib, RT_SCOPE_HOST, RT_SCOPE_LINK
    local = [route.info.scope for route in fib.table(RT_TABLE_LOCAL) if route.prefix >> 24 == 10]
    assert local == [host, link]
    assert [route.info.scope for route in fib.table(RT_TABLE_MAIN)] == [link]


@pytest.mark.parametrize(
    ("address", "peer", "local", "main"),
    [
        ("10.0.0.1/32", None, ["local 10.0.0.1/32 src 10.0.0.1"], []),
        ("10.0.0.0/31", None, ["local 10.0.0.0/32 src 10.0.0.0"], ["unicast 10.0.0.0/31 src 10.0.0.0"]),
        (
            "10.0.0.1/30",
            None,
            ["local 10.0.0.1/32 src 10.0.0.1", "broadcast 10.0.0.3/32 src 10.0.0.1"],
            ["unicast 10.0.0.0/30 src 10.0.0.1"],
        ),
        (
            "10.0.0.1/32",
            "10.9.0.7",
            ["local 10.0.0.1/32 src 10.0.0.1"],
            ["unicast 10.9.0.7/32 src 10.0.0.1"],
        ),
        (
            "10.0.0.1/24",
            "10.9.0.7",
            ["local 10.0.0.1/32 src 10.0.0.1", "broadcast 10.9.0.255/32 src 10.0.0.1"],
            ["unicast 10.9.0.0/24 src 10.0.0.1"],
        ),
        ("0.0.0.5/8", None, ["local 0.0.0.5/32 src 0.0.0.5"], []),
    ],
    ids=["host", "pair", "quad", "peer", "peer network", "zero net"],
)
def test_odd_networks_bring_what_the_kernel_makes_of_them(
    address: str, peer: str | None, local: list[str], main: list[str]
) -> None:
    box = Routed()
    box.address(box.dev, address, peer=peer)
    assert (box.local(), box.main()) == (local, main)


def test_a_broadcast_of_its_own_comes_besides_the_networks() -> None:
    box = Routed()
    box.address(box.dev, "10.0.0.1/24", broadcast="10.0.0.127")
    assert box.local()[1:] == [
        "broadcast 10.0.0.127/32 src 10.0.0.1",
        "broadcast 10.0.0.255/32 src 10.0.0.1",
    ]


@pytest.mark.parametrize("broadcast", ["10.0.0.255", "255.255.255.255"])
def test_the_usual_broadcast_comes_once(broadcast: str) -> None:
    box = Routed()
    box.address(box.dev, "10.0.0.1/24", broadcast=broadcast)
    assert box.local() == ["local 10.0.0.1/32 src 10.0.0.1", "broadcast 10.0.0.255/32 src 10.0.0.1"]


def test_a_secondary_brings_only_itself_with_its_primary_as_source() -> None:
    box = Routed()
    box.address(box.dev, "10.0.0.1/24")
    box.address(box.dev, "10.0.0.2/24")
    assert box.local()[1] == "local 10.0.0.2/32 src 10.0.0.1"
    assert box.main() == ["unicast 10.0.0.0/24 src 10.0.0.1"]


def test_a_metric_is_the_networks() -> None:
    box = Routed()
    box.ns.ipv4.addresses.add(Address(box.dev, ip("10.0.0.1"), 24, metric=100))
    assert box.main() == ["unicast 10.0.0.0/24 src 10.0.0.1 metric 100"]
    assert box.local()[0] == "local 10.0.0.1/32 src 10.0.0.1"


def test_noprefixroute_leaves_the_network_to_the_user() -> None:
    box = Routed()
    box.ns.ipv4.addresses.add(Address(box.dev, ip("10.0.0.1"), 24, flags=IFA_F_NOPREFIXROUTE))
    assert box.main() == []
    assert len(box.local()) == 2


def test_an_address_of_the_loopback_makes_its_whole_network_local() -> None:
    box = Routed()
    box.address(box.ns.loopback, "10.3.0.1/24")
    assert box.shown(RT_TABLE_LOCAL, "lo")[:3] == [
        "local 10.3.0.0/24 src 10.3.0.1",
        "local 10.3.0.1/32 src 10.3.0.1",
        "broadcast 10.3.0.255/32 src 10.3.0.1",
    ]
    assert box.shown(RT_TABLE_MAIN, "lo") == []


# -- following -----------------------------------------------------------------------------------------------


def test_a_deleted_address_takes_its_routes_along() -> None:
    box = Routed()
    box.address(box.dev, "10.0.0.1/24")
    box.address(box.dev, "10.0.1.1/24")
    box.ns.ipv4.addresses.delete(box.dev, ip("10.0.0.1"))
    assert box.local() == ["local 10.0.1.1/32 src 10.0.1.1", "broadcast 10.0.1.255/32 src 10.0.1.1"]
    assert box.main() == ["unicast 10.0.1.0/24 src 10.0.1.1"]


def test_a_promoted_secondary_takes_the_routes_over() -> None:
    box = Routed()
    box.sysctl("net.ipv4.conf.eth0.promote_secondaries", "1")
    for text in ("10.0.0.1/24", "10.0.0.2/24", "10.0.0.3/24"):
        box.address(box.dev, text)
    box.ns.ipv4.addresses.delete(box.dev, ip("10.0.0.1"))
    assert box.main() == ["unicast 10.0.0.0/24 src 10.0.0.2"]
    assert box.local() == [
        "local 10.0.0.2/32 src 10.0.0.2",
        "local 10.0.0.3/32 src 10.0.0.2",
        "broadcast 10.0.0.255/32 src 10.0.0.2",
    ]


def test_what_two_addresses_bring_stays_until_both_are_gone() -> None:
    box = Routed()
    box.address(box.dev, "10.0.0.1/24")
    box.address(box.dev, "10.0.0.1/25")
    box.ns.ipv4.addresses.delete(box.dev, ip("10.0.0.1"), 24)
    assert box.local() == ["local 10.0.0.1/32 src 10.0.0.1", "broadcast 10.0.0.127/32 src 10.0.0.1"]
    assert box.main() == ["unicast 10.0.0.0/25 src 10.0.0.1"]


def test_a_device_that_goes_down_keeps_only_what_is_local() -> None:
    box = Routed()
    box.address(box.dev, "10.0.0.1/24")
    box.ns.devices.set_down(box.dev)
    assert box.local() == ["local 10.0.0.1/32 src 10.0.0.1"]
    assert box.main() == []


def test_an_address_on_a_device_that_is_down_is_local_at_once() -> None:
    box = Routed()
    box.ns.devices.set_down(box.dev)
    box.address(box.dev, "10.0.0.1/24")
    assert box.local() == ["local 10.0.0.1/32 src 10.0.0.1"]
    box.ns.devices.set_up(box.dev)
    assert len(box.local()) == 2
    assert box.main() == ["unicast 10.0.0.0/24 src 10.0.0.1"]


def test_a_device_that_comes_up_gets_its_own_routes_back_but_not_the_users() -> None:
    box = Routed()
    box.address(box.dev, "10.0.0.1/24")
    box.route("10.5.0.0/16", via="10.0.0.254")
    box.ns.devices.set_down(box.dev)
    box.ns.devices.set_up(box.dev)
    assert box.main() == ["unicast 10.0.0.0/24 src 10.0.0.1"]
    assert len(box.local()) == 2


def test_the_last_address_takes_all_routes_of_the_device_along() -> None:
    box = Routed()
    box.address(box.dev, "10.0.0.1/24")
    box.route("10.5.0.0/16", box.dev, scope=RT_SCOPE_LINK)
    box.ns.ipv4.addresses.delete(box.dev, ip("10.0.0.1"))
    assert box.local() == box.main() == []


def test_routes_that_name_a_lost_address_as_source_go_with_it() -> None:
    box = Routed()
    box.address(box.dev, "10.0.0.1/24")
    box.address(box.dev, "10.0.1.1/24")
    box.route("10.5.0.0/16", box.dev, src="10.0.1.1", scope=RT_SCOPE_LINK)
    nowhere = FibInfo(RTN_UNREACHABLE, (), prefsrc=ip("10.0.1.1"))
    box.ns.ipv4.fib.add(FibRoute(RT_TABLE_MAIN, ip("10.6.0.0"), 16, nowhere))
    box.ns.ipv4.addresses.delete(box.dev, ip("10.0.1.1"))
    assert [route.prefix for route in box.ns.ipv4.fib.table(RT_TABLE_MAIN)] == [ip("10.0.0.0")]


def test_a_device_that_leaves_takes_everything_along() -> None:
    box = Routed()
    box.address(box.dev, "10.0.0.1/24")
    box.ns.devices.unregister(box.dev)
    assert not [held for held in box.ns.ipv4.addresses if held.dev is box.dev]
    assert len(box.ns.ipv4.fib.table(RT_TABLE_MAIN)) == 0


def test_a_lost_carrier_marks_the_routes_and_keeps_them() -> None:
    box = Routed()
    box.address(box.dev, "10.0.0.1/24")
    box.ns.devices.set_carrier(box.dev, False)
    flags = [route.info.nexthops[0].flags for route in box.ns.ipv4.fib.table(RT_TABLE_MAIN)]
    assert flags == [16]
    box.ns.devices.set_carrier(box.dev, True)
    assert [route.info.nexthops[0].flags for route in box.ns.ipv4.fib.table(RT_TABLE_MAIN)] == [0]


def test_a_network_route_that_a_user_deleted_comes_back_with_the_device() -> None:
    box = Routed()
    box.address(box.dev, "10.0.0.1/24")
    table = box.ns.ipv4.fib.table(RT_TABLE_MAIN)
    box.ns.ipv4.fib.remove(next(iter(table)))
    assert box.main() == []
    box.ns.devices.set_down(box.dev)
    box.ns.devices.set_up(box.dev)
    assert box.main() == ["unicast 10.0.0.0/24 src 10.0.0.1"]


def test_an_address_brings_its_route_though_another_one_had_brought_it_before() -> None:
    box = Routed()
    box.address(box.dev, "10.0.0.1/24")
    table = box.ns.ipv4.fib.table(RT_TABLE_LOCAL)
    own = next(route for route in table if route.prefix == ip("10.0.0.1"))
    box.ns.ipv4.fib.remove(own)
    box.address(box.dev, "10.0.0.1/32")
    assert [route for route in table if route.prefix == ip("10.0.0.1")]
