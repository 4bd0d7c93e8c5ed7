"""One routing table: longest prefix, TOS, metric; what may be added, replaced and deleted."""

from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pystack.errors import EACCES, EAGAIN, EEXIST, EHOSTUNREACH, EINVAL, ESRCH, NetError
from pystack.l2.port import PortDevice
from pystack.l3.addresses import RT_SCOPE_HOST, RT_SCOPE_LINK, RT_SCOPE_UNIVERSE
from pystack.l3.fib_info import FibInfos
from pystack.l3.fib_table import FibMatch, FibTable
from pystack.l3.fib_trie import FibTrie, IgnoresLinkdown, never
from pystack.l3.fib_types import (
    RTN_BLACKHOLE,
    RTN_PROHIBIT,
    RTN_THROW,
    RTN_UNICAST,
    RTN_UNREACHABLE,
    RTNH_F_DEAD,
    RTNH_F_LINKDOWN,
    RTPROT_KERNEL,
    RTPROT_STATIC,
    FibInfo,
    FibResult,
    FibRoute,
    Flow,
    Nexthop,
)
from pystack.wire.ipv4 import netmask
from tests.frames import OUR_MAC, ip


def a_device(index: int) -> PortDevice:
    dev = PortDevice(f"eth{index}", OUR_MAC)
    dev.ifindex = index
    return dev


ETH = {index: a_device(index) for index in range(1, 4)}


def route(
    text: str,
    dev: int = 1,
    *,
    via: str = "0.0.0.0",
    metric: int = 0,
    tos: int = 0,
    type_: int = RTN_UNICAST,
    scope: int = RT_SCOPE_UNIVERSE,
    protocol: int = RTPROT_STATIC,
    src: str = "0.0.0.0",
) -> FibRoute:
    prefix, _, length = text.partition("/")
    hops = (Nexthop(ETH[dev], ip(via)),) if type_ == RTN_UNICAST else ()
    info = FibInfo(type_, hops, scope=scope, protocol=protocol, priority=metric, prefsrc=ip(src))
    return FibRoute(254, ip(prefix), int(length), info, tos)


class Table(FibTable):
    """Main, with what its routes share."""

    def __init__(self, ignores_linkdown: IgnoresLinkdown = never) -> None:
        super().__init__(254, FibTrie(ignores_linkdown))
        self.infos = FibInfos(ignores_linkdown)

    def put(
        self,
        one: FibRoute,
        *,
        create: bool = True,
        exclusive: bool = False,
        append: bool = False,
        replace: bool = False,
    ) -> FibRoute | None:
        one.info = self.infos.share(one.info, self.number)
        return self.insert(one, create=create, exclusive=exclusive, append=append, replace=replace)


def table(*routes: FibRoute, ignores_linkdown: IgnoresLinkdown = never) -> Table:
    made = Table(ignores_linkdown)
    for one in routes:
        made.put(one, exclusive=True)
    return made


def found(routes: FibTable, flow: Flow, *, ignore_linkstate: bool = False) -> FibRoute | int | None:
    answer = routes.lookup(flow, ignore_linkstate=ignore_linkstate)
    return answer.route if isinstance(answer, FibResult) else answer


# -- lookup ------------------------------------------------------------------------------------------------


def test_the_longest_prefix_wins() -> None:
    every = [route("0.0.0.0/0"), route("10.0.0.0/8"), route("10.0.0.0/24"), route("10.0.0.7/32")]
    routes = table(*every)
    for destination, expected in (("10.0.0.7", 3), ("10.0.0.8", 2), ("10.0.1.1", 1), ("11.0.0.1", 0)):
        assert found(routes, Flow(ip(destination))) is every[expected]


def test_an_empty_table_knows_no_way() -> None:
    assert found(Table(), Flow(ip("10.0.0.1"))) is None


