"""Which of several next hops a flow takes."""

from collections import Counter

import pytest

from pystack.l3.fib_trie import never
from pystack.l3.fib_types import RTN_UNICAST, RTNH_F_DEAD, RTNH_F_LINKDOWN, FibInfo, Nexthop
from pystack.l3.multipath import NO_FLOWS, choose, flow_hash, rebalance, siphash
from tests.box import Box
from tests.frames import ip


def shared_by(*weights: int) -> FibInfo:
    info = FibInfo(RTN_UNICAST, tuple(Nexthop(None, weight=weight) for weight in weights))
    rebalance(info, never)
    return info


def always(hop: Nexthop) -> bool:
    return True


def test_siphash_is_the_published_one() -> None:
    """The reference vectors of its authors: the key 00…0f, over 0, 1, 8 and 15 octets."""
    key = (0x0706050403020100, 0x0F0E0D0C0B0A0908)
    expected = {
        0: 0x726FDB47DD0E0E31,
        1: 0x74F839C593DC67FD,
        8: 0x93F5F5799A932462,
        15: 0xA129CA6149BE45E5,
    }
    assert {length: siphash(*key, bytes(range(length))) for length in expected} == expected


def test_a_flow_is_hashed_as_the_kernel_hashes_it() -> None:
    """`ip route get 10.9.0.N` on Linux 6.18 with fib_multipath_hash_seed=12345 over two equal hops."""
    first = [flow_hash(12345, 0, ip("10.9.0.0") + number) < 1 << 30 for number in range(1, 11)]
    assert first == [True, True, False, True, False, False, False, True, True, True]


def test_both_directions_of_a_flow_have_one_hash() -> None:
    there = flow_hash(7, ip("10.0.0.1"), ip("10.0.0.2"), 17, 53, 4000)
    assert there == flow_hash(7, ip("10.0.0.2"), ip("10.0.0.1"), 17, 4000, 53)
    assert there != flow_hash(8, ip("10.0.0.1"), ip("10.0.0.2"), 17, 53, 4000)


@pytest.mark.parametrize(
    ("weights", "bounds"),
    [
        ((1, 1), [(1 << 30) - 1, (1 << 31) - 1]),
        ((1, 3), [(1 << 29) - 1, (1 << 31) - 1]),
        ((1, 1, 1), [715827882, 1431655764, (1 << 31) - 1]),
    ],
)
def test_hashes_are_shared_out_by_weight(weights: tuple[int, ...], bounds: list[int]) -> None:
    assert [hop.upper_bound for hop in shared_by(*weights).nexthops] == bounds


def test_dead_hops_get_no_share_nor_do_those_whose_lost_carrier_counts() -> None:
    info = shared_by(1, 1, 2)
    info.nexthops[0].flags |= RTNH_F_DEAD
    info.nexthops[1].flags |= RTNH_F_LINKDOWN
    rebalance(info, never)
    assert [hop.upper_bound == NO_FLOWS for hop in info.nexthops] == [True, False, False]
    for hop in info.nexthops:
        hop.dev = Box().ns.loopback
    rebalance(info, lambda dev: True)
    assert [hop.upper_bound == NO_FLOWS for hop in info.nexthops] == [True, True, False]


def test_flows_meet_the_hops_in_proportion() -> None:
    info = shared_by(1, 3)
    chosen = Counter(
        info.nexthops.index(hop)
        for number in range(2000)
        if (hop := choose(info, flow_hash(7, 0, number), 0, always)) is not None
    )
    assert chosen[0] + chosen[1] == 2000
    assert 400 < chosen[0] < 600


def test_a_hop_that_speaks_with_the_flows_source_is_preferred() -> None:
    info = shared_by(1, 1)
    info.nexthops[1].saddr = ip("10.0.1.1")
    assert choose(info, 0, ip("10.0.1.1"), always) is info.nexthops[1]
    assert choose(info, 0, ip("10.0.9.9"), always) is info.nexthops[0]
    assert choose(info, 0, 0, always) is info.nexthops[0]


def test_where_no_hop_is_good_none_is_chosen() -> None:
    assert choose(shared_by(1, 1), 0, 0, lambda hop: False) is None
