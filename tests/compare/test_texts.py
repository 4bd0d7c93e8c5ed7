"""Texts are compared in their order, but for what the kernel lists in the order of its buckets."""

from __future__ import annotations

import pytest

from pystack.compare.diff import Comparison, Differ
from pystack.compare.records import Output
from pystack.compare.texts import is_unordered


def compared(command: str, theirs: str, ours: str) -> Comparison:
    return Differ(
        [Output(1, command, 0, theirs, theirs, "")], [Output(1, command, 0, ours, ours, "")]
    ).compare()


@pytest.mark.parametrize(
    "command",
    [
        *(
            "ip neigh",
            "ip n",
            "ip -s neighbor show dev br0",
            "ip -n red neigh list",
            "ip -4 route show cache",
        ),
        *("conntrack -L", "cat /proc/net/arp", "ss -tan", "netstat -tn", "ip neigh; ip n show dev lo"),
    ],
)
def test_what_lists_a_hash_has_no_order(command: str) -> None:
    assert is_unordered(command)


@pytest.mark.parametrize(
    "command",
    [
        *("ip neigh add 10.0.0.9 dev eth0", "ip netns list", "ip", "ip route", "ip addr", "bridge fdb show"),
        *("netstat -r", "netstat -s", "cat /proc/net/route", "ip neigh; ip link", "ping -c1 10.0.0.1"),
    ],
)
def test_everything_else_has_one(command: str) -> None:
    assert not is_unordered(command)


def test_the_order_of_a_hash_is_forgiven_by_name() -> None:
    found = compared("ip neigh", "10.0.0.5 STALE\n10.0.0.9 FAILED\n", "10.0.0.9 FAILED\n10.0.0.5 STALE\n")
    assert (found.differences, found.forgiven) == ([], {"hash-order": 1})


def test_the_order_of_a_hash_in_json_is_forgiven_too() -> None:
    found = compared("ip -j neigh", '[{"dst":"a"},{"dst":"b"}]\n', '[{"dst":"b"},{"dst":"a"}]\n')
    assert found.differences == []


def test_what_is_in_a_hash_is_compared() -> None:
    (found,) = compared("ip neigh", "a STALE\nb FAILED\n", "b FAILED\na REACHABLE\n").differences
    assert found.cause == "line 1: 'a STALE' is not 'a REACHABLE'"


def test_the_order_of_routes_is_compared() -> None:
    (found,) = compared("ip route", "a\nb\n", "b\na\n").differences
    assert found.cause == "line 1: 'a' is not 'b'"


def test_how_many_queues_a_device_has_follows_from_the_machine() -> None:
    theirs, ours = ("br0: numtxqueues 1 numrxqueues 1", "br0: numtxqueues 4 numrxqueues 4")
    assert compared("ip -d link", theirs, ours).differences == []