def test_the_smallest_metric_wins_whatever_came_first() -> None:
    cheap, dear = route("10.0.0.0/24", 1, metric=10), route("10.0.0.0/24", 2, metric=20)
    assert found(table(dear, cheap), Flow(ip("10.0.0.1"))) is cheap


def test_a_route_for_a_tos_serves_only_that_and_before_those_for_all() -> None:
    plain, special = route("10.0.0.0/24", 1), route("10.0.0.0/24", 2, tos=0x10, metric=50)
    routes = table(plain, special)
    assert found(routes, Flow(ip("10.0.0.1"), tos=0x10)) is special
    assert found(routes, Flow(ip("10.0.0.1"), tos=0x08)) is plain


def test_a_wanted_device_skips_the_routes_of_others() -> None:
    near, far = route("10.0.0.0/24", 1), route("10.0.0.0/8", 2)
    routes = table(near, far)
    assert found(routes, Flow(ip("10.0.0.1"), oif=2)) is far
    assert found(routes, Flow(ip("10.0.0.1"), oif=3)) is None


def test_a_wanted_scope_skips_wider_routes() -> None:
    gatewayed, direct = route("10.0.0.0/24"), route("10.0.0.0/8", 2, scope=RT_SCOPE_LINK)
    routes = table(gatewayed, direct)
    assert found(routes, Flow(ip("10.0.0.1"), scope=RT_SCOPE_LINK)) is direct
    assert found(routes, Flow(ip("10.0.0.1"), scope=RT_SCOPE_HOST)) is None


@pytest.mark.parametrize(
    ("type_", "errno"),
    [(RTN_BLACKHOLE, EINVAL), (RTN_UNREACHABLE, EHOSTUNREACH), (RTN_PROHIBIT, EACCES), (RTN_THROW, EAGAIN)],
)
def test_a_route_that_forbids_answers_with_its_errno(type_: int, errno: int) -> None:
    assert found(table(route("10.0.0.0/24", type_=type_), route("0.0.0.0/0")), Flow(ip("10.0.0.1"))) == errno


def test_dead_next_hops_and_routes_are_passed_over() -> None:
    dead, dying, alive = route("10.0.0.0/24", 1), route("10.0.0.0/16", 2), route("10.0.0.0/8", 3)
    dead.info.nexthops[0].flags |= RTNH_F_DEAD
    dying.info.flags |= RTNH_F_DEAD
    assert found(table(dead, dying, alive), Flow(ip("10.0.0.1"))) is alive


def test_a_hop_without_carrier_is_passed_over_only_where_its_device_says_so() -> None:
    down, up = route("10.0.0.0/24"), route("10.0.0.0/8", 2)
    down.info.nexthops[0].flags |= RTNH_F_LINKDOWN
    assert found(table(down, up), Flow(ip("10.0.0.1"))) is down
    routes = table(route("10.0.0.0/24"), up, ignores_linkdown=lambda dev: dev is ETH[1])
    next(iter(routes)).info.nexthops[0].flags |= RTNH_F_LINKDOWN
    assert found(routes, Flow(ip("10.0.0.1"))) is up
    assert found(routes, Flow(ip("10.0.0.1")), ignore_linkstate=True) is not up  # a gateway may be there


def by_hand(routes: list[FibRoute], destination: int) -> FibRoute | None:
    """Longest prefix match as one would write it without a table."""
    fitting = [one for one in routes if not (one.prefix ^ destination) & netmask(one.prefixlen)]
    return max(fitting, key=lambda one: one.prefixlen, default=None)


