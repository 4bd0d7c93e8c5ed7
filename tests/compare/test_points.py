"""The points of observation: each gap between two things that may happen to a packet has one of them."""

from itertools import pairwise

import pytest

from pystack.compare.points import POINTS, points_of

# What can happen to a packet at a hook, by priority; written down again from KERNEL's constants.
TABLES = {
    ("netdev", "INGRESS"): {},
    ("netdev", "EGRESS"): {},
    ("bridge", "PREROUTING"): {"nat": -300, "br_netfilter": 0},
    ("bridge", "INPUT"): {"filter": -200},
    ("bridge", "FORWARD"): {"filter": -200, "br_netfilter": 0},
    ("bridge", "OUTPUT"): {"filter": -200, "nat": 100, "legacy filter": 200},
    ("bridge", "POSTROUTING"): {"nat": 300},
    ("arp", "INPUT"): {"filter": 0},
    ("arp", "OUTPUT"): {"filter": 0},
    ("ip", "PREROUTING"): {"raw": -300, "mangle": -150, "nat": -100},
    ("ip", "INPUT"): {"mangle": -150, "filter": 0, "nat": 100},
    ("ip", "FORWARD"): {"mangle": -150, "filter": 0, "security": 50},
    ("ip", "OUTPUT"): {"raw": -300, "mangle": -150, "nat": -100, "filter": 0, "security": 50},
    ("ip", "POSTROUTING"): {"mangle": -150, "nat": 100},
    ("ip6", "PREROUTING"): {"raw": -300, "mangle": -150, "nat": -100},
    ("ip6", "FORWARD"): {"mangle": -150, "filter": 0, "security": 50},
    ("ip6", "POSTROUTING"): {"mangle": -150, "nat": 100},
}
DEFRAG, CONNTRACK = -400, -200


def test_every_hook_has_its_points() -> None:
    assert list(dict.fromkeys((point.family, point.hook) for point in POINTS)) == list(TABLES)


@pytest.mark.parametrize(("family", "hook"), TABLES)
def test_each_point_says_which_table_stands_between_it_and_the_one_before(family: str, hook: str) -> None:
    points = [point for point in POINTS if (point.family, point.hook) == (family, hook)]
    tables = TABLES[family, hook]
    assert len(points) == len(tables) + 1
    for before, point in pairwise(points):
        between = [name for name, priority in tables.items() if before.priority < priority < point.priority]
        assert between == [point.after]


@pytest.mark.parametrize("hook", ["PREROUTING", "OUTPUT"])
def test_fragments_are_seen_before_they_are_put_together_and_raw_before_conntrack(hook: str) -> None:
    first, second = [point.priority for point in POINTS if (point.family, point.hook) == ("ip", hook)][:2]
    assert first < DEFRAG < second < CONNTRACK


def test_names_tell_points_apart_and_fit_into_a_log_prefix() -> None:
    names = [point.name for point in POINTS]
    assert len(set(names)) == len(names)
    assert "bridge/FORWARD/-150" in names
    assert max(map(len, names)) < 64


def test_the_link_header_is_shown_where_the_kernel_shows_it() -> None:
    assert {point.family for point in POINTS if not point.link} == {"ip", "ip6"}


def test_a_scenario_is_seen_in_all_families_that_carry_its_packets() -> None:
    assert {point.family for point in points_of(("ip",))} == {"netdev", "bridge", "arp", "ip"}
    assert {point.family for point in points_of(("ip6",))} == {"netdev", "bridge", "ip6"}
    assert tuple(points_of(("ip", "ip6"))) == POINTS
    assert tuple(points_of(())) == ()
