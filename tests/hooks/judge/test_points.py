"""Points make a whole, or are refused."""

import re

import pytest

from pystack.hooks.judge.points import hook_of, last_hooks, missing_for_nat
from pystack.hooks.shim.placement import USUAL, Refused
from pystack.netfilter.hooks import FORWARD, INPUT, OUTPUT, POSTROUTING, PREROUTING

IN_FRONT = ["raw/prerouting", "mangle/input", "raw/output", "mangle/postrouting"]


def test_a_point_stands_for_the_hook_that_its_chain_is_called_after() -> None:
    assert [hook_of(point) for point in USUAL] == [PREROUTING, INPUT, FORWARD, OUTPUT, POSTROUTING]


@pytest.mark.parametrize(
    ("points", "last"),
    [
        (USUAL, {INPUT, POSTROUTING}),
        (["filter/forward"], {FORWARD}),
        (["mangle/prerouting"], {PREROUTING}),
        (["mangle/prerouting", "filter/input", "filter/forward"], {INPUT, FORWARD}),
        (["raw/output", "filter/forward", "mangle/postrouting"], {POSTROUTING}),
    ],
)
def test_a_connection_counts_from_the_last_point_of_a_packet_on(points: list[str], last: set[int]) -> None:
    assert last_hooks(points) == last


@pytest.mark.parametrize(
    ("points", "why"),
    [
        (["raw/output", "filter/output"], "raw/output and filter/output are one hook"),
        (["mangle/prerouting", "mangle/input"], "prerouting needs forward or postrouting, too"),
        (["mangle/prerouting", "filter/forward"], "prerouting needs input, too"),
    ],
)
def test_points_that_leave_open_where_a_packet_was_seen_last_are_refused(points: list[str], why: str) -> None:
    with pytest.raises(Refused, match=re.escape(why)):
        last_hooks(points)


def test_who_translates_stands_in_front_of_the_kernels_tracking_and_at_both_ends() -> None:
    assert missing_for_nat(USUAL, kernel_tracks=False) == []
    assert missing_for_nat(USUAL, kernel_tracks=True) == ["raw/prerouting", "raw/output"]
    assert missing_for_nat(IN_FRONT, kernel_tracks=True) == []
    assert missing_for_nat(IN_FRONT[:-1], kernel_tracks=False) == ["mangle/postrouting"]