@given(
    st.lists(st.tuples(st.integers(0, 0xFFFFFFFF), st.integers(0, 32)), max_size=30, unique=True),
    st.lists(st.integers(0, 0xFFFFFFFF), min_size=1, max_size=10),
)
def test_any_table_answers_as_a_walk_over_all_its_routes(
    prefixes: list[tuple[int, int]], destinations: list[int]
) -> None:
    every = {
        (prefix & netmask(length), length): FibRoute(
            254, prefix & netmask(length), length, FibInfo(RTN_UNICAST, (Nexthop(ETH[1]),))
        )
        for prefix, length in prefixes
    }
    routes = table(*every.values())
    for destination in [*destinations, *(prefix for prefix, _ in prefixes)]:
        assert found(routes, Flow(destination)) is by_hand(list(every.values()), destination)
    for one in list(every.values())[::2]:
        routes.trie.remove(one)
    left = list(every.values())[1::2]
    assert len(routes) == len(left)
    for destination in destinations:
        assert found(routes, Flow(destination)) is by_hand(left, destination)


# -- adding ------------------------------------------------------------------------------------------------


def hops(routes: FibTable) -> list[str]:
    return [one.info.nexthops[0].dev.name for one in routes if one.info.nexthops[0].dev is not None]


@pytest.mark.parametrize(
    ("second", "refused"),
    [
        (route("10.0.0.0/24", 2), True),
        (route("10.0.0.0/24", 2, metric=1), False),
        (route("10.0.0.0/24", 2, tos=8), False),
        (route("10.0.0.0/25", 2), False),
    ],
    ids=["same", "metric", "tos", "length"],
)
def test_add_refuses_a_second_route_of_the_same_prefix_tos_and_metric(
    second: FibRoute, refused: bool
) -> None:
    routes = table(route("10.0.0.0/24", 1))
    if not refused:
        routes.put(second, exclusive=True)
        assert len(routes) == 2
        return
    with pytest.raises(NetError) as error:
        routes.put(second, exclusive=True)
    assert error.value.number == EEXIST
    assert len(routes) == 1


@pytest.mark.parametrize(
    ("append", "order"), [(True, ["eth1", "eth2", "eth3"]), (False, ["eth3", "eth2", "eth1"])]
)
def test_append_puts_behind_and_prepend_before_its_equals(append: bool, order: list[str]) -> None:
    routes = Table()
    for dev in (1, 2, 3):
        routes.put(route("10.0.0.0/24", dev), append=append)
    assert hops(routes) == order


def test_the_very_same_route_is_refused_even_when_appended() -> None:
    routes = table(route("10.0.0.0/24", 1))
    with pytest.raises(NetError) as error:
        routes.put(route("10.0.0.0/24", 1), append=True)
    assert error.value.number == EEXIST


def replace(routes: Table, one: FibRoute) -> None:
    routes.put(one, replace=True)


def test_replace_takes_the_place_of_the_first_equal() -> None:
    routes = Table()
    for dev in (1, 2):
        routes.put(route("10.0.0.0/24", dev), append=True)
    replace(routes, route("10.0.0.0/24", 3))
    assert hops(routes) == ["eth3", "eth2"]


def test_replacing_the_first_by_itself_changes_nothing() -> None:
    first = route("10.0.0.0/24", 1)
    routes = table(first)
    replace(routes, route("10.0.0.0/24", 1))
    assert list(routes) == [first]


def test_replacing_by_what_is_there_further_down_is_refused() -> None:
    """Linux: net/ipv4/fib_trie.c fib_table_insert()"""
    routes = Table()
    for dev in (1, 2):
        routes.put(route("10.0.0.0/24", dev), append=True)
    with pytest.raises(NetError) as error:
        replace(routes, route("10.0.0.0/24", 2))
    assert error.value.number == EEXIST


def test_replacing_what_is_not_there_adds_it() -> None:
    routes = Table()
    replace(routes, route("10.0.0.0/24", 1))
    assert len(routes) == 1


# -- deleting ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("wanted", "gone"),
    [
        (FibMatch(), "eth1"),
        (FibMatch(dev=ETH[2]), "eth2"),
        (FibMatch(gateway=ip("10.9.0.3")), "eth3"),
        (FibMatch(dev=ETH[3], gateway=ip("10.9.0.3")), "eth3"),
        (FibMatch(priority=20), "eth2"),
        (FibMatch(protocol=RTPROT_KERNEL), "eth3"),
        (FibMatch(prefsrc=ip("10.9.0.9")), "eth2"),
        (FibMatch(scope=RT_SCOPE_LINK), "eth3"),
        (FibMatch(type_=RTN_UNICAST), "eth1"),
    ],
    ids=["any", "dev", "via", "dev via", "metric", "proto", "src", "scope", "type"],
)
def test_delete_takes_the_first_that_fits_what_was_said(wanted: FibMatch, gone: str) -> None:
    routes = table(
        route("10.0.0.0/24", 1, metric=10),
        route("10.0.0.0/24", 2, metric=20, src="10.9.0.9"),
        route("10.0.0.0/24", 3, metric=30, via="10.9.0.3", scope=RT_SCOPE_LINK, protocol=RTPROT_KERNEL),
    )
    deleted = routes.delete(ip("10.0.0.0"), 24, 0, wanted)
    assert deleted.info.nexthops[0].dev is not None
    assert deleted.info.nexthops[0].dev.name == gone
    assert len(routes) == 2


@pytest.mark.parametrize(
    "delete",
    [
        lambda routes: routes.delete(ip("10.0.1.0"), 24, 0, FibMatch()),
        lambda routes: routes.delete(ip("10.0.0.0"), 25, 0, FibMatch()),
        lambda routes: routes.delete(ip("10.0.0.0"), 24, 8, FibMatch()),
        lambda routes: routes.delete(ip("10.0.0.0"), 24, 0, FibMatch(dev=ETH[2])),
        lambda routes: routes.delete(ip("10.0.0.0"), 24, 0, FibMatch(gateway=ip("10.9.9.9"))),
        lambda routes: routes.delete(ip("10.0.0.0"), 24, 0, FibMatch(type_=RTN_BLACKHOLE)),
    ],
    ids=["prefix", "length", "tos", "dev", "via", "type"],
)
def test_what_is_not_there_cannot_be_deleted(delete: Callable[[FibTable], object]) -> None:
    routes = table(route("10.0.0.0/24", 1))
    with pytest.raises(NetError) as error:
        delete(routes)
    assert error.value.number == ESRCH


def test_a_route_without_next_hop_fits_no_device() -> None:
    routes = table(route("10.0.0.0/24", type_=RTN_BLACKHOLE))
    with pytest.raises(NetError):
        routes.delete(ip("10.0.0.0"), 24, 0, FibMatch(dev=ETH[1]))
    routes.delete(ip("10.0.0.0"), 24, 0, FibMatch())
    assert len(routes) == 0


def test_routes_come_in_the_order_of_the_kernels_trie() -> None:
    """By destination; of those that begin alike the longest first. Held against `ip route show` on 6.18."""
    texts = ["10.0.1.0/24", "0.0.0.0/0", "10.0.0.0/8", "10.0.0.0/24", "10.0.0.1/32", "9.0.0.0/8", "0.0.0.0/8"]
    shown = [f"{one.prefix >> 24}…/{one.prefixlen}" for one in table(*map(route, texts))]
    assert shown == ["0…/8", "0…/0", "9…/8", "10…/24", "10…/8", "10…/32", "10…/24"]


def test_infos_are_the_same_if_all_that_a_user_says_is() -> None:
    one = route("10.0.0.0/24", 1).info
    assert one.same_as(route("10.0.0.0/24", 1).info)
    for other in (
        route("10.0.0.0/24", 2),
        route("10.0.0.0/24", 1, via="10.9.0.1"),
        route("10.0.0.0/24", 1, metric=1),
        route("10.0.0.0/24", 1, scope=RT_SCOPE_LINK),
        route("10.0.0.0/24", 1, protocol=RTPROT_KERNEL),
        route("10.0.0.0/24", 1, src="10.0.0.9"),
        route("10.0.0.0/24", type_=RTN_BLACKHOLE),
    ):
        assert not one.same_as(other.info)
